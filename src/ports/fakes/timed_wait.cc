#include "ports/fakes/timed_wait.h"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/multiple_exceptions.hpp>

namespace corral::ports::fakes {

Task<void> timed_wait(WaitList::Place& place, Clock& clock, Duration timeout) {
  using namespace asio::experimental::awaitable_operators;
  try {
    co_await (place.wait() || clock.sleep(timeout));
  } catch (const asio::multiple_exceptions& both) {
    // Both were cancelled with the caller: that is one thing to say.
    std::rethrow_exception(both.first_exception());
  }
}

}  // namespace corral::ports::fakes
