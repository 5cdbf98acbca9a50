// What expressions see of a run, and what follows from the graph: who may begin, whose needs
// failed.
#pragma once

#include <string>

#include "domain/expression.h"
#include "domain/run.h"

namespace corral::domain {

// For a step's own texts (its matrix included), or, without one, for texts of the run as a whole.
// `prompt` replaces the excerpt that the run keeps of a long one, unless empty.
Scope scope_of(const Run& run, const Step* step, std::string_view prompt = {});
// Before there is a run: only inputs.
Scope scope_of_request(const Request& request);

// Whether something that the step needs, directly or not, went wrong: it failed (and may not), was
// cancelled, or was skipped for such a reason. Of a `finally` step: whether anything did.
bool needs_failed(const Run& run, const Step& step);
// The step's failure counts.
bool went_wrong(const Step& step);

// Whether the condition of a step that could begin says so. `invalid` when it cannot be evaluated.
Result<bool> condition_holds(const Run& run, const Step& step);
// Whether it has a say of its own in what failures mean for it.
bool asks_for_status(const StepDefinition& definition);

// The combinations of the step's matrix, in order. `invalid` when it cannot be evaluated or makes
// too many.
Result<std::vector<json::object>> matrix_of(const Run& run, const Step& step);

// `with` with every expression in it evaluated.
Result<json::object> evaluate_all(const json::object& with, const Scope& scope);

}  // namespace corral::domain
