// What a client says on the WebSocket of sessions: lines of text (SESSION stands for the session's
// id), or of bytes when the first is no letter, brace or blank. Whatever comes, what is answered is
// well formed, and output has neither a gap nor more than was credited.
#include <deque>
#include <map>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/endian/conversion.hpp>

#include "base/utf8.h"
#include "edge/http/session_socket.h"
#include "edge/http/testing/fake_sessions.h"

namespace {

using namespace corral;
using namespace corral::edge;

constexpr std::size_t kMaxLines = 64;

// Gives what the fuzzer made, and looks at what is sent.
class Scripted final : public WebSocket {
 public:
  explicit Scripted(std::deque<Message> script) : script_(std::move(script)) {}

  Task<Result<Message>> receive() override {
    // The channels' tasks get their turns.
    const auto executor = co_await asio::this_coro::executor;
    for (int i = 0; i < 20; ++i) co_await asio::post(executor, asio::use_awaitable);
    if (script_.empty()) co_return fail(ErrorCode::cancelled, "closed");
    auto next = std::move(script_.front());
    script_.pop_front();
    co_return next;
  }
  Task<Result<void>> send(Message::Kind kind, std::span<const std::string_view> parts,
                          Compress) override {
    std::string bytes;
    for (const auto part : parts) bytes += part;
    if (closed_) co_return fail(ErrorCode::cancelled, "closed");
    if (kind == Message::Kind::text)
      text(bytes);
    else
      binary(bytes);
    co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
    co_return Result<void>{};
  }
  Task<void> close(std::uint16_t code, std::string reason) override {
    CORRAL_ASSERT(is_utf8(reason));
    reason_ = CloseReason{.code = code, .reason = std::move(reason)};
    closed_ = true;
    script_.clear();
    co_return;
  }
  const std::optional<CloseReason>& close_reason() const override { return reason_; }
  const std::string& subprotocol() const override { return subprotocol_; }
  bool deflate() const override { return false; }

 private:
  void text(const std::string& bytes) {
    CORRAL_ASSERT(is_utf8(bytes));
    const auto message = json::parse(bytes);
    const auto type = find_string(message, {"type"});
    CORRAL_ASSERT(!type.empty());
    if (type == "attached")
      positions_[find_int(message, {"channel"})] =
          static_cast<std::uint64_t>(find_int(message, {"offset"}));
  }
  void binary(const std::string& bytes) {
    CORRAL_ASSERT(bytes.size() >= 13);
    const auto* raw = reinterpret_cast<const unsigned char*>(bytes.data());
    const auto channel =
        boost::endian::endian_load<std::uint32_t, 4, boost::endian::order::big>(raw + 1);
    const auto position =
        boost::endian::endian_load<std::uint64_t, 8, boost::endian::order::big>(raw + 5);
    CORRAL_ASSERT(positions_.contains(channel));
    if (bytes[0] == 2) {
      CORRAL_ASSERT(position >= positions_[channel]);
      positions_[channel] = position;
      return;
    }
    CORRAL_ASSERT(bytes[0] == 1 && bytes.size() > 13 && position == positions_[channel]);
    positions_[channel] += bytes.size() - 13;
  }

  std::deque<Message> script_;
  std::map<std::int64_t, std::uint64_t> positions_;
  std::optional<CloseReason> reason_;
  std::string subprotocol_ = "corral.v1";
  bool closed_ = false;
};

std::deque<Message> script_of(std::string_view input, const std::string& session) {
  std::deque<Message> script;
  while (!input.empty() && script.size() < kMaxLines) {
    const auto end = std::min(input.find('\n'), input.size());
    std::string line(input.substr(0, end));
    input.remove_prefix(std::min(end + 1, input.size()));
    const bool text = line.empty() || static_cast<unsigned char>(line[0]) >= ' ';
    if (text) {
      if (const auto at = line.find("SESSION"); at != line.npos) line.replace(at, 7, session);
      if (!is_utf8(line)) continue;  // the WebSocket lets none through
    }
    script.push_back({text ? Message::Kind::text : Message::Kind::binary, std::move(line)});
  }
  return script;
}

Task<void> play(testing::FakeSessions& sessions, Executor executor, std::string_view input) {
  const auto made =
      *co_await sessions.create_session({.git_url = "/repo", .command = {"cat"}}, "user:fuzz");
  const auto id = *SessionId::parse(find_string(made, {"id"}));
  CORRAL_ASSERT(co_await sessions.print(id, "what was there before"));
  SessionSocket socket(sessions, std::make_unique<Scripted>(script_of(input, id.to_string())),
                       sessions.workspace(), {.actor = "user:fuzz"}, executor,
                       SystemClock::instance());
  co_await socket.run();
  CORRAL_ASSERT(sessions.newest().live->viewer_count() == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  asio::io_context context(1);
  testing::FakeSessions sessions(context.get_executor());
  bool done = false;
  asio::co_spawn(
      context, play(sessions, context.get_executor(), {reinterpret_cast<const char*>(data), size}),
      [&](std::exception_ptr thrown) {
        if (thrown) std::rethrow_exception(thrown);
        done = true;
      });
  context.run_for(std::chrono::seconds(20));
  CORRAL_ASSERT(done);
  return 0;
}
