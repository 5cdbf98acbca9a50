#include <algorithm>
#include <array>
#include <charconv>

#include "base/utf8.h"
#include "domain/expression.h"
#include "engine/digest.h"
#include "engine/outgoing.h"

namespace corral::engine {
namespace {

constexpr Duration kUsualTimeout{60'000};
constexpr std::size_t kMaxAnswer = 96u << 10;  // a step's outputs are bounded: this is in them
constexpr std::array<std::string_view, 7> kMethods{"GET",   "HEAD",   "POST",   "PUT",
                                                   "PATCH", "DELETE", "OPTIONS"};
// What belongs to the connection, not to the request: the client's own.
constexpr std::array<std::string_view, 9> kOwnHeaders{
    "host", "content-length", "transfer-encoding", "connection", "expect", "upgrade",
    "te",   "trailer",        "keep-alive"};

std::string cased(std::string_view text, int (*change)(int)) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [change](char c) {
    return static_cast<char>(change(static_cast<unsigned char>(c)));
  });
  return out;
}
std::string lower(std::string_view text) { return cased(text, std::tolower); }
std::string upper(std::string_view text) { return cased(text, std::toupper); }

bool is_json(std::string_view media_type) {
  const auto type = lower(media_type.substr(0, media_type.find(';')));
  const auto end = type.find_last_not_of(" \t");
  const auto name = std::string_view(type).substr(0, end == std::string::npos ? 0 : end + 1);
  return name == "application/json" || name.ends_with("+json");
}

// Which statuses are a success: 200, "404", "2xx", or a list of them.
class Expected {
 public:
  static Result<Expected> parse(const json::value& value) {
    Expected expected;
    if (!value.is_array()) {
      CORRAL_CHECK(expected.add(value));
    } else {
      for (const auto& one : value.get_array()) CORRAL_CHECK(expected.add(one));
    }
    if (expected.ranges_.empty()) return fail(ErrorCode::invalid, "no status is named");
    return expected;
  }
  bool covers(int status) const {
    return std::ranges::any_of(ranges_, [&](const auto& range) {
      return status >= range.first && status <= range.second;
    });
  }

 private:
  Result<void> add(const json::value& value) {
    const std::string text = domain::as_text(value);
    if (text.size() == 3 && text[0] >= '1' && text[0] <= '5') {
      const int hundred = (text[0] - '0') * 100;
      if (text.ends_with("xx")) {
        ranges_.emplace_back(hundred, hundred + 99);
        return {};
      }
      int status = 0;
      const auto read = std::from_chars(text.data(), text.data() + text.size(), status);
      if (read.ec == std::errc() && read.ptr == text.data() + text.size()) {
        ranges_.emplace_back(status, status);
        return {};
      }
    }
    return fail(ErrorCode::invalid, "{} is no status: write for instance 200, 2xx or [200, 404]",
                value.is_string() ? text : json::serialize(value));
  }
  std::vector<std::pair<int, int>> ranges_;
};

// Empty: it may be sent.
std::string problem_of_header(std::string_view name, std::string_view value) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";  // RFC 9110, 5.6.2
  const bool token = !name.empty() && std::ranges::all_of(name, [&](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || kOthers.contains(c);
  });
  if (!token) return fmt::format("\"{}\" is no name of a header", excerpt(name));
  const auto low = lower(name);
  if (std::ranges::find(kOwnHeaders, low) != kOwnHeaders.end() || low.starts_with("proxy-"))
    return fmt::format("the header \"{}\" follows from the request and cannot be given", name);
  const bool control = std::ranges::any_of(value, [](char c) {
    return (static_cast<unsigned char>(c) < ' ' && c != '\t') || c == '\x7f';
  });
  return control ? fmt::format("the value of the header \"{}\" has a control character in it", name)
                 : "";
}

bool is_computed(const json::value& value) {
  return value.is_string() && domain::has_expression(std::string_view(value.get_string()));
}

