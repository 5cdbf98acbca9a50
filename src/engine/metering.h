// What model calls cost a run, whoever makes them: agents through the gateway, or steps.
#pragma once

#include <string>

#include "engine/core.h"

namespace corral::engine {

// As Service says it (service.h); `by` is who the events name.
Task<Result<void>> admit_model_call(Core& core, RunId run, std::string by);
Task<Result<void>> record_model_call(Core& core, RunId run, ModelCall call, std::string by);

}  // namespace corral::engine
