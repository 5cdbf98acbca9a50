// Events that an older Corral wrote, as the present one would have: version by version.
#pragma once

#include <string_view>

#include "base/json.h"

namespace corral::domain {

// `version` is older than the type's present one. Total: what it does not know stays as it is, and
// is found to be wrong when it is read.
json::value upcast(std::string_view type, int version, json::value data);

}  // namespace corral::domain