std::string shown_url(std::string_view url) {
  const auto query = url.find_first_of("?#");
  return std::string(url.substr(0, query)) + (query == std::string_view::npos ? "" : "?…");
}

struct Call {
  ports::HttpRequest request;
  Expected expected;
  std::string shown;  // without what may be secret
};

// A request that leaves from the server. It is sent again after a crash, and says so by the same
// Idempotency-Key, which follows from run, step and attempt.
class HttpKind final : public StepKind {
 public:
  domain::KindRules rules() const override {
    using domain::FieldRule, domain::FieldType;
    constexpr auto optional = FieldRule::Need::optional;
    return {.name = "http",
            .description = "asks an HTTP server outside, from Corral's server",
            .fields = {{"url", FieldType::text, FieldRule::Need::required,
                        "an absolute http or https URL"},
                       {"method", FieldType::text, optional,
                        "GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS (GET)"},
                       {"headers", FieldType::map, optional, "texts by name"},
                       {"body", FieldType::text, optional, "what is sent, as text"},
                       {"json", FieldType::any, optional, "or what is sent as JSON: any value"},
                       {"expect", FieldType::any, optional,
                        "which statuses are a success: 200, 2xx, or a list (2xx)"}},
            .outputs = {"status", "headers", "body", "json"},
            .check = check};
  }
  bool needs_workspace() const override { return false; }

  Task<Result<StepEnd>> execute(StepContext& context) const override {
    auto call = call_of(context);
    if (!call) co_return StepEnd{.failure = domain::failure_of(call.error())};
    const std::string id = context.process_id();
    CORRAL_CO_CHECK(co_await context.note("http/" + id, call->shown + "\n"));
    const auto& clock = context.core.deps.clock;
    const Time begin = clock.now();
    auto answer =
        co_await unless_stopped(context, context.core.deps.http.send(std::move(call->request)));
    if (!answer)
      co_return StepEnd{.failure = domain::Failure{ErrorCode::cancelled, "the run was cancelled"}};
    // The server is stopping: the next one sends it again.
    if (!*answer && (*answer).error().code == ErrorCode::cancelled)
      co_return std::unexpected((*answer).error());
    if (!*answer) co_return StepEnd{.failure = domain::failure_of((*answer).error())};
    const auto& response = **answer;
    CORRAL_CO_CHECK(co_await context.note(
        "http/" + id + ".end", fmt::format("{}, {} bytes, {} ms\n", response.status,
                                           response.body.size(), (clock.now() - begin).count())));
    co_return ended(*call, response, clock.now());
  }

 private:
  using Problems = std::vector<std::pair<std::string, std::string>>;
  static Problems check(const domain::StepDefinition& step) {
    Problems problems;
    const auto add = [&](std::string key, std::string_view what) {
      auto message = fmt::format("`{}:` of step \"{}\": {}", key, step.name, what);
      problems.emplace_back(std::move(key), std::move(message));
    };
    const auto url = step.text("url");
    if (!url.empty() && !url.starts_with("http://") && !url.starts_with("https://") &&
        !url.starts_with("${{"))
      add("url", "it must begin with http:// or https://");
    const auto method = upper(step.text("method"));
    const bool known = method.empty() || domain::has_expression(step.text("method"));
    if (!known && std::ranges::find(kMethods, method) == kMethods.end())
      add("method", fmt::format("\"{}\" is none of {}", method, fmt::join(kMethods, ", ")));
    const bool has_body = step.with.contains("body"), has_json = step.with.contains("json");
    if (has_body && has_json) add("json", "there is a `body:` already: remove one");
    if ((has_body || has_json) && (method.empty() || method == "GET" || method == "HEAD"))
      add(has_json ? "json" : "body", "a GET or HEAD sends nothing: add `method: POST`");
    if (const auto* headers = step.with.if_contains("headers");
        headers != nullptr && headers->is_object())
      for (const auto& [name, value] : headers->get_object()) {
        if (value.is_object() || value.is_array())
          add("headers", fmt::format("\"{}\" must be a text", std::string_view(name)));
        else if (const auto problem = problem_of_header(
                     name, is_computed(value) ? std::string() : domain::as_text(value));
                 !problem.empty())
          add("headers", problem);
      }
    if (const auto* expect = step.with.if_contains("expect");
        expect != nullptr && !is_computed(*expect))
      if (const auto parsed = Expected::parse(*expect); !parsed)
        add("expect", parsed.error().message);
    return problems;
  }

