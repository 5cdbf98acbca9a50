// JSON as it is kept in the file.
#pragma once

#include <string_view>

#include "base/json.h"

namespace corral::adapters::store::sqlite {

// Reads back exactly what json::serialize wrote, whatever depth or bytes its strings had. Throws
// SqliteFailure
// (`corrupt`) for anything else.
json::value parse_text(std::string_view text);

}  // namespace corral::adapters::store::sqlite
