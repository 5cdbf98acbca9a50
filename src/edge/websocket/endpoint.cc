#include "edge/websocket/endpoint.h"

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include <boost/asio/steady_timer.hpp>

#include "base/condition.h"
#include "base/random.h"

namespace corral::edge {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;
using std::chrono::milliseconds;

// Answers to pings wait for whoever writes; a peer that asks for more than this waits too.
constexpr std::size_t kMaxControlBytes = 16u << 10;
// What one read brought beyond a message is kept; more memory than this is not kept with it.
constexpr std::size_t kKeptBytes = 16u << 10;

SteadyTime steady_now() { return std::chrono::steady_clock::now(); }

class Endpoint final : public WebSocket {
 public:
  Endpoint(Role role, std::unique_ptr<ByteStream> stream, Agreement agreement,
           WebSocketOptions options, std::string received)
      : role_(role),
        stream_(std::move(stream)),
        agreement_(std::move(agreement)),
        options_(std::move(options)),
        decoder_(role, options_.max_message_bytes, agreement_.deflate),
        pending_(std::move(received)),
        last_heard_(steady_now()),
        write_seen_(last_heard_),
        read_ended_(last_heard_),
        timer_(stream_->executor()) {
    if (agreement_.deflate) deflater_.emplace(agreement_.deflate->ours);
    arm();
  }

  ~Endpoint() override {
    say_goodbye(kCloseGoingAway, {});
    stream_->close();
  }

  Task<Result<Message>> receive() override;
  Task<Result<void>> send(Message::Kind kind, std::span<const std::string_view> parts,
                          Compress compress) override;
  Task<void> close(std::uint16_t code, std::string reason) override;
  const std::optional<CloseReason>& close_reason() const override { return reason_; }
  const std::string& subprotocol() const override { return agreement_.subprotocol; }
  bool deflate() const override { return agreement_.deflate.has_value(); }

 private:
  // Marks that somebody reads; the time when nobody did is no silence of the peer.
  struct Reading {
    explicit Reading(Endpoint& endpoint) : of(endpoint) {
      CORRAL_ASSERT(!of.reading_);
      of.reading_ = true;
      of.last_heard_ += steady_now() - of.read_ended_;
    }
    ~Reading() {
      of.reading_ = false;
      of.read_ended_ = steady_now();
      of.changed_.notify_all();
    }
    Reading(const Reading&) = delete;
    Endpoint& of;
  };
  // The turn of one who writes. Left without `written`, it has cut a frame: the connection is lost.
  struct Writing {
    explicit Writing(Endpoint& endpoint) : of(endpoint) { of.begin_write(); }
    ~Writing() { of.end_write(written); }
    Writing(const Writing&) = delete;
    Endpoint& of;
    bool written = false;
  };

  Task<bool> pump();  // until decoder_ has a message; false: over
  Task<bool> handle(FrameDecoder::Event event, bool& message);
  Task<void> finish();
  void heard();
  void queue_control(Opcode opcode, std::string_view payload);
  void flush_control();
  void begin_write();
  void end_write(bool written);
  void say_goodbye(std::uint16_t code, std::string_view reason);
  void lose();
  void arm();
  void on_timer();
  std::unexpected<Error> gone() const;
  MaskKey next_key();

  const Role role_;
  std::unique_ptr<ByteStream> stream_;
  Agreement agreement_;
  WebSocketOptions options_;
  FrameDecoder decoder_;
  std::optional<Deflater> deflater_;
  std::string squeezed_;  // a message, compressed

  std::string pending_;  // read, not yet decoded, from pending_at_ on
  std::size_t pending_at_ = 0;
  bool reading_ = false;

  bool writing_ = false;
  std::string control_;  // frames that go out at the next chance
  Condition turn_;       // who waits to write
  Condition changed_;    // reading_, writing_, control_ or lost_ has changed

  bool close_sent_ = false;  // or queued
  bool finishing_ = false;   // nothing of the peer's counts any more
  bool lost_ = false;        // the stream is closed
  std::optional<CloseReason> reason_;
  std::optional<Error> error_;  // why we ended it

