#include "runner/channel.h"

#include <algorithm>
#include <cerrno>

#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "runner/link/protocol.h"

namespace corral::runner {
namespace {

constexpr std::size_t kReadBytes = 64 * 1024;
constexpr std::size_t kFewBytes = 256;  // after so few a second look is mostly in vain
constexpr std::chrono::milliseconds kDiskRetry{200};

// One for all: channels read one after the other.
char g_buffer[kReadBytes];

}  // namespace

Channel::Channel(Loop& loop, Spool& spool, Outlet& outlet, std::uint32_t number, std::string name)
    : loop_(loop), outlet_(outlet), number_(number), name_(std::move(name)), log_(spool, number) {}

Channel::~Channel() {
  loop_.cancel(retry_timer_);
  close_source();
}

void Channel::take(Fd source, std::function<void()> ended) {
  source_ = std::move(source);
  on_ended_ = std::move(ended);
  loop_.watch(source_.get(), EPOLLIN, [this](std::uint32_t) { readable(); });
}

void Channel::close_source() {
  if (!source_) return;
  loop_.forget(source_.get());
  source_.reset();
}

void Channel::rest() {
  resting_ = true;
  loop_.change(source_.get(), 0);
}

void Channel::retry() {
  if (!resting_) return;
  resting_ = false;
  if (!pending_.empty()) {
    auto pending = std::exchange(pending_, {});
    store(pending);
    if (resting_) return;
  }
  loop_.change(source_.get(), EPOLLIN);
  if (finishing_) readable();
}

void Channel::readable() {
  if (ended_ || resting_) return;
  const std::size_t room =
      static_cast<std::size_t>(std::min({log_.room(), std::uint64_t{kReadBytes}, last_bytes_}));
  if (room == 0 && last_bytes_ > 0) return rest();
  std::size_t have = 0;
  bool over = last_bytes_ == 0;
  // A terminal gives at most 4 KiB a read: what is there is taken together.
  while (have < room && !over) {
    const auto got = ::read(source_.get(), g_buffer + have, room - have);
    if (got > 0) {
      have += static_cast<std::size_t>(got);
      if (have < kFewBytes && !finishing_) break;
      continue;
    }
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN && !finishing_) break;
    over = true;  // end of file; EIO: the last of a terminal's users is gone
  }
  if (finishing_) last_bytes_ -= have;
  if (have > 0) store({g_buffer, have});
  if (!over) {
    if (finishing_ && !resting_)
      retry_timer_ = loop_.after({}, [this] { retry_timer_ = 0, readable(); });
    return;
  }
  if (resting_) return finish();  // the disk refused the last bytes: retry() comes back here
  ended_ = true;
  loop_.cancel(retry_timer_);
  close_source();
  log_.close();
  auto on_ended = std::exchange(on_ended_, {});
  on_ended();
}

void Channel::store(std::string_view bytes) {
  const std::uint64_t offset = log_.end();
  std::size_t taken = 0;
  // One that reads along acknowledges soon.
  const bool followed = subscribed_ && offset < log_.begin() + link::kChannelWindowBytes;
  const auto stored =
      log_.append(bytes, taken, followed ? ChannelLog::Keep::memory : ChannelLog::Keep::files);
  // A reader that has all the rest gets it straight from memory.
  if (subscribed_ && sent_ == offset && taken > 0 && outlet_.open() && window_open()) {
    outlet_.send_data(number_, offset, bytes.substr(0, taken), false);
    sent_ += taken;
  }
  if (stored) return;
  pending_ = bytes.substr(taken);
  rest();
  loop_.cancel(retry_timer_);
  retry_timer_ = loop_.after(kDiskRetry, [this] { retry_timer_ = 0, retry(); });
}

void Channel::finish() {
  if (ended_) return;
  if (!finishing_) {
    finishing_ = true;
    // A writer that got away must not keep the channel open: it gets what is in the pipe now (a
    // terminal tells less than it holds), and no more.
    int waiting = 0;
    ::ioctl(source_.get(), FIONREAD, &waiting);
    last_bytes_ = static_cast<std::uint64_t>(waiting) + kReadBytes;
  }
  if (!resting_ && retry_timer_ == 0) readable();
}

Result<std::uint64_t> Channel::subscribe(std::uint64_t from) {
  CORRAL_CHECK(acknowledge(from));
  subscribed_ = true;
  end_sent_ = false;
  sent_ = std::max(from, log_.begin());
  return sent_;
}

Result<void> Channel::acknowledge(std::uint64_t offset) { return log_.acknowledge(offset); }

bool Channel::window_open() const { return sent_ < log_.begin() + link::kChannelWindowBytes; }

bool Channel::pump() {
  if (!subscribed_ || end_sent_ || !outlet_.open()) return false;
  // An acknowledgement may come for bytes that this subscriber was never sent (its predecessor
  // was).
  sent_ = std::max(sent_, log_.begin());
  if (sent_ < log_.end()) {
    if (!window_open()) return false;
    const auto got = log_.read(sent_, g_buffer, kReadBytes);
    if (!got) {
      subscribed_ = false;
      outlet_.send_failure(name_, got.error());
      return false;
    }
    outlet_.send_data(number_, sent_, {g_buffer, *got}, false);
    sent_ += *got;
    return true;
  }
  if (!ended_) return false;
  outlet_.send_data(number_, sent_, {}, true);
  end_sent_ = true;
  return false;
}

}  // namespace corral::runner
