// JSON as it is kept in the database.
#pragma once

#include <string_view>

#include "base/json.h"

namespace corral::adapters::store::postgres {

// Reads back exactly what json::serialize wrote, whatever depth or bytes its strings had; `corrupt`
// for anything else.
Result<json::value> parse_text(std::string_view text);

}  // namespace corral::adapters::store::postgres
