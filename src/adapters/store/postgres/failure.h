// What PostgreSQL reports, as errors of ours.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace corral::adapters::store::postgres {

struct Failure {
  enum class Kind {
    refused,  // the same statements would fail again
    again,    // two transactions were in each other's way: the same statements may succeed at once
    lost,     // the connection is gone, or of no more use
  };
  Kind kind = Kind::refused;
  Error error;
};

// SQLSTATEs of our own, raised by the functions in the database.
inline constexpr std::string_view kRefusedConflict = "CR409", kRefusedNotFound = "CR404",
                                  kFenced = "CR001";

// What the server or libpq says, on one line and without the place in PostgreSQL's source that it
// came from.
std::string one_line(std::string_view message);

// From a SQLSTATE and the server's words.
Failure failure_of(std::string_view sqlstate, std::string_view message);

// From what libpq says about an attempt to connect, which names its SQLSTATE only in the text
// (PQERRORS_VERBOSE). `lost` when trying again later may help.
Failure connect_failure(std::string_view message);

}  // namespace corral::adapters::store::postgres
