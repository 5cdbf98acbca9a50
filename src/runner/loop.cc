#include "runner/loop.h"

#include <cerrno>

#include <sys/epoll.h>

namespace corral::runner {

Result<std::unique_ptr<Loop>> Loop::make() {
  Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return std::unexpected(errno_error(errno, "cannot make an epoll descriptor"));
  return std::unique_ptr<Loop>(new Loop(std::move(epoll)));
}

void Loop::watch(int fd, std::uint32_t events, Handler handler) {
  auto& slot = watches_[fd];
  CORRAL_ASSERT(slot == nullptr);
  slot = std::make_shared<Watch>(Watch{0, std::move(handler)});
  change(fd, events);
}

void Loop::change(int fd, std::uint32_t events) {
  const auto at = watches_.find(fd);
  CORRAL_ASSERT(at != watches_.end());
  const std::uint32_t before = std::exchange(at->second->events, events);
  if (before == events) return;
  // A descriptor with no wanted event is taken out: epoll would go on reporting its hang-up.
  const int operation = events == 0 ? EPOLL_CTL_DEL : before == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  CORRAL_ASSERT(::epoll_ctl(epoll_.get(), operation, fd, &event) == 0);
}

void Loop::forget(int fd) {
  if (!watches_.contains(fd)) return;
  change(fd, 0);
  watches_.erase(fd);
}

Loop::Timer Loop::after(std::chrono::milliseconds delay, std::function<void()> action) {
  const auto due = Clock::now() + delay;
  timers_.emplace(std::pair(due, ++last_timer_), std::move(action));
  due_.emplace(last_timer_, due);
  return last_timer_;
}

void Loop::cancel(Timer& timer) {
  const auto at = due_.find(std::exchange(timer, 0));
  if (at == due_.end()) return;
  timers_.erase({at->second, at->first});
  due_.erase(at);
}

void Loop::run_timers() {
  while (!timers_.empty() && timers_.begin()->first.first <= Clock::now()) {
    const auto first = timers_.begin();
    auto action = std::move(first->second);
    due_.erase(first->first.second);
    timers_.erase(first);
    action();
  }
}

int Loop::next_wait_ms() const {
  if (timers_.empty()) return -1;
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(timers_.begin()->first.first - Clock::now())
          .count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
}

void Loop::run() {
  running_ = true;
  epoll_event events[32];
  while (running_) {
    run_timers();
    if (end_of_turn_) end_of_turn_();
    if (!running_) break;
    // What ran last may have set timers too.
    const int count = ::epoll_wait(epoll_.get(), events, std::size(events), next_wait_ms());
    if (count < 0) CORRAL_ASSERT(errno == EINTR);
    for (int i = 0; i < count && running_; ++i) {
      const auto at = watches_.find(events[i].data.fd);
      if (at == watches_.end()) continue;
      const auto watch = at->second;  // the handler may forget itself
      watch->handler(events[i].events);
    }
  }
}

}  // namespace corral::runner
