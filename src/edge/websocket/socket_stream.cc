#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include <sys/socket.h>
#include <sys/uio.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/system_error.hpp>

#include "edge/websocket/byte_stream.h"

namespace corral::edge {
namespace {

// What an idle connection holds; whoever sends more is read in larger steps, through memory that
// all connections of a thread share.
constexpr std::size_t kOwnBytes = 4u << 10;
constexpr std::size_t kSharedBytes = 128u << 10;
// So much goes out without a trip through the event loop; then others have their turn.
constexpr std::size_t kTurnBytes = 512u << 10;
constexpr std::size_t kMaxParts = 64;

std::span<char> shared_buffer() {
  static thread_local std::vector<char> buffer(kSharedBytes);
  return buffer;
}

class SocketStream final : public ByteStream {
 public:
  explicit SocketStream(StreamSocket socket) : socket_(std::move(socket)) {
    boost::system::error_code ignored;
    socket_.non_blocking(true, ignored);
  }

  Task<std::span<char>> read() override {
    boost::system::error_code error;
    const std::size_t count = co_await socket_.async_read_some(
        asio::buffer(own_), asio::redirect_error(asio::use_awaitable, error));
    if (error) {
      const auto state = co_await asio::this_coro::cancellation_state;
      if (state.cancelled() != asio::cancellation_type::none)
        throw boost::system::system_error(asio::error::operation_aborted);
      co_return std::span<char>{};
    }
    if (count < own_.size()) co_return std::span(own_).first(count);
    const auto all = shared_buffer();
    std::memcpy(all.data(), own_.data(), count);
    // An error or the end is met again by the next read.
    const ssize_t more =
        ::recv(socket_.native_handle(), all.data() + count, all.size() - count, MSG_DONTWAIT);
    co_return all.first(count + (more > 0 ? static_cast<std::size_t>(more) : 0));
  }

  Task<bool> write(std::span<const std::string_view> parts) override {
    std::array<iovec, kMaxParts> list;
    std::size_t first = 0, skip = 0;  // what has been sent: parts, and bytes of the next
    while (true) {
      std::size_t count = 0;
      for (std::size_t i = first; i < parts.size() && count < list.size(); ++i) {
        const auto part = parts[i].substr(i == first ? skip : 0);
        if (part.empty()) continue;
        list[count++] = {const_cast<char*>(part.data()), part.size()};  // sendmsg only reads
      }
      if (count == 0) co_return true;
      msghdr message{};
      message.msg_iov = list.data();
      message.msg_iovlen = count;
      const ssize_t sent =
          ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0 && errno == EINTR) continue;
      if (sent < 0 && errno != EAGAIN) co_return false;
      if (sent < 0) {
        boost::system::error_code error;
        co_await socket_.async_wait(asio::socket_base::wait_write,
                                    asio::redirect_error(asio::use_awaitable, error));
        if (error) co_return false;
        in_turn_ = 0;
        continue;
      }
      auto left = static_cast<std::size_t>(sent);
      written_ += left;
      in_turn_ += left;
      while (first < parts.size() && left >= parts[first].size() - skip) {
        left -= parts[first++].size() - skip;
        skip = 0;
      }
      skip += left;
      if (in_turn_ >= kTurnBytes) {
        in_turn_ = 0;
        co_await asio::post(socket_.get_executor(), asio::use_awaitable);
      }
    }
  }

  void write_then(std::string bytes, std::function<void(bool)> done) override {
    const ssize_t sent =
        ::send(socket_.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) return done(false);
    const std::size_t count = sent > 0 ? static_cast<std::size_t>(sent) : 0;
    written_ += count;
    if (count == bytes.size()) return done(true);
    auto kept = std::make_shared<const std::string>(bytes.substr(count));
    asio::async_write(socket_, asio::buffer(*kept),
                      [kept, done = std::move(done)](boost::system::error_code error, std::size_t) {
                        done(!error);
                      });
  }

  std::uint64_t written() const override { return written_; }

  void end_writing() override {
    boost::system::error_code ignored;
    socket_.shutdown(asio::socket_base::shutdown_send, ignored);
  }

  void close() override {
    boost::system::error_code ignored;
    socket_.close(ignored);
  }

  Executor executor() override { return socket_.get_executor(); }

 private:
  StreamSocket socket_;
  std::array<char, kOwnBytes> own_;
  std::uint64_t written_ = 0;
  std::size_t in_turn_ = 0;
};

}  // namespace

std::unique_ptr<ByteStream> make_socket_stream(StreamSocket socket) {
  return std::make_unique<SocketStream>(std::move(socket));
}

}  // namespace corral::edge
