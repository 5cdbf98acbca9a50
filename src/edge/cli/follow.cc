#include "edge/cli/follow.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "edge/cli/event_streams.h"
#include "edge/cli/render.h"

namespace corral::edge::cli {
namespace {

constexpr std::string_view kHeading = "── ";

int signal_pipe = -1;

void on_signal(int) {
  const int saved = errno;
  const char byte = 'x';
  (void)!::write(signal_pipe, &byte, 1);
  errno = saved;
}

// Turns SIGINT and SIGTERM into bytes of a pipe for as long as it lives. One at a time.
class SignalPipe {
 public:
  SignalPipe() {
    int ends[2];
    CORRAL_ASSERT(::pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
    read_.reset(ends[0]);
    write_.reset(ends[1]);
    signal_pipe = write_.get();
    struct sigaction action{};
    action.sa_handler = on_signal;
    ::sigaction(SIGINT, &action, &old_int_);
    ::sigaction(SIGTERM, &action, &old_term_);
    sigset_t both;
    sigemptyset(&both);
    sigaddset(&both, SIGINT);
    sigaddset(&both, SIGTERM);
    ::pthread_sigmask(SIG_UNBLOCK, &both, &old_mask_);
  }
  SignalPipe(const SignalPipe&) = delete;
  SignalPipe& operator=(const SignalPipe&) = delete;
  ~SignalPipe() {
    ::sigaction(SIGINT, &old_int_, nullptr);
    ::sigaction(SIGTERM, &old_term_, nullptr);
    ::pthread_sigmask(SIG_SETMASK, &old_mask_, nullptr);
    signal_pipe = -1;
  }
  int fd() const { return read_.get(); }
  int take() {
    char bytes[16];
    const auto got = ::read(read_.get(), bytes, sizeof bytes);
    return got > 0 ? static_cast<int>(got) : 0;
  }

 private:
  Fd read_, write_;
  struct sigaction old_int_{}, old_term_{};
  sigset_t old_mask_{};
};

class Follower {
 public:
  Follower(Session& session, std::string run, FollowOptions options)
      : session_(session),
        run_(std::move(run)),
        options_(options),
        path_("/api/v1/runs/" + run_),
        printer_(session),
        streams_([&session] { return session.endpoint(); }) {}

  Result<json::value> follow() {
    CORRAL_CHECK(refresh());
    streams_.watch(signals_.fd(), [this] { interrupted(); });
    streams_.on_lost(
        [this](const Error&) {
          session_.note("corral: the connection to the server is lost; trying again for 2 minutes");
        },
        [this] { session_.note("corral: connected again"); });
    if (options_.log)
      streams_.add(fmt::format("{}/log?offset={}", path_, options_.from),
                   [this](const ServerEvent& event) { return on_log(event); });
    streams_.add(path_ + "/events?from=" + std::to_string(find_int(document_, {"version"}) + 1),
                 [this](const ServerEvent&) { return on_change(); });
    if (done()) return std::move(document_);
    if (auto ended = streams_.run(); !ended)
      return std::unexpected(with_advice(std::move(ended).error()));
    if (problem_) return std::unexpected(std::move(*problem_));
    if (left_) return std::unexpected(left());
    return std::move(document_);
  }

 private:
  using Next = EventStreams::Next;

  Result<void> refresh() {
    // The server may have moved since the session's own client was made.
    HttpClient client(session_.endpoint());
    CORRAL_TRY(document_, client.get_json(path_));
    questions();
    return {};
  }

  bool done() const {
    return is_over(find_string(document_, {"status"})) && (log_ended_ || !options_.log);
  }

  Next on_log(const ServerEvent& event) {
    if (event.event == "log") {
      const auto text = parse_json(event.data, "log event");
      if (text && text->is_string()) printer_.print(text->get_string());
      if (session_.output_gone() && options_.interrupt == FollowOptions::Interrupt::leaves)
        streams_.stop();
      return Next::more;
    }
    if (event.event != "end") return Next::more;
    log_ended_ = true;
    (void)on_change();
    return Next::end;
  }

  Next on_change() {
    // A lost connection shows on the stream itself, which tries again.
    if (auto fresh = refresh(); !fresh && fresh.error().code != ErrorCode::unavailable) {
      problem_ = fresh.error();
      streams_.stop();
    }
    if (done()) streams_.stop();
    return done() ? Next::end : Next::more;
  }

  void interrupted() {
    interrupts_ += signals_.take();
    if (interrupts_ > 1 || options_.interrupt == FollowOptions::Interrupt::leaves) {
      left_ = true;
      streams_.stop();
      return;
    }
    session_.note("\ncorral: cancelling the run; Ctrl-C again to leave at once");
    HttpClient client(session_.endpoint());
    const auto cancelled = client.post_json(path_ + "/cancel", json::object{{"reason", "Ctrl-C"}});
    if (!cancelled && cancelled.error().code != ErrorCode::conflict)
      session_.note("corral: " + printable(cancelled.error().describe()));
    (void)on_change();
  }

  // ---- open questions ----

