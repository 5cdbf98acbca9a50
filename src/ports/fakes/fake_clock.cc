#include "ports/fakes/fake_clock.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

namespace corral::ports::fakes {

struct FakeClock::Sleeper {
  explicit Sleeper(const Executor& executor)
      : timer(executor, asio::steady_timer::time_point::max()) {}
  asio::steady_timer timer;  // only an event: cancelled when its virtual time has come
  bool due = false;
};

Time FakeClock::now() const {
  std::scoped_lock lock(mutex_);
  return now_;
}

// Leaves the list with the frame, however that ends: a timer must not outlive its executor.
struct FakeClock::Bed {
  FakeClock& clock;
  std::shared_ptr<Sleeper> sleeper;
  std::multimap<Time, std::shared_ptr<Sleeper>>::iterator place;
  ~Bed() {
    std::scoped_lock lock(clock.mutex_);
    if (!sleeper->due) clock.sleepers_.erase(place);
  }
};

Task<void> FakeClock::sleep(Duration duration) {
  if (duration <= Duration::zero()) co_return;
  Bed bed{*this, std::make_shared<Sleeper>(co_await asio::this_coro::executor), {}};
  {
    std::scoped_lock lock(mutex_);
    // The longest Duration, as "for ever", must not overflow.
    const Time until = duration > Time::max() - now_ ? Time::max() : now_ + duration;
    bed.place = sleepers_.emplace(until, bed.sleeper);
  }
  while (!bed.sleeper->due) {
    boost::system::error_code error;
    co_await bed.sleeper->timer.async_wait(asio::redirect_error(asio::use_awaitable, error));
    const auto state = co_await asio::this_coro::cancellation_state;
    if (!bed.sleeper->due && state.cancelled() != asio::cancellation_type::none)
      throw boost::system::system_error(asio::error::operation_aborted);
  }
}

void FakeClock::advance(Duration duration) { advance_to(now() + duration); }

void FakeClock::advance_to(Time time) {
  std::scoped_lock lock(mutex_);
  if (time <= now_) return;
  now_ = time;
  while (!sleepers_.empty() && sleepers_.begin()->first <= now_) {
    auto sleeper = std::move(sleepers_.begin()->second);
    sleepers_.erase(sleepers_.begin());
    sleeper->due = true;
    sleeper->timer.cancel();
  }
}

std::optional<Time> FakeClock::next_wake() const {
  std::scoped_lock lock(mutex_);
  if (sleepers_.empty()) return std::nullopt;
  return sleepers_.begin()->first;
}

std::size_t FakeClock::sleepers() const {
  std::scoped_lock lock(mutex_);
  return sleepers_.size();
}

}  // namespace corral::ports::fakes
