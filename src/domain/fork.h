// A new run from any step of an old one.
#pragma once

#include "domain/run.h"

namespace corral::domain {

// What creates it: the same request, with what the old run's steps gave until `from`: everything
// but `from` itself, what needs it, and what did not go well. Without a step: nothing is kept. The
// caller gives it a branch of its own. `not_found` for an unknown step, `invalid` for one of a
// matrix.
Result<Create> fork(const Run& old, const std::string& from, RunId id);

// Whether `step` is `from` or needs it, directly or not.
bool comes_after(const Run& run, const std::string& step, const std::string& from);

}  // namespace corral::domain
