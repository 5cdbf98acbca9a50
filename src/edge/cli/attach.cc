#include "edge/cli/attach.h"

#include <csignal>
#include <cstring>
#include <set>

#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/condition.h"
#include "base/random.h"
#include "edge/cli/query_filter.h"
#include "edge/cli/screen.h"
#include "edge/websocket/client.h"
#include "edge/websocket/session_frame.h"

namespace corral::edge::cli {
namespace {

using namespace asio::experimental::awaitable_operators;

constexpr std::size_t kMaxUnacknowledged = 1u << 20;
constexpr std::size_t kPieceBytes = 16u << 10;
constexpr Duration kLookAgain{50};
constexpr Duration kFirstRetry{200}, kLastRetry{5'000};
// What programs may have switched on, switched off: alternate screen, mouse, paste, focus, keys.
constexpr std::string_view kRestore =
    "\x1b[?1049l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1004l\x1b[?2004l\x1b[?1l\x1b>"
    "\x1b[?25h\x1b[0 q\x1b[0m\x1b]8;;\x1b\\\r\n";

// The terminal, raw for as long as this lives.
class RawTerminal {
 public:
  RawTerminal() {
    is_terminal_ = ::tcgetattr(STDIN_FILENO, &before_) == 0;
    if (!is_terminal_) return;
    auto raw = before_;
    ::cfmakeraw(&raw);
    ::tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
  }
  ~RawTerminal() {
    if (is_terminal_) ::tcsetattr(STDIN_FILENO, TCSADRAIN, &before_);
  }
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;
  bool is_terminal() const { return is_terminal_; }

 private:
  termios before_{};
  bool is_terminal_ = false;
};

class Attachment {
 public:
  Attachment(Session& session, AttachOptions options, asio::io_context& context,
             std::string workspace)
      : session_(session),
        options_(std::move(options)),
        input_(context),
        resized_(context, SIGWINCH),
        leave_(context, SIGTERM, SIGHUP),
        workspace_(std::move(workspace)),
        viewer_(SystemRandom::instance().hex(16)) {}

  Task<void> run() { co_await (connections() || read_keys() || watch_size() || wait_for_signal()); }

  int exit_code = kOk;
  std::string farewell;
  std::optional<Error> failure;

 private:
  // ---- the connection ----

  Task<void> connections() {
    auto wait = kFirstRetry;
    for (;;) {
      const auto endpoint = session_.endpoint();
      std::vector<std::pair<std::string, std::string>> headers;
      if (!endpoint.token.empty())
        headers.emplace_back("Authorization", "Bearer " + endpoint.token);
      auto connected =
          co_await connect_websocket(endpoint.url + "/ws/" + workspace_, std::move(headers));
      if (connected) {
        socket_ = *std::move(connected);
        if (lost_) say("connected again");
        lost_ = false;
        wait = kFirstRetry;
        const auto served = co_await serve();
        socket_.reset();
        attached_ = false;
        if (over_) co_return;
        if (!served && served.error().code != ErrorCode::cancelled) {
          failure = served.error();
          co_return;
        }
      } else if (connected.error().code != ErrorCode::unavailable &&
                 connected.error().code != ErrorCode::deadline) {
        failure = connected.error();
        co_return;
      }
      if (!lost_) say("the connection is lost; what you type is kept. Trying again …");
      lost_ = true;
      asio::steady_timer timer(co_await asio::this_coro::executor, wait);
      co_await timer.async_wait(asio::use_awaitable);
      wait = std::min(wait * 2, kLastRetry);
    }
  }

  Task<Result<void>> serve() {
    CORRAL_CO_CHECK(
        co_await tell({{"type", "hello"}, {"version", 1}, {"viewer", viewer_}, {"name", ""}}));
    CORRAL_CO_CHECK(co_await tell({{"type", "attach"},
                                   {"channel", 1},
                                   {"session", options_.session},
                                   {"role", options_.view ? "view" : "own"},
                                   {"scrollback", 0}}));
    auto first = co_await (receive() || send_keys());
    co_return std::visit([](auto& done) { return std::move(done); }, first);
  }

  Task<Result<void>> receive() {
    for (;;) {
      CORRAL_CO_TRY(const auto message, co_await socket_->receive());
      if (message.kind == Message::Kind::binary) {
        CORRAL_CO_CHECK(co_await show(message.bytes));
        continue;
      }
      boost::system::error_code error;
      const auto parsed = json::parse(message.bytes, error);
      if (error) continue;
      CORRAL_CO_CHECK(co_await on_message(parsed));
      if (over_) co_return Result<void>{};
    }
  }

  Task<Result<void>> on_message(const json::value& message) {
    const auto type = find_string(message, {"type"});
    if (type == "attached" || type == "typed") {
      const auto known = static_cast<std::uint64_t>(
          find_int(message, {type == "attached" ? "typed" : "position"}));
      // Unknown to the session, and so lost: an earlier process of the same name typed them.
      const auto done = known > acknowledged_ ? known - acknowledged_ : 0;
      keys_.erase(0, std::min<std::size_t>(done, keys_.size()));
      acknowledged_ = known;
      if (type == "attached" || find_bool(message, {"reset"})) {
        sent_ = 0;
        if (find_bool(message, {"reset"})) keys_.clear();
      } else {
        sent_ -= std::min<std::size_t>(sent_, done);
      }
      attached_ = true;
      more_keys_.notify_all();
    } else if (type == "presence") {
      bool other = false;
      for (const auto& viewer : session_items(message))
        other = other || (!find_bool(viewer, {"you"}) && find_string(viewer, {"role"}) == "own");
      const bool mine = !other && options_.resize && !options_.view;
      if (mine && !owns_size_) {
        owns_size_ = true;
        CORRAL_CO_CHECK(co_await tell_size());
      }
      owns_size_ = mine;
      announce_guests(message);
    } else if (type == "ended") {
      over_ = true;
      exit_code = static_cast<int>(find_int(message, {"exit_code"}));
      const auto reason = find_string(message, {"reason"});
      farewell = fmt::format("the session has ended (exit code {}){}{}", exit_code,
                             reason.empty() ? "" : ": ", reason);
    } else if (type == "detached") {
      co_return std::unexpected(Error{error_code_from(find_string(message, {"code"})),
                                      std::string(find_string(message, {"message"})), nullptr});
    } else if (type == "error" && find_string(message, {"of"}) == "input" && !warned_) {
      warned_ = true;
      say(find_string(message, {"message"}));
    }
    co_return Result<void>{};
  }

  // Who came by a link, once each: strangers shall not look on unseen.
  void announce_guests(const json::value& message) {
    for (const auto& viewer : session_items(message)) {
      if (!find_bool(viewer, {"guest"})) continue;
      if (!guests_.emplace(find_string(viewer, {"viewer"})).second) continue;
      say(fmt::format("a guest is here and may {}: {}",
                      find_string(viewer, {"role"}) == "view" ? "look on" : "type",
                      printable(find_string(viewer, {"name"}))));
    }
  }

  static const json::array& session_items(const json::value& message) {
    static const json::array none;
    const auto* viewers = find(message, {"viewers"});
    return viewers != nullptr && viewers->is_array() ? viewers->get_array() : none;
  }

  Task<Result<void>> show(std::string_view message) {
    const auto frame = decode_session_frame(message);
    if (!frame) co_return Result<void>{};
    const auto bytes = frame->bytes;
    write_all(frame->kind == SessionFrameKind::snapshot ? std::string(bytes) : filter_.feed(bytes));
    co_return co_await tell({{"type", "credit"}, {"channel", 1}, {"bytes", bytes.size()}});
  }

  Task<Result<void>> tell(json::object message) {
    co_return co_await socket_->send(Message::Kind::text, json::serialize(message));
  }

  Task<Result<void>> tell_size() {
    winsize size{};
    if (!attached_ || ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 2 ||
        size.ws_row == 0)
      co_return Result<void>{};
    co_return co_await tell(
        {{"type", "resize"}, {"channel", 1}, {"columns", size.ws_col}, {"rows", size.ws_row}});
  }

  // ---- keys ----

  // Kept until the session has them: a lost connection loses none and repeats none.
  Task<void> read_keys() {
    input_.assign(::dup(STDIN_FILENO));
    std::string buffer(kPieceBytes, '\0');
    for (;;) {
      boost::system::error_code error;
      const auto count = co_await input_.async_read_some(
          asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, error));
      if (error || count == 0) {
        // The end of a script's input is no wish to leave.
        Condition never;
        for (;;) co_await never.wait();
      }
      const std::string_view typed(buffer.data(), count);
      if (terminal_.is_terminal() && typed.contains(options_.detach_key)) {
        farewell = "detached; the session goes on";
        co_return;
      }
      if (options_.view) continue;
      while (keys_.size() > kMaxUnacknowledged) co_await more_keys_.wait();
      keys_ += typed;
      more_keys_.notify_all();
    }
  }

  Task<Result<void>> send_keys() {
    for (;;) {
      if (!attached_ || sent_ >= keys_.size()) {
        co_await more_keys_.wait();
        continue;
      }
      const auto piece = keys_.substr(sent_, kPieceBytes);
      const auto header = encode_session_frame(SessionFrameKind::input, 1, acknowledged_ + sent_);
      auto frame = std::string(header.begin(), header.end()) + piece;
      sent_ += piece.size();
      CORRAL_CO_CHECK(co_await socket_->send(Message::Kind::binary, std::move(frame)));
    }
  }

  Task<void> watch_size() {
    for (;;) {
      co_await resized_.async_wait(asio::use_awaitable);
      if (socket_ && owns_size_) (void)co_await tell_size();
    }
  }

  Task<void> wait_for_signal() {
    co_await leave_.async_wait(asio::use_awaitable);
    farewell = "detached; the session goes on";
  }

  // ---- the screen ----

  static void write_all(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto written = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
  }
  // On the terminal's own line, without disturbing where the program writes more than it must.
  void say(std::string_view text) {
    if (terminal_.is_terminal())
      write_all(
          fmt::format("\x1b"
                      "7\r\n\x1b[7m corral: {} \x1b[0m\x1b[K\x1b"
                      "8",
                      text));
    else
      session_.note(fmt::format("corral: {}", text));
  }

  Session& session_;
  AttachOptions options_;
  asio::posix::stream_descriptor input_;
  asio::signal_set resized_, leave_;
  const std::string workspace_, viewer_;
  RawTerminal terminal_;
  QueryFilter filter_;
  std::unique_ptr<WebSocket> socket_;
  std::string keys_;                // typed, not yet acknowledged
  std::uint64_t acknowledged_ = 0;  // before them
  std::size_t sent_ = 0;            // of them, on this connection
  Condition more_keys_;
  std::set<std::string, std::less<>> guests_;  // that were announced
  bool attached_ = false, owns_size_ = false, over_ = false, lost_ = false, warned_ = false;
};

// One that was just made has no workspace yet.
Result<std::string> workspace_of(HttpClient& client, const std::string& session) {
  asio::io_context context(1);
  for (asio::steady_timer timer(context);;) {
    CORRAL_TRY(const auto document, client.get_json("/api/v1/sessions/" + session));
    const auto workspace = find_string(document, {"workspace"});
    if (!workspace.empty()) return std::string(workspace);
    if (find_string(document, {"status"}) == "ended")
      return fail(ErrorCode::conflict, "the session ended before it began: {}",
                  find_string(document, {"end_reason"}));
    timer.expires_after(kLookAgain);
    timer.wait();
  }
}

}  // namespace

int attach(Session& session, AttachOptions options) {
  const auto client = session.server(Session::Need::work);
  if (!client) return session.report(client.error());
  const auto workspace = workspace_of(**client, options.session);
  if (!workspace) return session.report(workspace.error());
  const bool terminal = ::isatty(STDOUT_FILENO) != 0;
  asio::io_context context(1);
  auto attachment = std::make_unique<Attachment>(session, std::move(options), context, *workspace);
  std::exception_ptr thrown;
  asio::co_spawn(context, attachment->run(), [&](std::exception_ptr error) {
    thrown = error;
    context.stop();
  });
  context.run();
  const auto failure = attachment->failure;
  const auto farewell = attachment->farewell;
  const int code = attachment->exit_code;
  attachment.reset();
  if (terminal && ::write(STDOUT_FILENO, kRestore.data(), kRestore.size()) < 0) return kFailed;
  if (thrown) std::rethrow_exception(thrown);
  if (failure) return session.report(*failure);
  if (!farewell.empty()) session.note("corral: " + farewell);
  return code;
}

}  // namespace corral::edge::cli
