// How a program in a workspace gives outputs: it writes lines "name=value" into the file that
// $CORRAL_OUTPUT names ("name<<END", lines, "END" for values of several lines).
#pragma once

#include "engine/step_kind.h"

namespace corral::engine {

inline constexpr std::size_t kMaxOutputFile = 256u << 10;

// Lets the process have the file, empty at first. Its id names it.
void provide_output_file(ports::ProcessSpec& spec);

// The values that the step declares, by the types that it declares. `invalid` when one is missing
// or has another type. Nothing when it declares none.
Task<Result<json::object>> read_output_file(StepContext& context);

// The lines of such a file. `invalid` for one that is neither form.
Result<json::object> parse_output_file(std::string_view text);

}  // namespace corral::engine
