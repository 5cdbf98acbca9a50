#include "edge/http/connection.h"

#include <array>
#include <cerrno>
#include <ctime>

#include <sys/socket.h>
#include <sys/uio.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/system_error.hpp>

#include "base/log.h"
#include "edge/http/problem.h"
#include "edge/websocket/endpoint.h"

namespace corral::edge {
namespace {

constexpr std::size_t kReadBytes = 16u << 10;
constexpr std::size_t kLargeReadBytes = 256u << 10;
constexpr std::size_t kWriteBytes = 256u
                                    << 10;  // a client must take this much within the idle timeout
constexpr std::size_t kLingerBytes = 4u << 20;
constexpr std::chrono::seconds kLingerTime{2};

std::unexpected<Error> client_gone() {
  return fail(ErrorCode::cancelled, "the client has closed the connection");
}

// "Date: …\r\n", made once a second.
const std::string& date_line() {
  static thread_local std::time_t made_at = 0;
  static thread_local std::string line;
  const std::time_t now = std::time(nullptr);
  if (now != made_at) {
    std::tm parts{};
    gmtime_r(&now, &parts);
    std::array<char, 64> text{};
    const auto size =
        std::strftime(text.data(), text.size(), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &parts);
    line.assign(text.data(), size);
    made_at = now;
  }
  return line;
}

// A line break in a value would let it forge further header fields.
void append_field(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ");
  for (const char c : value)
    out.push_back(static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c);
  out.append("\r\n");
}

UpgradeRequest upgrade_of(const Request& request, bool http_1_0) {
  const auto field = [&](std::string_view name) { return std::string(request.header(name)); };
  return {.get = request.method == "GET" && !http_1_0,
          .connection = field("connection"),
          .upgrade = field("upgrade"),
          .version = field("sec-websocket-version"),
          .key = field("sec-websocket-key"),
          .subprotocols = field("sec-websocket-protocol"),
          .extensions = field("sec-websocket-extensions")};
}

bool has_no_body(int status) { return status == 204 || status == 304 || status < 200; }

}  // namespace

Task<void> Connection::run() {
  while (!broken_) {
    answer_ = Answer::none;
    head_request_ = false;
    RequestParser parser(options_.max_header_bytes, options_.max_body_bytes);
    const Received received = co_await receive(parser);
    if (received == Received::closed) co_return;
    http_1_0_ = parser.http_1_0();
    if (received == Received::refused) {
      keep_alive_ = false;
      co_await send_problem(parser.status(), parser.detail());
      co_return co_await linger();
    }
    keep_alive_ = parser.keep_alive();
    Request request = parser.take();
    request.peer = peer_;
    head_request_ = request.method == "HEAD";
    upgrade_ =
        request.header("upgrade").empty() ? UpgradeRequest{} : upgrade_of(request, http_1_0_);
    co_await answer(std::move(request));
    if (!keep_alive_ && !broken_) co_return co_await linger();
    if (!keep_alive_) co_return;
  }
}

Task<Connection::Received> Connection::receive(RequestParser& parser) {
  timed_out_ = false;
  set_deadline();
  bool any = false;
  while (true) {
    if (!buffer_.empty()) {
      any = true;
      std::size_t consumed = 0;
      const auto state = parser.feed(buffer_, consumed);
      buffer_.erase(0, consumed);
      if (state == RequestParser::State::failed) co_return Received::refused;
      if (state == RequestParser::State::complete) break;
      if (state == RequestParser::State::header) {
        if (parser.expects_continue() && buffer_.empty() &&
            !co_await write_all("HTTP/1.1 100 Continue\r\n\r\n"))
          co_return Received::closed;
        set_deadline();
        if (!buffer_.empty()) continue;
      }
    }
    const bool in_body = any && buffer_.empty();
    if (co_await read_more(in_body ? kLargeReadBytes : kReadBytes) == 0) {
      if (timed_out_ && any) {
        keep_alive_ = false;
        co_await send_problem(408, "the request did not arrive in time");
      }
      co_return Received::closed;
    }
  }
  clear_deadline();
  // One large request must not keep its memory for the connection's life.
  if (buffer_.empty() && buffer_.capacity() > kReadBytes * 2) std::string().swap(buffer_);
  co_return Received::request;
}

Task<std::size_t> Connection::read_more(std::size_t max_bytes) {
  const std::size_t before = buffer_.size();
  buffer_.resize(before + max_bytes);
  boost::system::error_code error;
  const std::size_t count =
      co_await socket_.async_read_some(asio::buffer(buffer_.data() + before, max_bytes),
                                       asio::redirect_error(asio::use_awaitable, error));
  buffer_.resize(before + (error ? 0 : count));
  co_return error ? 0 : count;
}

Task<void> Connection::answer(Request request) {
  bool failed = false;
  std::string what;
  try {
    co_await handler_(std::move(request), *this);
  } catch (const boost::system::system_error& error) {
    // The server is stopping; the scope waits for this to unwind.
    if (error.code() == asio::error::operation_aborted) throw;
    failed = true;
    what = error.what();
  } catch (const std::exception& error) {
    failed = true;
    what = error.what();
  }
  if (failed) log::error("http.handler_failed", {{"what", what}});
  // Nobody waits for an answer any more, and the handler has seen it.
  if (answer_ == Answer::none && !failed && gone()) broken_ = true;
  if (answer_ == Answer::none && !broken_) {
    if (!failed) log::error("http.no_answer");
    co_await send_problem(500, "the server could not answer this request; its log says why");
  } else if (answer_ == Answer::stream) {
    // Without the final chunk the client sees that the answer is incomplete.
    if (failed) broken_ = true;
    if (!broken_ && !head_request_ && !http_1_0_) co_await write_all("0\r\n\r\n");
  }
}

Task<void> Connection::send_problem(int status, std::string detail) {
  co_await send(status, {{"Content-Type", std::string(kProblemType)}},
                problem_json(status, problem_code(status), detail, {}));
}

std::string Connection::head_of(int status, const Headers& headers) const {
  std::string head;
  head.reserve(512);
  fmt::format_to(std::back_inserter(head), "HTTP/1.1 {} {}\r\n", status, reason_phrase(status));
  head.append(date_line());
  for (const auto& [name, value] : headers) append_field(head, name, value);
  if (!keep_alive_) {
    head.append("Connection: close\r\n");
  } else if (http_1_0_) {
    head.append("Connection: keep-alive\r\n");
  }
  return head;
}

Task<Result<void>> Connection::send(int status, Headers headers, std::string body) {
  if (answer_ != Answer::none)
    co_return fail(ErrorCode::internal, "a request is answered only once");
  answer_ = Answer::whole;
  std::string head = head_of(status, headers);
  if (!has_no_body(status))
    fmt::format_to(std::back_inserter(head), "Content-Length: {}\r\n", body.size());
  head.append("\r\n");
  if (head_request_ || has_no_body(status)) body.clear();
  if (body.size() <= kReadBytes) {  // small: one buffer, one write
    head.append(body);
    body.clear();
  }
  co_return co_await write_all(std::move(head), std::move(body));
}

Task<Result<void>> Connection::start(int status, Headers headers) {
  if (answer_ != Answer::none)
    co_return fail(ErrorCode::internal, "a request is answered only once");
  answer_ = Answer::stream;
  if (http_1_0_) keep_alive_ = false;  // there the end of the connection is the end of the body
  std::string head = head_of(status, headers);
  if (!http_1_0_) head.append("Transfer-Encoding: chunked\r\n");
  head.append("\r\n");
  co_return co_await write_all(std::move(head));
}

Task<Result<void>> Connection::write(std::string bytes) {
  if (answer_ != Answer::stream) co_return fail(ErrorCode::internal, "write() needs start() first");
  if (head_request_) co_return fail(ErrorCode::cancelled, "a HEAD request wants no body");
  if (bytes.empty()) co_return Result<void>{};
  if (http_1_0_) co_return co_await write_all({}, std::move(bytes));
  std::string size_line = fmt::format("{:x}\r\n", bytes.size());
  co_return co_await write_all(std::move(size_line), std::move(bytes), "\r\n");
}

Task<Result<std::unique_ptr<WebSocket>>> Connection::upgrade(WebSocketOptions options,
                                                             Headers headers) {
  if (answer_ != Answer::none)
    co_return fail(ErrorCode::internal, "a request is answered only once");
  auto agreement = agree(upgrade_, options);
  if (!agreement) {
    const int status = refusal_status(agreement.error());
    const auto why = refusal_fields(agreement.error());
    headers.insert(headers.end(), why.begin(), why.end());
    headers.emplace_back("Content-Type", std::string(kProblemType));
    co_await send(status, std::move(headers),
                  problem_json(status, problem_code(status), agreement.error().message, {}));
    co_return std::unexpected(std::move(agreement).error());
  }
  answer_ = Answer::whole;
  keep_alive_ = true;  // whatever it says of HTTP
  headers.insert(headers.end(), agreement->fields.begin(), agreement->fields.end());
  CORRAL_CO_CHECK(co_await write_all(head_of(101, headers) + "\r\n"));
  broken_ = true;  // for HTTP
  co_return make_websocket(Role::server, make_socket_stream(std::move(socket_)),
                           *std::move(agreement), std::move(options), std::exchange(buffer_, {}));
}

// Most answers fit the socket's buffer: they are sent at once, without a trip through the event
// loop.
Task<Result<void>> Connection::write_all(std::string head, std::string body,
                                         std::string_view tail) {
  if (broken_) co_return client_gone();
  std::array<iovec, 3> parts{
      iovec{head.data(), head.size()}, iovec{body.data(), body.size()},
      iovec{const_cast<char*>(tail.data()), tail.size()}};  // sendmsg only reads
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  ssize_t sent = ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent < 0 && errno != EAGAIN && errno != EINTR) {
    broken_ = true;
    co_return client_gone();
  }
  std::size_t done = sent > 0 ? static_cast<std::size_t>(sent) : 0;
  for (const iovec& part : parts) {
    const std::size_t skipped = std::min(done, part.iov_len);
    done -= skipped;
    auto left =
        asio::buffer(static_cast<const char*>(part.iov_base) + skipped, part.iov_len - skipped);
    while (left.size() > 0) {
      set_deadline();
      boost::system::error_code error;
      left += co_await asio::async_write(socket_, asio::buffer(left, kWriteBytes),
                                         asio::redirect_error(asio::use_awaitable, error));
      clear_deadline();
      if (error) {
        broken_ = true;
        co_return client_gone();
      }
    }
  }
  co_return Result<void>{};
}

