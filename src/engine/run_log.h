// A run's log as viewers see it: the stored one, which is closed for as long as the run is over (a
// retry opens it again).
#pragma once

#include <memory>

#include "engine/core.h"
#include "session/log_store.h"

namespace corral::engine {

std::shared_ptr<session::Log> make_run_log_view(std::shared_ptr<session::Log> log,
                                                std::shared_ptr<RunEnds::End> end);

}  // namespace corral::engine
