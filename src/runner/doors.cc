#include "runner/doors.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace corral::runner {
namespace {

constexpr std::chrono::seconds kHold{60};
constexpr std::uint64_t kReturnCreditBytes = link::kStreamCreditBytes / 4;
constexpr std::size_t kForwardBytes = 64 * 1024;
char g_buffer[kForwardBytes];

}  // namespace

Doors::~Doors() {
  for (auto& [id, stream] : streams_) {
    loop_.cancel(stream->hold_timer);
    loop_.forget(stream->socket.get());
  }
  for (auto& listener : listeners_) loop_.forget(listener->socket.get());
}

Result<std::uint16_t> Doors::listen(link::StreamKind kind, std::uint16_t port) {
  Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  const int yes = 1;
  socklen_t size = sizeof address;
  if (!socket || ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
      ::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(socket.get(), 128) != 0 ||
      ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
    return std::unexpected(errno_error(errno, fmt::format("cannot listen on 127.0.0.1:{}", port)));
  auto& listener =
      *listeners_.emplace_back(std::make_unique<Listener>(Listener{kind, std::move(socket)}));
  loop_.watch(listener.socket.get(), EPOLLIN,
              [this, &listener](std::uint32_t) { accept(listener); });
  return ntohs(address.sin_port);
}

void Doors::accept(Listener& listener) {
  while (streams_.size() < link::kMaxStreams) {
    Fd socket(::accept4(listener.socket.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket) return;
    const int yes = 1;
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    auto stream = std::make_unique<Stream>();
    stream->id = ++last_id_;
    stream->kind = listener.kind;
    stream->socket = std::move(socket);
    loop_.watch(stream->socket.get(), 0,
                [this, id = stream->id](std::uint32_t events) { on_ready(id, events); });
    auto& kept = *streams_.emplace(stream->id, std::move(stream)).first->second;
    if (link_.up())
      announce(kept);
    else
      hold(kept);
  }
  rest_or_listen();
}

// More clients wait in the kernel's queue.
void Doors::rest_or_listen() {
  for (auto& listener : listeners_)
    loop_.change(listener->socket.get(), streams_.size() < link::kMaxStreams ? EPOLLIN : 0);
}

void Doors::announce(Stream& stream) {
  loop_.cancel(stream.hold_timer);
  stream.announced = true;
  stream.credit = link::kStreamCreditBytes;
  link_.send({.type = link::FrameType::stream_open,
              .channel = stream.id,
              .offset = static_cast<std::uint64_t>(stream.kind)});
  settle(stream);
}

void Doors::hold(Stream& stream) {
  stream.announced = false;
  stream.hold_timer = loop_.after(kHold, [this, id = stream.id] { close(id, false); });
  settle(stream);
}

void Doors::on_link_up() {
  for (auto& [id, stream] : streams_) announce(*stream);
}

void Doors::on_link_lost() {
  std::vector<std::uint32_t> broken;
  for (auto& [id, stream] : streams_) {
    if (stream->used || stream->read_over || stream->end_wanted)
      broken.push_back(id);
    else
      hold(*stream);
  }
  for (const auto id : broken) close(id, false);
}

void Doors::resume() {
  for (auto& [id, stream] : streams_) settle(*stream);
}

// Watches for what can be done now.
void Doors::settle(Stream& stream) {
  std::uint32_t events = 0;
  if (stream.announced && !stream.read_over && stream.credit > 0 && link_.open()) events |= EPOLLIN;
  if (stream.inbound_begin < stream.inbound.size()) events |= EPOLLOUT;
  loop_.change(stream.socket.get(), events);
}

void Doors::on_ready(std::uint32_t id, std::uint32_t events) {
  const auto at = streams_.find(id);
  if (at == streams_.end()) return;
  auto& stream = *at->second;
  if ((events & EPOLLERR) != 0) return close(id, true);
  if ((events & (EPOLLOUT | EPOLLHUP)) != 0 && !deliver(stream)) return;
  if ((events & (EPOLLIN | EPOLLHUP)) != 0) forward(stream);
}

void Doors::forward(Stream& stream) {
  if (!stream.announced || stream.read_over || stream.credit == 0 || !link_.open()) return;
  const auto room = static_cast<std::size_t>(std::min<std::uint64_t>(stream.credit, kForwardBytes));
  const auto got = ::recv(stream.socket.get(), g_buffer, room, MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got < 0) return close(stream.id, true);
  if (got == 0) {
    stream.read_over = true;
    link_.send({.type = link::FrameType::stream_end, .channel = stream.id});
    if (stream.write_over) return close(stream.id, true);
  } else {
    stream.used = true;
    stream.credit -= static_cast<std::uint64_t>(got);
    link_.send({.type = link::FrameType::stream_data,
                .channel = stream.id,
                .payload = {g_buffer, static_cast<std::size_t>(got)}});
  }
  settle(stream);
}

bool Doors::deliver(Stream& stream) {
  while (stream.inbound_begin < stream.inbound.size()) {
    const auto sent =
        ::send(stream.socket.get(), stream.inbound.data() + stream.inbound_begin,
               stream.inbound.size() - stream.inbound_begin, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) break;
    if (sent < 0) return close(stream.id, true), false;
    stream.inbound_begin += static_cast<std::size_t>(sent);
    stream.to_return += static_cast<std::uint64_t>(sent);
  }
  if (stream.inbound_begin == stream.inbound.size()) {
    stream.inbound.clear();
    stream.inbound_begin = 0;
    if (stream.end_wanted && !stream.write_over) {
      stream.write_over = true;
      ::shutdown(stream.socket.get(), SHUT_WR);
      if (stream.read_over) return close(stream.id, true), false;
    }
  }
  if (stream.to_return >= kReturnCreditBytes && !stream.end_wanted)
    link_.send({.type = link::FrameType::stream_credit,
                .channel = stream.id,
                .offset = std::exchange(stream.to_return, 0)});
  settle(stream);
  return true;
}

void Doors::on_frame(const link::Frame& frame) {
  const auto at = streams_.find(frame.channel);
  if (at == streams_.end()) return;  // closed here while the frame was on its way
  auto& stream = *at->second;
  switch (frame.type) {
    case link::FrameType::stream_data:
      if (stream.end_wanted || stream.inbound.size() - stream.inbound_begin + frame.payload.size() >
                                   link::kStreamCreditBytes)
        return close(stream.id, true);
      stream.used = true;
      if (stream.inbound_begin > 0) stream.inbound.erase(0, std::exchange(stream.inbound_begin, 0));
      stream.inbound.append(frame.payload);
      deliver(stream);
      return;
    case link::FrameType::stream_credit:
      stream.credit = std::min<std::uint64_t>(
          stream.credit + std::min<std::uint64_t>(frame.offset, link::kStreamCreditBytes),
          link::kStreamCreditBytes);
      return settle(stream);
    case link::FrameType::stream_end:
      stream.end_wanted = true;
      deliver(stream);
      return;
    default:
      // The server is done with both directions; what it sent before is still the client's.
      stream.announced = false;
      stream.read_over = stream.end_wanted = true;
      loop_.cancel(stream.hold_timer);
      stream.hold_timer = loop_.after(kHold, [this, id = stream.id] { close(id, false); });
      deliver(stream);
  }
}

void Doors::close(std::uint32_t id, bool tell) {
  const auto at = streams_.find(id);
  if (at == streams_.end()) return;
  auto& stream = *at->second;
  if (tell && stream.announced) link_.send({.type = link::FrameType::stream_close, .channel = id});
  loop_.cancel(stream.hold_timer);
  loop_.forget(stream.socket.get());
  streams_.erase(at);
  rest_or_listen();
}

void bring_loopback_up() {
  Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  if (!socket || ::ioctl(socket.get(), SIOCGIFFLAGS, &request) != 0 ||
      (request.ifr_flags & IFF_UP) != 0)
    return;
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
  ::ioctl(socket.get(), SIOCSIFFLAGS, &request);
}

}  // namespace corral::runner
