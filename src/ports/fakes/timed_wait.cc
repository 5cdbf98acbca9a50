#include "ports/fakes/timed_wait.h"

#include <boost/asio/experimental/awaitable_operators.hpp>

namespace corral::ports::fakes {

Task<void> timed_wait(WaitList::Place& place, Clock& clock, Duration timeout) {
  using namespace asio::experimental::awaitable_operators;
  co_await (place.wait() || clock.sleep(timeout));
}

}  // namespace corral::ports::fakes
