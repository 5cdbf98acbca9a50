// What the steps that ask a server outside have in common.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "engine/async.h"
#include "engine/step_kind.h"

namespace corral::engine {

// Returns once the step is to stop.
Task<void> until_stopped(StepContext& context);

// Empty when the step was to stop before: the work is then cancelled.
template <class T>
Task<std::optional<T>> unless_stopped(StepContext& context, Task<T> work) {
  co_return co_await until(std::move(work), until_stopped(context));
}

// What an HTTP status that is no success means for a step: `unavailable` for those that may pass.
ErrorCode code_of_status(int status);

using AnswerHeaders = std::map<std::string, std::string>;  // lower-case names

// How long a server that is busy (429, 503, 529) asks not to be asked again, at most a day:
// Retry-After (RFC 9110, 10.2.3) in seconds or as a date, or the reset of an Anthropic limit of
// which nothing is left. 0: it does not say.
Duration pause_of(int status, const AnswerHeaders& headers, Time now);

// The beginning of a text of unknown origin, as one short line of valid UTF-8.
std::string excerpt(std::string_view text);

}  // namespace corral::engine
