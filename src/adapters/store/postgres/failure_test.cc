#include "adapters/store/postgres/failure.h"

#include <gtest/gtest.h>

namespace corral::adapters::store::postgres {
namespace {

using Kind = Failure::Kind;

TEST(PostgresFailure, SqlstatesBecomeCodes) {
  struct Row {
    const char* state;
    ErrorCode code;
    Kind kind;
  };
  for (const auto& row : {Row{"23505", ErrorCode::conflict, Kind::again},
                          {"40001", ErrorCode::unavailable, Kind::again},
                          {"40P01", ErrorCode::unavailable, Kind::again},
                          {"53100", ErrorCode::exhausted, Kind::refused},
                          {"53200", ErrorCode::exhausted, Kind::refused},
                          {"53300", ErrorCode::unavailable, Kind::lost},
                          {"57P01", ErrorCode::unavailable, Kind::lost},
                          {"57P03", ErrorCode::unavailable, Kind::lost},
                          {"57014", ErrorCode::unavailable, Kind::refused},
                          {"08006", ErrorCode::unavailable, Kind::lost},
                          {"25006", ErrorCode::unavailable, Kind::lost},
                          {"22021", ErrorCode::invalid, Kind::refused},
                          {"28P01", ErrorCode::unauthenticated, Kind::refused},
                          {"42501", ErrorCode::forbidden, Kind::refused},
                          {"3D000", ErrorCode::not_found, Kind::refused},
                          {"XX001", ErrorCode::corrupt, Kind::refused},
                          {"CR409", ErrorCode::conflict, Kind::refused},
                          {"CR404", ErrorCode::not_found, Kind::refused},
                          {"42601", ErrorCode::internal, Kind::refused}}) {
    const auto failure = failure_of(row.state, "words");
    EXPECT_EQ(failure.error.code, row.code) << row.state;
    EXPECT_EQ(failure.kind, row.kind) << row.state;
  }
  EXPECT_EQ(failure_of("53100", "could not extend file").error.message,
            "could not extend file (SQLSTATE 53100)");
  EXPECT_EQ(failure_of("CR409", "stream s is at version 1, not 2").error.message,
            "stream s is at version 1, not 2");
}

TEST(PostgresFailure, WhatLibpqSaysOfAConnectionIsReadForItsSqlstate) {
  const auto refused = connect_failure(
      "connection to server at \"127.0.0.1\", port 5432 failed: FATAL:  28P01: password "
      "authentication failed for user \"x\"\n"
      "LOCATION:  auth_failed, auth.c:326\n");
  EXPECT_EQ(refused.error.code, ErrorCode::unauthenticated);
  EXPECT_EQ(refused.kind, Kind::refused);
  EXPECT_EQ(refused.error.message,
            "password authentication failed for user \"x\" (SQLSTATE 28P01)");
  const auto away = connect_failure(
      "connection to server at \"h\", port 1 failed: Connection refused\n\tIs the server running "
      "there?\n");
  EXPECT_EQ(away.error.code, ErrorCode::unavailable);
  EXPECT_EQ(away.kind, Kind::lost);
  EXPECT_EQ(away.error.message,
            "connection to server at \"h\", port 1 failed: Connection refused; Is the server "
            "running there?");
}

}  // namespace
}  // namespace corral::adapters::store::postgres
