// From a request to a run: validation and the choices made once.
#pragma once

#include "domain/run.h"
#include "engine/core.h"

namespace corral::engine {

inline constexpr std::size_t kMaxPrompt = 16u << 20;
// Longer prompts are kept as a blob; events and lists carry this much of them.
inline constexpr std::size_t kPromptExcerpt = 8u << 10;

// The checked request; `invalid` names the field and the remedy. The project is not looked at yet.
Task<Result<domain::Request>> check_request(const StartRun& request, Core& core,
                                            std::string_view actor);

// A request as JSON, and back: what a schedule keeps.
json::value request_json(const StartRun& request);
Result<StartRun> request_of(const json::value& value);

// Which request a key stands for.
std::string request_hash(const StartRun& request);

// "corral/fix-the-failing-test-9f2c61aa": readable, and the run's own.
std::string branch_name(std::string_view prompt, RunId run);

}  // namespace corral::engine
