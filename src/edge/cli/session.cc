#include "edge/cli/session.h"

#include <algorithm>
#include <cerrno>

#include <unistd.h>

#include "base/id.h"
#include "base/random.h"
#include "edge/cli/discovery.h"
#include "edge/cli/render.h"

namespace corral::edge::cli {
namespace {

constexpr int kMaxPages = 20;
constexpr int kPageSize = 500;

// False when the reader has gone.
bool write_to(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace

const json::array& items_of(const json::value& page) {
  static const json::array kNone;
  const auto* items = page.is_array() ? &page : find(page, {"items"});
  return items != nullptr && items->is_array() ? items->get_array() : kNone;
}

Session::Session(Arguments arguments, const CliHooks& hooks)
    : args_(std::move(arguments)),
      hooks_(hooks),
      screen_(Screen::of(STDOUT_FILENO, args_.colour)),
      error_screen_(Screen::of(STDERR_FILENO, args_.colour)) {}

Session::~Session() {
  if (embedded_ && embedded_->stop) embedded_->stop();
}

void Session::print(std::string_view text) {
  if (!output_gone_ && !write_to(STDOUT_FILENO, text)) output_gone_ = true;
}

void Session::print_json(const json::value& document) { print(json::serialize(document) + "\n"); }

void Session::note(std::string_view text) {
  (void)write_to(STDERR_FILENO, std::string(text) + "\n");
}

int Session::report(const Error& error) {
  if (args_.json) {
    note(json::serialize(json::object{
        {"error", json::object{{"code", to_string(error.code)}, {"message", error.describe()}}}}));
  } else {
    const auto words =
        error_screen_.terminal ? printable(error.describe(), Lines::keep) : error.describe();
    note(error_screen_.paint(Style::red, "corral:") + " " + words);
  }
  return exit_code_of(error.code);
}

Result<HttpClient*> Session::server(Need need) {
  if (client_) return &*client_;
  CORRAL_TRY(auto found, find_server({args_.server, args_.data, args_.token_file}));
  if (found && !args_.server.empty()) {
    client_.emplace(std::move(*found));
    return &*client_;
  }
  if (found) {
    // The process that wrote the file may have died and its id gone to another.
    HttpClient client(*found);
    const auto alive = client.get("/healthz", "text/plain");
    if (alive || alive.error().code != ErrorCode::unavailable) {
      if (args_.serve_given && args_.command == "run")
        return fail(ErrorCode::invalid,
                    "--record, --replay, --sandbox and --http-allow are for a server that starts; "
                    "one already "
                    "runs at {}: stop it, or use another --data",
                    found->url);
      client_.emplace(std::move(client));
      return &*client_;
    }
  }
  auto options = args_.serve;
  options.address = "127.0.0.1";
  options.port = 0;
  if (need == Need::read) options.max_runs = 0;
  auto started = hooks_.start_embedded(options);
  if (!started)
    return wrap(started.error(),
                "no server runs for " + args_.data.string() + ", and none could be started");
  embedded_.emplace(std::move(*started));
  client_.emplace(Endpoint{embedded_->url, embedded_->token});
  return &*client_;
}

Endpoint Session::endpoint() const {
  if (!embedded_ && args_.server.empty())
    if (auto moved = find_server({args_.server, args_.data, args_.token_file}); moved && *moved)
      return **moved;
  return client_->endpoint();
}

Result<json::value> Session::post_once(const std::string& path, const json::value& body) {
  const std::vector<std::string> headers{"Idempotency-Key: " + SystemRandom::instance().hex(16)};
  auto answer = client_->post_json(path, body, headers);
  if (!answer && answer.error().code == ErrorCode::unavailable)
    answer = HttpClient(endpoint()).post_json(path, body, headers);
  return answer;
}

Result<std::string> Session::run_id(const std::string& given) { return full_id("run", given); }

Result<std::string> Session::session_id(const std::string& given) {
  return full_id("session", given);
}

// `noun`: "run" or "session"; its list is at /api/v1/<noun>s.
Result<std::string> Session::full_id(std::string_view noun, const std::string& given) {
  if (Uuid::parse(given)) return given;
  if (given == "last") {
    CORRAL_TRY(const auto page, client_->get_json(fmt::format("/api/v1/{}s?limit=1", noun)));
    const auto* items = find(page, {"items"});
    if (items == nullptr || !items->is_array() || items->get_array().empty())
      return fail(ErrorCode::not_found, "there are no {}s yet; start one with 'corral {}'", noun,
                  noun == "run" ? "run" : "session new");
    return std::string(find_string(items->get_array().front(), {"id"}));
  }
  const bool looks_right = given.size() >= 4 && std::ranges::all_of(given, [](char c) {
                             return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == '-';
                           });
  if (!looks_right)
    return fail(ErrorCode::invalid,
                "'{}' is not a {}: give an id, at least 4 characters of its beginning, or 'last' "
                "(see 'corral {} list')",
                printable(given), noun, noun == "run" ? "runs" : noun);
  std::vector<std::string> matches;
  std::string cursor;
  for (int page_number = 0; page_number < kMaxPages; ++page_number) {
    CORRAL_TRY(const auto page, client_->get_json(fmt::format(
                                    "/api/v1/{}s?limit={}{}", noun, kPageSize,
                                    cursor.empty() ? "" : "&cursor=" + percent_encode(cursor))));
    if (const auto* items = find(page, {"items"}); items != nullptr && items->is_array())
      for (const auto& run : items->get_array())
        if (const auto id = find_string(run, {"id"}); id.starts_with(given))
          matches.emplace_back(id);
    cursor = find_string(page, {"next_cursor"});
    if (cursor.empty()) break;
  }
  if (matches.empty())
    return fail(ErrorCode::not_found,
                "there is no {} whose id begins with '{}'; see 'corral {} list'", noun, given,
                noun == "run" ? "runs" : noun);
  if (matches.size() == 1) return matches.front();
  std::string list;
  for (std::size_t i = 0; i < matches.size() && i < 5; ++i)
    list += (i == 0 ? "" : ", ") + matches[i];
  return fail(ErrorCode::invalid, "'{}' is the beginning of {} {}s ({}{}); give more of it", given,
              matches.size(), noun, list, matches.size() > 5 ? ", …" : "");
}

}  // namespace corral::edge::cli