  SteadyTime last_heard_, write_seen_, read_ended_;
  std::uint64_t written_before_ = 0;
  bool pinged_ = false;
  std::optional<SteadyTime> give_up_;
  asio::steady_timer timer_;
  // What a callback that may come after this object's end asks first.
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
};

Task<Result<Message>> Endpoint::receive() {
  const Reading reading(*this);
  while (co_await pump()) {
    Message message = decoder_.take_message();
    if (!close_sent_) co_return message;
  }
  if (error_) co_return std::unexpected(*error_);
  co_return gone();
}

Task<bool> Endpoint::pump() {
  if (finishing_) co_await finish();
  while (!lost_) {
    FrameDecoder::Event event = FrameDecoder::Event::more;
    std::size_t consumed = 0;
    if (pending_at_ < pending_.size()) {
      event = decoder_.feed(std::span(pending_).subspan(pending_at_), consumed);
      pending_at_ += consumed;
      if (pending_at_ == pending_.size()) {
        pending_at_ = 0;
        pending_.clear();
        if (pending_.capacity() > kKeptBytes) std::string().swap(pending_);
      }
    } else {
      const auto chunk = co_await stream_->read();
      if (chunk.empty()) {
        if (!reason_) reason_ = CloseReason{.code = kCloseLost, .reason = {}, .by_peer = true};
        lose();
        co_return false;
      }
      heard();
      event = decoder_.feed(chunk, consumed);
      pending_.append(chunk.data() + consumed, chunk.size() - consumed);
    }
    bool message = false;
    if (!co_await handle(event, message)) co_return false;
    if (message) co_return true;
  }
  co_return false;
}

// False: over.
Task<bool> Endpoint::handle(FrameDecoder::Event event, bool& message) {
  switch (event) {
    case FrameDecoder::Event::more:
    case FrameDecoder::Event::pong: break;
    case FrameDecoder::Event::message: message = true; break;
    case FrameDecoder::Event::ping:
      if (close_sent_) break;
      queue_control(Opcode::pong, decoder_.payload());
      while (control_.size() > kMaxControlBytes && !lost_) co_await changed_.wait();
      break;
    case FrameDecoder::Event::close:
      if (!reason_)
        reason_ = CloseReason{
            .code = decoder_.close_code(), .reason = decoder_.close_text(), .by_peer = true};
      if (!close_sent_) {
        close_sent_ = true;
        queue_control(Opcode::close, close_payload(decoder_.close_code(), {}));
      }
      co_await finish();
      co_return false;
    case FrameDecoder::Event::failed:
      error_ =
          Error{decoder_.close_code() == kCloseTooBig ? ErrorCode::exhausted : ErrorCode::corrupt,
                "the WebSocket's peer is wrong: " + decoder_.close_text(), nullptr};
      if (!reason_)
        reason_ = CloseReason{.code = decoder_.close_code(), .reason = decoder_.close_text()};
      if (!close_sent_) {
        close_sent_ = true;
        queue_control(Opcode::close, close_payload(decoder_.close_code(), decoder_.close_text()));
      }
      co_await finish();
      co_return false;
  }
  co_return !lost_;
}

// Says what there is to say, then reads what still comes until the peer has seen the end: closing
// with unread bytes would reset the connection, and the peer lose the close frame.
Task<void> Endpoint::finish() {
  finishing_ = true;
  pending_.clear();
  pending_at_ = 0;
  if (!give_up_) give_up_ = steady_now() + options_.close_timeout;
  arm();
  turn_.notify_all();
  while (!lost_ && (writing_ || !control_.empty())) co_await changed_.wait();
  if (lost_) co_return;
  stream_->end_writing();
  while (!(co_await stream_->read()).empty()) {
  }
  lose();
}

Task<Result<void>> Endpoint::send(Message::Kind kind, std::span<const std::string_view> parts,
                                  Compress compress) {
  while (writing_ && !close_sent_ && !lost_) co_await turn_.wait();
  if (close_sent_ || lost_) co_return gone();
  Writing turn(*this);
  std::size_t total = 0;
  for (const auto part : parts) total += part.size();
  bool compressed =
      compress == Compress::yes && deflater_ && total > 0 && total >= options_.compress_from_bytes;
  if (compressed) compressed = deflater_->compress(parts, squeezed_);
  const std::array<std::string_view, 1> one{squeezed_};
  if (compressed) parts = one, total = squeezed_.size();

  const std::string before = std::exchange(control_, {});
  const Opcode opcode = kind == Message::Kind::text ? Opcode::text : Opcode::binary;
  std::vector<std::string_view> list;
  list.reserve(parts.size() + 2);
  list.push_back(before);
  if (role_ == Role::client) {
    const MaskKey key = next_key();
    const FrameHeader header(opcode, total, compressed, &key);
    std::string masked(header.view());
    masked.reserve(masked.size() + total);
    for (const auto part : parts) masked += part;
    apply_mask(std::span(masked).subspan(header.size), key);
    list.push_back(masked);
    turn.written = co_await stream_->write(list);
  } else {
    const FrameHeader header(opcode, total, compressed);
    list.push_back(header.view());
    list.insert(list.end(), parts.begin(), parts.end());
    turn.written = co_await stream_->write(list);
  }
  if (squeezed_.capacity() > kKeptBytes) std::string().swap(squeezed_);
  if (!turn.written) co_return gone();
  co_return Result<void>{};
}

Task<void> Endpoint::close(std::uint16_t code, std::string reason) {
  CORRAL_ASSERT(is_close_code(code));
  if (!close_sent_ && !lost_) {
    const std::string payload = close_payload(code, reason);
    reason_ = CloseReason{.code = code, .reason = payload.substr(2)};
    close_sent_ = true;
    give_up_ = steady_now() + options_.close_timeout;
    queue_control(Opcode::close, payload);
    turn_.notify_all();
    arm();
  }
  while (!lost_) {
    if (reading_) {
      co_await changed_.wait();
      continue;
    }
    const Reading reading(*this);
    while (co_await pump()) decoder_.take_message();
  }
}

void Endpoint::heard() {
  last_heard_ = steady_now();
  pinged_ = false;
}

void Endpoint::queue_control(Opcode opcode, std::string_view payload) {
  if (role_ == Role::client) {
    const MaskKey key = next_key();
    control_ += control_frame(opcode, payload, &key);
  } else {
    control_ += control_frame(opcode, payload);
  }
  flush_control();
}

// Whoever writes takes them along; if nobody does, they go out by themselves.
void Endpoint::flush_control() {
  if (writing_ || lost_ || control_.empty()) return;
  begin_write();
  stream_->write_then(std::exchange(control_, {}),
                      [this, alive = std::weak_ptr(alive_)](bool written) {
                        if (!alive.expired()) end_write(written);
                      });
}

void Endpoint::begin_write() {
  writing_ = true;
  write_seen_ = steady_now();
}

void Endpoint::end_write(bool written) {
  writing_ = false;
  if (!written) lose();
  flush_control();
  if (writing_) return;
  turn_.notify_one();
  changed_.notify_all();
}

// As far as it can be said at once.
void Endpoint::say_goodbye(std::uint16_t code, std::string_view reason) {
  if (close_sent_ || lost_) return;
  close_sent_ = true;
  if (!writing_) queue_control(Opcode::close, close_payload(code, reason));
}

void Endpoint::lose() {
  if (lost_) return;
  lost_ = true;
  if (!reason_) reason_ = CloseReason{};
  stream_->close();
  timer_.cancel();
  turn_.notify_all();
  changed_.notify_all();
}

void Endpoint::arm() {
  if (lost_) return;
  const auto now = steady_now();
  const bool pings = options_.ping_after.count() > 0,
             silence_ends = options_.close_after.count() > 0;
  // A write or read that begins later is looked at in time.
  milliseconds step = std::chrono::hours(1);
  if (silence_ends) step = std::max(options_.close_after / 3, milliseconds(1));
  if (pings) step = std::min(step, options_.ping_after);
  SteadyTime next = now + step;
  if (reading_ && pings && !pinged_) next = std::min(next, last_heard_ + options_.ping_after);
  if (reading_ && silence_ends) next = std::min(next, last_heard_ + options_.close_after);
  if (give_up_) next = std::min(next, *give_up_);
  timer_.expires_at(next);
  timer_.async_wait([this, alive = std::weak_ptr(alive_)](const boost::system::error_code& error) {
    if (!error && !alive.expired()) on_timer();
  });
}

void Endpoint::on_timer() {
  const auto now = steady_now();
  if (give_up_ && now >= *give_up_) return lose();
  if (!writing_ || stream_->written() != written_before_) {
    written_before_ = stream_->written();
    write_seen_ = now;
  }
  const auto limit = options_.close_after;
  const bool deaf = reading_ && now - last_heard_ >= limit;
  if (limit.count() > 0 && (deaf || now - write_seen_ >= limit)) {
    error_ = Error{ErrorCode::deadline,
                   fmt::format("the WebSocket's peer {} for {} ms",
                               deaf ? "was not heard" : "took nothing", limit.count()),
                   nullptr};
    if (!reason_) reason_ = CloseReason{.code = kCloseLost, .reason = error_->message};
    say_goodbye(kClosePolicy, "nothing was heard for too long");
    return lose();
  }
  if (reading_ && !pinged_ && !close_sent_ && options_.ping_after.count() > 0 &&
      now - last_heard_ >= options_.ping_after) {
    pinged_ = true;
    queue_control(Opcode::ping, {});
  }
  arm();
}

std::unexpected<Error> Endpoint::gone() const {
  if (!reason_) return fail(ErrorCode::cancelled, "the WebSocket is closed");
  return fail(ErrorCode::cancelled, "the WebSocket is closed: {}{}{}", reason_->code,
              reason_->reason.empty() ? "" : " ", reason_->reason);
}

MaskKey Endpoint::next_key() {
  MaskKey key;
  SystemRandom::instance().fill(key);
  return key;
}

}  // namespace

Task<Result<void>> WebSocket::send(Message::Kind kind, std::string bytes, Compress compress) {
  const std::array<std::string_view, 1> parts{bytes};
  co_return co_await send(kind, std::span<const std::string_view>(parts), compress);
}

std::unique_ptr<WebSocket> make_websocket(Role role, std::unique_ptr<ByteStream> stream,
                                          Agreement agreement, WebSocketOptions options,
                                          std::string received) {
  return std::make_unique<Endpoint>(role, std::move(stream), std::move(agreement),
                                    std::move(options), std::move(received));
}

}  // namespace corral::edge