  void questions() {
    std::string open;
    const json::value* first = nullptr;
    if (const auto* approvals = find(document_, {"approvals"});
        approvals != nullptr && approvals->is_array() && !approvals->get_array().empty()) {
      first = &approvals->get_array().front();
      open = find_string(*first, {"id"});
    }
    if (open == asked_) return;
    if (!asked_.empty() && open.empty() && !answering_) session_.note("(answered elsewhere)");
    asked_ = open;
    choices_.clear();
    if (first == nullptr) return;
    if (const auto* choices = find(*first, {"choices"}); choices != nullptr && choices->is_array())
      for (const auto& choice : choices->get_array())
        if (choice.is_string()) choices_.emplace_back(choice.get_string());
    if (!session_.args().json)
      session_.note(
          "\n" + render_approval(session_.error_screen(), *first) +
          (options_.ask
               ? (choices_.empty() ? "  allow? [y]es, [n]o: " : "  which one? or [n]o: ")
               : fmt::format(
                     "  waiting for an answer: corral runs approve {0}   or   corral runs deny {0}",
                     short_id(run_))));
    if (options_.ask) streams_.watch(STDIN_FILENO, [this] { typed(); });
  }

  void typed() {
    char bytes[512];
    const auto got = ::read(STDIN_FILENO, bytes, sizeof bytes);
    if (got <= 0) {
      streams_.unwatch(STDIN_FILENO);
      if (!asked_.empty())
        session_.note(
            fmt::format("corral: nobody to ask; answer with: corral runs approve {0}   or   corral "
                        "runs deny {0}",
                        short_id(run_)));
      return;
    }
    typed_.append(bytes, static_cast<std::size_t>(got));
    for (auto end = typed_.find('\n'); end != std::string::npos; end = typed_.find('\n')) {
      const auto line = typed_.substr(0, end);
      typed_.erase(0, end + 1);
      if (!asked_.empty()) answer(line);
    }
  }

  void answer(const std::string& line) {
    const bool chosen = std::ranges::find(choices_, line) != choices_.end();
    const bool yes = chosen || (choices_.empty() && (line == "y" || line == "Y" || line == "yes")),
               no = !chosen && (line == "n" || line == "N" || line == "no");
    if (!yes && !no) {
      session_.note(choices_.empty() ? "  y or n? " : "  one of them, or n? ");
      return;
    }
    json::object body{{"decision", yes ? "allow" : "deny"}};
    if (chosen) body["choice"] = line;
    HttpClient client(session_.endpoint());
    const auto decided = client.post_json("/api/v1/approvals/" + percent_encode(asked_), body);
    if (!decided && decided.error().code != ErrorCode::conflict)
      session_.note("corral: " + printable(decided.error().describe()));
    answering_ = true;
    (void)on_change();
    answering_ = false;
  }

  Error left() const {
    const auto id = short_id(run_);
    if (options_.interrupt == FollowOptions::Interrupt::cancels)
      return {ErrorCode::cancelled,
              "left while the run was being cancelled; look again: corral runs show " + id,
              nullptr};
    if (session_.embedded())
      return {
          ErrorCode::cancelled,
          "left; the run goes on with the next server: corral serve, or corral runs logs -f " + id,
          nullptr};
    return {ErrorCode::cancelled, "left; the run goes on: corral runs logs -f " + id, nullptr};
  }

  Error with_advice(Error error) const {
    if (error.code == ErrorCode::unavailable)
      error.message +=
          fmt::format(". What the run does is not lost: corral runs logs -f {}", short_id(run_));
    return error;
  }

  Session& session_;
  std::string run_;
  FollowOptions options_;
  std::string path_;
  json::value document_;
  LogPrinter printer_;
  SignalPipe signals_;
  EventStreams streams_;
  std::vector<std::string> choices_;  // of the question on the screen
  std::string asked_, typed_;  // the id of the question on the screen; what was typed of a line
  std::optional<Error> problem_;
  int interrupts_ = 0;
  bool log_ended_ = false, left_ = false, answering_ = false;
};

}  // namespace

Result<json::value> follow_run(Session& session, std::string run, FollowOptions options) {
  return Follower(session, std::move(run), options).follow();
}

LogPrinter::~LogPrinter() {
  if (!session_.screen().terminal) return;
  session_.print(line_ + filter_.finish());
}

void LogPrinter::print(std::string_view bytes) {
  if (!session_.screen().terminal) {
    session_.print(bytes);
    return;
  }
  std::string out;
  for (const char c : filter_.feed(bytes)) {
    const bool may_be_heading = (at_line_start_ || !line_.empty()) &&
                                (line_.size() >= kHeading.size() || kHeading[line_.size()] == c);
    if (may_be_heading && c != '\n') {
      line_ += c;
    } else {
      if (c == '\n' && line_.starts_with(kHeading))
        out += session_.screen().paint(Style::bold, line_);
      else
        out += line_;
      line_.clear();
      out += c;
    }
    at_line_start_ = c == '\n';
  }
  session_.print(out);
}

}  // namespace corral::edge::cli
