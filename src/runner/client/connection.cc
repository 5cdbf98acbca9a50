#include "runner/client/connection.h"

#include <sys/socket.h>

#include <boost/asio/write.hpp>

namespace corral::runner::client {
namespace {

constexpr std::size_t kReceiveBytes = 64 * 1024;

}  // namespace

Connection::Connection(Executor executor, Clock& clock, std::shared_ptr<Handler> handler, Fd socket)
    : clock_(clock),
      handler_(std::move(handler)),
      socket_(executor),
      queued_(executor),
      written_(executor),
      scope_(executor) {
  boost::system::error_code failed;
  socket_.assign(asio::local::stream_protocol(), socket.get(), failed);
  if (!failed) socket.release();  // otherwise the first read says so
}

void Connection::begin(Duration ping_after, Duration dead_after, Duration greet_within) {
  scope_.start("runner link: read", read_loop(shared_from_this()));
  scope_.start("runner link: write", write_loop(shared_from_this()));
  scope_.start("runner link: watch", watch(shared_from_this(), ping_after, dead_after));
  scope_.start("runner link: greeting", await_greeting(shared_from_this(), greet_within));
}

Task<void> Connection::read_loop(std::shared_ptr<Connection> self) {
  while (!self->dropped_) {
    boost::system::error_code error;
    const auto got = co_await self->socket_.async_read_some(
        asio::buffer(self->reader_.prepare(kReceiveBytes), kReceiveBytes),
        asio::redirect_error(asio::use_awaitable, error));
    if (error)
      co_return self->drop(Error{ErrorCode::unavailable,
                                 "the runner's connection ended: " + error.message(), nullptr});
    self->reader_.commit(got);
    self->heard_ = true;
    while (!self->dropped_ && !self->closing_) {
      const auto frame = self->reader_.next();
      if (!frame) co_return self->drop(frame.error());
      if (!*frame) break;
      if (const auto taken = self->take(**frame); !taken) co_return self->drop(taken.error());
    }
    self->reader_.shrink();
  }
}

Result<void> Connection::take(const link::Frame& frame) {
  using enum link::FrameType;
  if (frame.type == control) {
    CORRAL_TRY(const auto text, control_.add(frame));
    if (!text) return {};
    CORRAL_TRY(auto message, link::parse_message(*text));
    CORRAL_TRY(auto body, bodies_.take(message.id, message.body_bytes));
    return handler_->on_message(*this, std::move(message), std::move(body));
  }
  if (!greeted_) return fail(ErrorCode::corrupt, "a frame came before the hello");
  switch (frame.type) {
    case body: return bodies_.add(frame.channel, frame.offset, frame.payload);
    case ping: send({.type = pong, .offset = frame.offset}); return {};
    case pong: return {};
    default: return handler_->on_frame(*this, frame);
  }
}

Task<void> Connection::write_loop(std::shared_ptr<Connection> self) {
  std::string writing;
  for (;;) {
    while (self->out_.empty()) {
      if (self->dropped_) co_return;
      if (self->closing_) co_return self->drop(Error{ErrorCode::cancelled, "closed", nullptr});
      co_await self->queued_.wait();
    }
    writing.clear();
    std::swap(writing, self->out_);
    boost::system::error_code error;
    self->writing_ = true;
    co_await asio::async_write(self->socket_, asio::buffer(writing),
                               asio::redirect_error(asio::use_awaitable, error));
    self->writing_ = false;
    if (error)
      co_return self->drop(Error{ErrorCode::unavailable,
                                 "the runner's connection ended: " + error.message(), nullptr});
    if (writing.capacity() > link::kMaxPayloadBytes) writing = {};
    self->written_.notify();
  }
}

Task<void> Connection::watch(std::shared_ptr<Connection> self, Duration ping_after,
                             Duration dead_after) {
  Duration silent{0};
  while (!self->dropped_) {
    co_await self->clock_.sleep(ping_after);
    silent = std::exchange(self->heard_, false) ? Duration{0} : silent + ping_after;
    if (silent >= dead_after)
      co_return self->drop(
          Error{ErrorCode::deadline, "the runner has been silent for too long", nullptr});
    if (silent > Duration{0} && self->greeted_) self->send({.type = link::FrameType::ping});
  }
}

Task<void> Connection::await_greeting(std::shared_ptr<Connection> self, Duration within) {
  co_await self->clock_.sleep(within);
  if (!self->greeted_) self->drop(Error{ErrorCode::deadline, "no hello came", nullptr});
}

void Connection::send(const link::Frame& frame) {
  if (dropped_) return;
  link::append_frame(out_, frame);
  queued_.notify();
}

void Connection::send_control(std::string_view text) {
  if (dropped_) return;
  link::append_control(out_, text);
  queued_.notify();
}

void Connection::send_request(std::uint32_t id, std::string_view text, std::string_view body) {
  if (dropped_) return;
  link::append_body(out_, id, body);
  link::append_control(out_, text);
  if (!writing_) {
    // Without a trip through the event loop. Whatever goes wrong, write_loop() meets it again.
    const auto sent =
        ::send(socket_.native_handle(), out_.data(), out_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) out_.erase(0, static_cast<std::size_t>(sent));
    if (out_.empty() && out_.capacity() > link::kMaxPayloadBytes) out_ = {};
    written_.notify();
  }
  if (!out_.empty()) queued_.notify();
}

Task<void> Connection::wait_until_queued_below(std::size_t bytes) {
  while (!dropped_ && out_.size() >= bytes) co_await written_.wait();
}

void Connection::drop(const Error& why, Flush flush) {
  if (dropped_) return;
  if (flush == Flush::last_words && !out_.empty()) {
    closing_ = true;
    queued_.notify();
    return;
  }
  const auto self = shared_from_this();
  abandon();
  handler_->on_dropped(*this, why);
}

void Connection::abandon() {
  if (std::exchange(dropped_, true)) return;
  boost::system::error_code ignored;
  socket_.shutdown(asio::socket_base::shutdown_both,
                   ignored);  // the runner sees the end, whoever else has a copy
  socket_.close(ignored);
  out_.clear();
  queued_.notify();
  written_.notify();
  scope_.cancel();
}

}  // namespace corral::runner::client
