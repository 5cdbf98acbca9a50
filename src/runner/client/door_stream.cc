#include "runner/client/door_stream.h"

#include <algorithm>
#include <cerrno>

#include <sys/socket.h>

#include <boost/asio/write.hpp>

namespace corral::runner::client {
namespace {

constexpr std::size_t kChunkBytes = 64 * 1024;
constexpr std::size_t kQueueBelowBytes =
    1024 * 1024;  // of the connection, beyond which streams wait

}  // namespace

DoorStream::DoorStream(Executor executor, std::shared_ptr<Connection> connection, std::uint32_t id,
                       OnClosed on_closed)
    : connection_(std::move(connection)),
      id_(id),
      on_closed_(std::move(on_closed)),
      socket_(executor),
      credit_wake_(executor),
      inbound_wake_(executor) {}

Result<DoorStream::Opened> DoorStream::open(Executor executor,
                                            std::shared_ptr<Connection> connection,
                                            std::uint32_t id, OnClosed on_closed) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return std::unexpected(errno_error(errno, "cannot make a socket pair"));
  Fd inside(ends[0]), outside(ends[1]);
  auto stream =
      std::make_shared<DoorStream>(executor, std::move(connection), id, std::move(on_closed));
  boost::system::error_code failed;
  stream->socket_.assign(asio::local::stream_protocol(), inside.get(), failed);
  if (failed) return fail(ErrorCode::exhausted, "cannot watch a socket pair: {}", failed.message());
  inside.release();
  stream->connection_->scope().start("runner stream: to runner", to_runner(stream));
  stream->connection_->scope().start("runner stream: from runner", from_runner(stream));
  return Opened{std::move(stream), std::move(outside)};
}

Task<void> DoorStream::to_runner(std::shared_ptr<DoorStream> self) {
  std::string buffer;
  while (!self->peer_closed_ && !self->connection_->dropped()) {
    if (self->credit_ == 0) {
      co_await self->credit_wake_.wait();
      continue;
    }
    co_await self->connection_->wait_until_queued_below(kQueueBelowBytes);
    // Memory is held only while there is something to read.
    boost::system::error_code error;
    co_await self->socket_.async_wait(asio::socket_base::wait_read,
                                      asio::redirect_error(asio::use_awaitable, error));
    if (error) break;
    buffer.resize(static_cast<std::size_t>(std::min<std::uint64_t>(kChunkBytes, self->credit_)));
    const auto got = co_await self->socket_.async_read_some(
        asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, error));
    if (error) break;
    self->credit_ -= got;
    self->connection_->send({.type = link::FrameType::stream_data,
                             .channel = self->id_,
                             .payload = {buffer.data(), got}});
    buffer = {};
  }
  if (!self->peer_closed_)
    self->connection_->send({.type = link::FrameType::stream_end, .channel = self->id_});
  self->sending_over_ = true;
  self->inbound_wake_.notify();
  self->finish_if_over();
}

Task<void> DoorStream::from_runner(std::shared_ptr<DoorStream> self) {
  bool taken_outside = true;
  for (;;) {
    const auto done = [&] {
      return self->inbound_over_ || (!taken_outside && self->sending_over_);
    };
    while (self->inbound_.empty() && !done()) co_await self->inbound_wake_.wait();
    if (self->inbound_.empty() || (!taken_outside && self->sending_over_)) break;
    const auto bytes = std::exchange(self->inbound_, {});
    boost::system::error_code error;
    // After the outside has closed, what still comes is dropped: an answer it gave before may be on
    // its way.
    if (taken_outside)
      co_await asio::async_write(self->socket_, asio::buffer(bytes),
                                 asio::redirect_error(asio::use_awaitable, error));
    if (error) taken_outside = false;
    if (!self->inbound_over_)
      self->connection_->send(
          {.type = link::FrameType::stream_credit, .channel = self->id_, .offset = bytes.size()});
  }
  boost::system::error_code ignored;
  if (taken_outside) self->socket_.shutdown(asio::socket_base::shutdown_send, ignored);
  self->taking_over_ = true;
  self->finish_if_over();
}

void DoorStream::finish_if_over() {
  if (!taking_over_ || (!sending_over_ && !peer_closed_)) return;
  if (!peer_closed_) connection_->send({.type = link::FrameType::stream_close, .channel = id_});
  peer_closed_ = true;
  boost::system::error_code ignored;
  socket_.close(ignored);
  credit_wake_.notify();
  if (auto closed = std::exchange(on_closed_, {})) closed(id_);
}

Result<void> DoorStream::on_frame(const link::Frame& frame) {
  switch (frame.type) {
    case link::FrameType::stream_data:
      if (inbound_over_) return {};
      if (inbound_.size() + frame.payload.size() > link::kStreamCreditBytes)
        return fail(ErrorCode::corrupt, "stream {} sends more than its credit", id_);
      inbound_.append(frame.payload);
      inbound_wake_.notify();
      return {};
    case link::FrameType::stream_credit:
      credit_ = std::min<std::uint64_t>(
          credit_ + std::min<std::uint64_t>(frame.offset, link::kStreamCreditBytes),
          link::kStreamCreditBytes);
      credit_wake_.notify();
      return {};
    case link::FrameType::stream_close:
      peer_closed_ = true;
      credit_wake_.notify();
      [[fallthrough]];
    case link::FrameType::stream_end:
      inbound_over_ = true;
      inbound_wake_.notify();
      if (!peer_closed_) return {};
      // Its number and its place are free from here on, whatever the outside still has to take.
      if (auto closed = std::exchange(on_closed_, {})) closed(id_);
      finish_if_over();
      return {};
    default:
      return fail(ErrorCode::corrupt, "a frame of type {} came for a stream",
                  static_cast<int>(frame.type));
  }
}

void DoorStream::abort() {
  // The tasks end with the connection; the outside sees the end at once.
  boost::system::error_code ignored;
  socket_.close(ignored);
  on_closed_ = {};
}

}  // namespace corral::runner::client