bool Connection::gone() const {
  if (broken_) return true;
  char byte;
  const ssize_t count = ::recv(const_cast<Connection*>(this)->socket_.native_handle(), &byte, 1,
                               MSG_PEEK | MSG_DONTWAIT);
  return count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR);
}

Task<void> Connection::wait_gone() {
  while (!gone()) {
    // Requests that the client pipelines meanwhile are kept, as far as the limit goes, to see the
    // end behind them.
    char byte;
    const bool readable = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
    if (readable && buffer_.size() >= options_.max_header_bytes) {
      co_await Responder::wait_gone();
    } else if (readable) {
      if (co_await read_more(kReadBytes) == 0) co_return;
    } else {
      boost::system::error_code error;
      co_await socket_.async_wait(asio::socket_base::wait_read,
                                  asio::redirect_error(asio::use_awaitable, error));
      if (error) co_return;
    }
  }
}

// Closing with unread bytes resets the connection, and the client may lose the answer: so the end
// is sent first, and what still comes is read and dropped for a while (RFC 9112, 9.6).
Task<void> Connection::linger() {
  boost::system::error_code error;
  socket_.shutdown(asio::socket_base::shutdown_send, error);
  if (error) co_return;
  deadline_ = std::chrono::steady_clock::now() + kLingerTime;
  for (std::size_t dropped = 0; dropped < kLingerBytes;) {
    buffer_.clear();
    const std::size_t count = co_await read_more(kReadBytes);
    if (count == 0) co_return;
    dropped += count;
  }
}

void Connection::set_deadline() {
  deadline_ = std::chrono::steady_clock::now() + options_.idle_timeout;
}

void Connection::enforce_deadline(SteadyTime now) {
  if (now < deadline_) return;
  clear_deadline();
  timed_out_ = true;
  boost::system::error_code ignored;
  socket_.cancel(ignored);
}

Task<Result<std::unique_ptr<WebSocket>>> Responder::upgrade(WebSocketOptions, Headers) {
  co_return fail(ErrorCode::unsupported, "there is no connection here to turn into a WebSocket");
}

Task<void> Responder::wait_gone() {
  asio::steady_timer never(co_await asio::this_coro::executor,
                           asio::steady_timer::time_point::max());
  boost::system::error_code ignored;
  co_await never.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

}  // namespace corral::edge