  static Result<Call> call_of(const StepContext& context) {
    Call call;
    auto& request = call.request;
    request.url = context.text("url");
    request.max_response_bytes = kMaxAnswer;
    const auto left = context.time_left();
    request.timeout = left;
    if (context.step().definition.timeout.count() == 0 &&
        (left.count() == 0 || left > kUsualTimeout))
      request.timeout = kUsualTimeout;
    if (const auto method = upper(context.text("method")); !method.empty()) request.method = method;
    if (std::ranges::find(kMethods, request.method) == kMethods.end())
      return fail(ErrorCode::invalid, "method: \"{}\" is none of {}", excerpt(request.method),
                  fmt::join(kMethods, ", "));
    const json::value otherwise("2xx");
    const auto* expect = context.with.if_contains("expect");
    auto expected = Expected::parse(expect != nullptr ? *expect : otherwise);
    if (!expected) return fail(ErrorCode::invalid, "expect: {}", expected.error().message);
    call.expected = *std::move(expected);

    std::map<std::string, std::pair<std::string, std::string>> headers{
        {"user-agent", {"User-Agent", "corral"}},
        {"idempotency-key",
         {"Idempotency-Key",
          uuid_of(fmt::format("http/{}/{}", context.run.id.to_string(), context.process_id()))
              .to_string()}}};
    if (const auto* value = context.with.if_contains("json")) {
      request.body = json::serialize(*value);
      headers["content-type"] = {"Content-Type", "application/json"};
    } else if (context.with.contains("body")) {
      request.body = context.text("body");
      headers["content-type"] = {"Content-Type", "text/plain; charset=utf-8"};
    }
    if (const auto* given = context.with.if_contains("headers")) {
      if (!given->is_object()) return fail(ErrorCode::invalid, "headers: must be a mapping");
      for (const auto& [name, value] : given->get_object()) {
        auto text = domain::as_text(value);
        if (const auto problem = problem_of_header(name, text); !problem.empty())
          return fail(ErrorCode::invalid, "headers: {}", problem);
        headers[lower(name)] = {std::string(name), std::move(text)};
      }
    }
    for (auto& [key, header] : headers) request.headers.push_back(std::move(header));
    call.shown = fmt::format("{} {}", request.method, excerpt(shown_url(request.url)));
    return call;
  }

  static StepEnd ended(const Call& call, const ports::HttpResponse& response, Time now) {
    StepEnd end;
    if (!call.expected.covers(response.status)) {
      const auto said = excerpt(response.body);
      end.failure = domain::Failure{code_of_status(response.status),
                                    fmt::format("{} was answered with {}{}{}", call.shown,
                                                response.status, said.empty() ? "" : ": ", said)};
      end.pause = pause_of(response.status, response.headers, now);
      return end;
    }
    json::object headers;
    for (const auto& [name, value] : response.headers)
      if (name != "set-cookie") headers[to_valid_utf8(name)] = to_valid_utf8(value);
    json::value parsed;
    const auto type = response.headers.find("content-type");
    if (type != response.headers.end() && is_json(type->second))
      if (auto value = parse_json(response.body, "the answer")) parsed = *std::move(value);
    end.outputs = {{"status", response.status},
                   {"headers", std::move(headers)},
                   {"body", to_valid_utf8(response.body)},
                   {"json", std::move(parsed)}};
    return end;
  }
};

}  // namespace

std::unique_ptr<StepKind> make_http_kind() { return std::make_unique<HttpKind>(); }

}  // namespace corral::engine
