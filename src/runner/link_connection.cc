#include "runner/link_connection.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace corral::runner {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kFirstBackOff{10}, kLastBackOff{1000};
constexpr milliseconds kHeartbeat{5000}, kDeadAfter{15000};
constexpr std::uint32_t kHelloId = 1;
constexpr std::size_t kReceiveBytes = 64 * 1024;
constexpr std::size_t kOpenBelowBytes =
    256 * 1024;  // output channels queue up to here: what is behind stays prompt
constexpr std::size_t kStopReadingBytes =
    32 * 1024 * 1024;  // a server that does not read answers is not read either

}  // namespace

LinkConnection::~LinkConnection() {
  loop_.cancel(dial_timer_);
  loop_.cancel(heartbeat_timer_);
  if (socket_) loop_.forget(socket_.get());
}

void LinkConnection::dial() {
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // Through the descriptor: the folder has no path in here, and need not fit into 108 bytes.
  std::snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", door_,
                link::kSocketName.data());
  if (!socket ||
      ::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    struct stat info{};
    if (::fstat(door_, &info) == 0 && info.st_nlink == 0) return handler_.on_door_gone();
    return dial_later();
  }
  socket_ = std::move(socket);
  state_ = State::greeting;
  reader_ = {};
  control_ = {};
  bodies_ = {};
  blocked_ = false;
  heard_at_ = Loop::Clock::now();
  link::append_control(out_, link::request_text(kHelloId, "hello", handler_.hello()));
  loop_.watch(socket_.get(), EPOLLIN, [this](std::uint32_t events) { on_ready(events); });
  heartbeat_timer_ = loop_.after(kHeartbeat, [this] { on_heartbeat(); });
}

void LinkConnection::dial_later() {
  back_off_ = std::clamp(back_off_ * 2, kFirstBackOff, kLastBackOff);
  dial_timer_ = loop_.after(back_off_, [this] { dial_timer_ = 0, dial(); });
}

void LinkConnection::drop(const Error& why) {
  const bool was_up = state_ == State::up;
  // Said once, not every second.
  if (!was_up && refusal_ != why.message) {
    refusal_ = why.message;
    std::fprintf(stderr, "corral-runner: the server does not take the link: %s\n",
                 why.message.c_str());
  }
  state_ = State::down;
  loop_.cancel(heartbeat_timer_);
  loop_.forget(socket_.get());
  socket_.reset();
  out_ = {};
  out_begin_ = 0;
  if (was_up) {
    back_off_ = {};
    handler_.on_link_lost();
  }
  dial_later();
}

void LinkConnection::on_heartbeat() {
  heartbeat_timer_ = 0;
  const auto silent = Loop::Clock::now() - heard_at_;
  if (silent >= kDeadAfter)
    return drop(Error{ErrorCode::deadline, "the server has been silent for too long", nullptr});
  if (silent >= kHeartbeat && up()) send({.type = link::FrameType::ping});
  heartbeat_timer_ = loop_.after(kHeartbeat, [this] { on_heartbeat(); });
}

void LinkConnection::on_ready(std::uint32_t events) {
  if ((events & EPOLLOUT) != 0) {
    blocked_ = false;
    flush();
  }
  if (socket_ && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) receive();
}

void LinkConnection::receive() {
  const auto got =
      ::recv(socket_.get(), reader_.prepare(kReceiveBytes), kReceiveBytes, MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0)
    return drop(got == 0 ? Error{ErrorCode::unavailable, "it closed the connection", nullptr}
                         : errno_error(errno, "cannot receive"));
  reader_.commit(static_cast<std::size_t>(got));
  heard_at_ = Loop::Clock::now();
  for (;;) {
    const auto frame = reader_.next();
    if (!frame) return drop(frame.error());
    if (!*frame) break;
    if (const auto taken = take(**frame); !taken) return drop(taken.error());
  }
  reader_.shrink();
  update_interest();
}

Result<void> LinkConnection::take(const link::Frame& frame) {
  using enum link::FrameType;
  if (frame.type == control) return take_control(frame);
  if (state_ != State::up)
    return fail(ErrorCode::corrupt, "a frame came before the hello was answered");
  switch (frame.type) {
    case body: return bodies_.add(frame.channel, frame.offset, frame.payload);
    case ping: send({.type = pong, .offset = frame.offset}); return {};
    case pong: return {};
    case data: return fail(ErrorCode::corrupt, "output came from the server");
    default: handler_.on_frame(frame); return {};
  }
}

Result<void> LinkConnection::take_control(const link::Frame& frame) {
  CORRAL_TRY(const auto text, control_.add(frame));
  if (!text) return {};
  CORRAL_TRY(auto message, link::parse_message(*text));
  if (state_ == State::greeting) {
    if (message.kind != link::Message::Kind::response || message.id != kHelloId)
      return fail(ErrorCode::corrupt, "the hello was not answered");
    if (!message.result) return std::unexpected(message.result.error());
    state_ = State::up;
    back_off_ = {};
    refusal_.clear();
    handler_.on_link_up();
    return {};
  }
  if (message.kind == link::Message::Kind::response)
    return fail(ErrorCode::corrupt, "an answer came that nobody asked for");
  CORRAL_TRY(auto body, bodies_.take(message.id, message.body_bytes));
  handler_.on_message(std::move(message), std::move(body));
  return {};
}

void LinkConnection::send(const link::Frame& frame) {
  if (up()) link::append_frame(out_, frame);
}

void LinkConnection::answer(std::uint32_t id, Result<json::object> result, std::string_view body) {
  if (!up()) return;
  if (!result) return link::append_control(out_, link::error_text(id, result.error()));
  link::append_body(out_, id, body);
  link::append_control(out_, link::result_text(id, *std::move(result), body.size()));
}

void LinkConnection::notify(std::string_view method, json::object params) {
  if (up()) link::append_control(out_, link::notification_text(method, std::move(params)));
}

bool LinkConnection::open() const { return up() && queued() < kOpenBelowBytes; }

void LinkConnection::send_data(std::uint32_t channel, std::uint64_t offset, std::string_view bytes,
                               bool end) {
  send({.type = link::FrameType::data,
        .flags = end ? link::kEnd : std::uint8_t{0},
        .channel = channel,
        .offset = offset,
        .payload = bytes});
}

void LinkConnection::send_failure(const std::string& channel, const Error& error) {
  notify("channel_failed",
         {{"channel", channel}, {"code", to_string(error.code)}, {"message", error.describe()}});
}

void LinkConnection::flush() {
  while (socket_ && !blocked_ && queued() > 0) {
    const auto sent =
        ::send(socket_.get(), out_.data() + out_begin_, queued(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) {
      blocked_ = true;
      break;
    }
    if (sent < 0) return drop(errno_error(errno, "cannot send"));
    out_begin_ += static_cast<std::size_t>(sent);
  }
  if (queued() == 0) {
    // An idle runner keeps no buffer.
    if (out_.capacity() > kOpenBelowBytes * 2) out_ = {};
    out_.clear();
    out_begin_ = 0;
  } else if (out_begin_ > kOpenBelowBytes) {
    out_.erase(0, out_begin_);
    out_begin_ = 0;
  }
  update_interest();
}

void LinkConnection::update_interest() {
  if (!socket_) return;
  std::uint32_t events = queued() < kStopReadingBytes ? EPOLLIN : 0;
  if (blocked_) events |= EPOLLOUT;
  loop_.change(socket_.get(), events);
}

}  // namespace corral::runner
