#include <algorithm>

#include "base/log.h"
#include "base/utf8.h"
#include "domain/expression.h"
#include "engine/metering.h"
#include "engine/outgoing.h"
#include "engine/usage_meter.h"

namespace corral::engine {
namespace {

constexpr std::string_view kUsualModel = "claude-haiku-4-5";
constexpr std::int64_t kUsualTokens = 4096, kMostTokens = 32'000;
constexpr std::size_t kMaxAnswer = 4u << 20;
constexpr Duration kUsualTimeout = std::chrono::minutes(10);
constexpr int kGone = 499, kUnreachable = 502;  // as the gateway counts such calls

// The whole answer, and what it used.
class AnswerSink final : public ports::LlmSink {
 public:
  ports::LlmResponseHead answer{.status = 0, .headers = {}};
  std::string text;
  UsageMeter meter{ports::LlmApi::anthropic_messages};

  Task<Result<void>> head(ports::LlmResponseHead head) override {
    answer = std::move(head);
    const auto type = answer.headers.find("content-type");
    meter.begin(type != answer.headers.end() && type->second.starts_with("text/event-stream")
                    ? UsageMeter::Form::event_stream
                    : UsageMeter::Form::json);
    co_return Result<void>{};
  }
  Task<Result<void>> body(std::string bytes) override {
    meter.feed(bytes);
    if (text.size() + bytes.size() > kMaxAnswer)
      co_return fail(ErrorCode::exhausted, "the model's answer has more than {} MiB",
                     kMaxAnswer >> 20);
    text += bytes;
    co_return Result<void>{};
  }
};

struct Message {
  std::string text, model, stop_reason;
  json::object usage;
};

Result<Message> message_of(std::string_view body) {
  CORRAL_TRY(const auto parsed, parse_json(body, "the model's answer"));
  const auto* content = find(parsed, {"content"});
  if (content == nullptr || !content->is_array())
    return fail(ErrorCode::corrupt, "the model's answer has no content");
  Message message;
  for (const auto& block : content->get_array())
    if (find_string(block, {"type"}) == "text") message.text += find_string(block, {"text"});
  message.model = find_string(parsed, {"model"});
  message.stop_reason = find_string(parsed, {"stop_reason"});
  for (const auto& [ours, theirs] : {std::pair{"input_tokens", "input_tokens"},
                                     {"output_tokens", "output_tokens"},
                                     {"cache_read_tokens", "cache_read_input_tokens"},
                                     {"cache_write_tokens", "cache_creation_input_tokens"}})
    message.usage[ours] = find_int(parsed, {"usage", theirs});
  return message;
}

// Models like to put JSON into a fence.
std::string_view without_fence(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n", kFence = "```";
  const auto trim = [&](std::string_view all) {
    const auto begin = all.find_first_not_of(kSpace);
    if (begin == std::string_view::npos) return std::string_view();
    return all.substr(begin, all.find_last_not_of(kSpace) - begin + 1);
  };
  text = trim(text);
  const auto line = text.find('\n');
  if (!text.starts_with(kFence) || !text.ends_with(kFence) || line == std::string_view::npos ||
      text.size() < line + 1 + kFence.size())
    return text;
  return trim(text.substr(line + 1, text.size() - line - 1 - kFence.size()));
}

// One question to a model, without a sandbox and without tools. Metered as agents' calls are. The
// answer is kept before the step ends, so that a driver that takes over does not pay again.
class LlmKind final : public StepKind {
 public:
  domain::KindRules rules() const override {
    using domain::FieldRule, domain::FieldType;
    constexpr auto optional = FieldRule::Need::optional;
    return {.name = "llm",
            .description = "asks a model one question, without a sandbox or tools",
            .fields = {{"prompt", FieldType::text, FieldRule::Need::required, "the question"},
                       {"model", FieldType::text, optional, "the model; otherwise the run's"},
                       {"system", FieldType::text, optional, "the system prompt"},
                       {"max_tokens", FieldType::number, optional,
                        "of the answer, at most 32000 (4096)"},
                       {"json", FieldType::boolean, optional,
                        "whether the answer must be JSON: otherwise the step fails (false)"}},
            .outputs = {"text", "json", "model", "stop_reason", "usage"},
            .check = check};
  }
  bool needs_workspace() const override { return false; }

  Task<Result<StepEnd>> execute(StepContext& context) const override {
    auto request = request_of(context);
    if (!request) co_return StepEnd{.failure = domain::failure_of(request.error())};
    CORRAL_CO_TRY(const auto kept,
                  co_await context.core.deps.logs.open(
                      run_log_folder(context.run.id) + "/llm/" + context.process_id(),
                      session::LogStore::Open::create));
    CORRAL_CO_TRY(const auto earlier, co_await read_all(*kept));
    if (auto message = message_of(earlier))
      co_return co_await answered(context, *std::move(message));

    if (const auto admitted =
            co_await admit_model_call(context.core, context.run.id, std::string(kActor));
        !admitted) {
      if (admitted.error().code != ErrorCode::exhausted)
        co_return std::unexpected(admitted.error());
      co_return StepEnd{.failure = domain::failure_of(admitted.error())};
    }
    AnswerSink sink;
    CORRAL_CO_TRY(auto failed, co_await ask(context, *std::move(request), sink));
    if (failed) co_return *std::move(failed);
    auto message = message_of(sink.text);
    if (!message)
      co_return StepEnd{.failure =
                            domain::Failure{ErrorCode::unavailable, message.error().describe() +
                                                                        ": " + excerpt(sink.text)}};
    // The first answer stands, should another driver have asked meanwhile.
    CORRAL_CO_CHECK(co_await write_note(*kept, "answer", std::move(sink.text)));
    CORRAL_CO_TRY(const auto stands, co_await read_all(*kept));
    if (auto first = message_of(stands)) message = std::move(first);
    co_return co_await answered(context, *std::move(message));
  }

 private:
  static constexpr std::string_view kActor = "worker";

  static std::vector<std::pair<std::string, std::string>> check(
      const domain::StepDefinition& step) {
    const auto* tokens = step.with.if_contains("max_tokens");
    if (tokens == nullptr || !tokens->is_number() || tokens_of(*tokens)) return {};
    return {{"max_tokens", fmt::format("`max_tokens:` of step \"{}\" must be a whole number from 1 "
                                       "to {}",
                                       step.name, kMostTokens)}};
  }
  static std::optional<std::int64_t> tokens_of(const json::value& value) {
    boost::system::error_code problem;
    const auto number = value.to_number<std::int64_t>(problem);
    if (problem || number < 1 || number > kMostTokens) return std::nullopt;
    return number;
  }

  static Result<ports::LlmRequest> request_of(const StepContext& context) {
    std::string model = context.text("model");
    if (model.empty()) model = context.run.request.model;
    if (model.empty()) model = kUsualModel;
    std::int64_t tokens = kUsualTokens;
    if (const auto* given = context.with.if_contains("max_tokens")) {
      const auto number = tokens_of(*given);
      if (!number)
        return fail(ErrorCode::invalid, "max_tokens: must be a whole number from 1 to {}",
                    kMostTokens);
      tokens = *number;
    }
    const auto prompt = context.text("prompt");
    if (prompt.find_first_not_of(" \t\r\n") == std::string::npos)
      return fail(ErrorCode::invalid, "prompt: there is nothing in it to ask");
    std::string system = context.text("system");
    if (wants_json(context)) {
      if (!system.empty()) system += "\n\n";
      system += "Answer with one JSON value and nothing else.";
    }
    json::object body{{"model", model},
                      {"max_tokens", tokens},
                      {"messages", {{{"role", "user"}, {"content", prompt}}}}};
    if (!system.empty()) body["system"] = system;
    return ports::LlmRequest{.run = context.run.id,
                             .path = "/v1/messages",
                             .headers = {{"content-type", "application/json"},
                                         {"accept", "application/json"},
                                         {"anthropic-version", "2023-06-01"},
                                         {"user-agent", "corral"}},
                             .body = json::serialize(body)};
  }
  static bool wants_json(const StepContext& context) {
    const auto* value = context.with.if_contains("json");
    return value != nullptr && domain::is_true(*value);
  }

  static Task<Result<std::string>> read_all(session::Log& log) {
    std::string all;
    while (all.size() < log.end()) {
      CORRAL_CO_TRY(const auto more, co_await log.read(all.size(), kMaxAnswer));
      if (more.empty()) break;
      all += more;
    }
    co_return all;
  }

  // The step's end, when there is no answer that it could go on with.
  static Task<Result<std::optional<StepEnd>>> ask(StepContext& context, ports::LlmRequest request,
                                                  AnswerSink& sink) {
    const auto& clock = context.core.deps.clock;
    const Time begin = clock.now();
    const auto bytes = request.body.size();
    std::string model(find_string(json::parse(request.body), {"model"}));
    std::optional<Result<void>> outcome;
    std::exception_ptr thrown;
    bool late = false;
    try {
      const auto left = context.time_left();
      const auto own = context.step().definition.timeout.count() > 0;
      const auto limit = !own && (left.count() == 0 || left > kUsualTimeout) ? kUsualTimeout : left;
      auto ended = co_await unless_stopped(
          context, until(context.core.deps.models.exchange(std::move(request), sink),
                         context.core.deps.clock.sleep(limit)));
      late = ended && !*ended;
      if (ended && *ended) outcome = **std::move(ended);
    } catch (...) {
      thrown = std::current_exception();
    }
    // What was used is written down even when the server is stopping.
    Result<void> recorded;
    co_await asio::this_coro::throw_if_cancelled(false);
    co_await uncancelled(
        record(context, sink, std::move(model), bytes, clock.now() - begin, outcome, recorded));
    if (thrown) std::rethrow_exception(thrown);
    CORRAL_CO_CHECK(recorded);
    if (late)
      co_return StepEnd{
          .failure = domain::Failure{ErrorCode::deadline, "the model did not answer in time"}};
    if (!outcome)
      co_return StepEnd{.failure = domain::Failure{ErrorCode::cancelled, "the run was cancelled"}};
    if (!*outcome && outcome->error().code == ErrorCode::cancelled)
      co_return std::unexpected(outcome->error());
    if (!*outcome) co_return StepEnd{.failure = domain::failure_of(outcome->error())};
    CORRAL_CO_CHECK(co_await context.reload());
    co_return refused(context, sink, clock.now());
  }

  static std::optional<StepEnd> refused(const StepContext& context, const AnswerSink& sink,
                                        Time now) {
    const auto& answer = sink.answer;
    if (answer.status >= 200 && answer.status < 300) {
      // As of agents: the call that reaches the budget ends the step.
      const auto spent = domain::check_budget(context.run.request.budget, context.run.cost);
      if (spent) return std::nullopt;
      return StepEnd{.failure = domain::failure_of(spent.error())};
    }
    std::string said;
    if (const auto error = parse_json(sink.text, "the model's answer"))
      said = excerpt(find_string(*error, {"error", "message"}));
    if (said.empty()) said = excerpt(sink.text);
    return StepEnd{
        .failure = domain::Failure{code_of_status(answer.status),
                                   fmt::format("the model's provider answered with {}{}{}",
                                               answer.status, said.empty() ? "" : ": ", said)},
        .pause = pause_of(answer.status, answer.headers, now)};
  }

  static Task<void> record(StepContext& context, AnswerSink& sink, std::string model,
                           std::size_t request_bytes, Duration took,
                           std::optional<Result<void>> outcome, Result<void>& recorded) {
    sink.meter.finish();
    const auto& usage = sink.meter.usage();
    const bool gone = !outcome || (!*outcome && outcome->error().code == ErrorCode::cancelled);
    ModelCall call{.model = usage.model.empty() ? std::move(model) : usage.model,
                   .input_tokens = usage.input_tokens,
                   .output_tokens = usage.output_tokens,
                   .cache_read_tokens = usage.cache_read_tokens,
                   .cache_write_tokens = usage.cache_write_tokens,
                   .duration_ms = took.count(),
                   .status = gone       ? kGone
                             : *outcome ? sink.answer.status
                                        : kUnreachable};
    // The provider has the request and will bill it, although its figures never came.
    if (gone && !usage.seen) call.input_tokens = static_cast<std::int64_t>(request_bytes / 4);
    recorded = co_await record_model_call(context.core, context.run.id, std::move(call),
                                          std::string(kActor));
  }

  static Task<Result<StepEnd>> answered(StepContext& context, Message message) {
    const std::string text = to_valid_utf8(message.text);
    CORRAL_CO_CHECK(co_await context.note("llm/" + context.process_id(), text + "\n"));
    StepEnd end;
    json::value parsed;
    if (wants_json(context)) {
      auto value = parse_json(without_fence(text), "the model's answer");
      if (!value)
        co_return StepEnd{
            .failure = domain::Failure{
                ErrorCode::invalid,
                fmt::format("{}{}", value.error().describe(),
                            message.stop_reason == "max_tokens"
                                ? ": it was cut off, so that a larger `max_tokens:` may help"
                                : "")}};
      parsed = *std::move(value);
    }
    end.outputs = {{"text", text},
                   {"json", std::move(parsed)},
                   {"model", message.model},
                   {"stop_reason", message.stop_reason},
                   {"usage", std::move(message.usage)}};
    co_return end;
  }
};

}  // namespace

std::unique_ptr<StepKind> make_llm_kind() { return std::make_unique<LlmKind>(); }

}  // namespace corral::engine
