// The runner's event loop: epoll, timers, and nothing else. One thread. The runner does without
// Asio to stay small: it is the first process of every workspace.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <unordered_map>

#include "base/error.h"
#include "base/fd.h"

namespace corral::runner {

class Loop {
 public:
  using Clock = std::chrono::steady_clock;
  using Handler =
      std::function<void(std::uint32_t events)>;  // EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR
  using Timer = std::uint64_t;                    // 0: none

  static Result<std::unique_ptr<Loop>> make();

  // Level-triggered. `fd` is not owned and is forgotten before it is closed. A handler may be
  // called without need (the descriptor was closed and its number used again in one turn): every
  // descriptor is non-blocking. A handler may forget any descriptor, its own too.
  void watch(int fd, std::uint32_t events, Handler handler);
  // 0 rests: not even hang-ups are told.
  void change(int fd, std::uint32_t events);
  void forget(int fd);

  Timer after(std::chrono::milliseconds delay, std::function<void()> action);
  // Takes the timer's name away too. No timer, or one that has fired, is fine.
  void cancel(Timer& timer);

  // Called once a turn, before waiting: for what is cheaper done once than many times (sending).
  void at_end_of_turn(std::function<void()> action) { end_of_turn_ = std::move(action); }

  void run();
  void stop() { running_ = false; }

 private:
  explicit Loop(Fd epoll) : epoll_(std::move(epoll)) {}
  void run_timers();
  int next_wait_ms() const;  // -1: there is no timer

  struct Watch {
    std::uint32_t events = 0;
    Handler handler;
  };
  Fd epoll_;
  std::unordered_map<int, std::shared_ptr<Watch>> watches_;
  std::map<std::pair<Clock::time_point, Timer>, std::function<void()>> timers_;
  std::unordered_map<Timer, Clock::time_point> due_;
  Timer last_timer_ = 0;
  std::function<void()> end_of_turn_;
  bool running_ = false;
};

}  // namespace corral::runner
