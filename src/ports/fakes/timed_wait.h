// Waiting on a WaitList by a Clock, so that virtual time ends it.
#pragma once

#include "base/clock.h"
#include "base/wait_list.h"

namespace corral::ports::fakes {

// Returns when the place was woken or the clock passed `timeout`. Both outlive the task.
Task<void> timed_wait(WaitList::Place& place, Clock& clock, Duration timeout);

}  // namespace corral::ports::fakes
