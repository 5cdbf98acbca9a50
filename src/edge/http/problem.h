// Errors as RFC 9457 problems: what every failed request is answered with.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace corral::edge {

inline constexpr std::string_view kProblemType = "application/problem+json";

// "Not Found" for 404; "Unknown" for a status without a name here.
std::string_view reason_phrase(int status);

// {"type":"about:blank","title","status","code","detail","request_id"}; request_id is left out when
// empty.
std::string problem_json(int status, std::string_view code, std::string_view detail,
                         std::string_view request_id);
std::string problem_json(const Error& error, std::string_view request_id);

// The word in "code" for a status that HTTP itself gives (405 → "method_not_allowed").
std::string_view problem_code(int status);

}  // namespace corral::edge
