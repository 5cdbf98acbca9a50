// The tables, and how an older database becomes the current one. Forward only.
#pragma once

#include "adapters/store/postgres/connection.h"

namespace corral::adapters::store::postgres {

// Applies the steps that the database does not have yet, all or none, under a lock: of several
// servers that start at once one does it and the others find it done. `unsupported` when the
// database is newer than this program, or the server older than PostgreSQL 15.
Task<std::expected<void, Failure>> prepare_database(Connection& connection, Deadline deadline);

// What pg_advisory_lock is called with: the first number says that the lock is Corral's, the second
// which one.
inline constexpr int kLockClass = 0x4352524c;              // "CRRL"
enum class Lock : int { schema = 0, queue = 1, log = 2 };  // taken in this order

// jobs.state; "ready" outside covers delayed and ready.
enum class JobState : int { delayed = 0, ready = 1, claimed = 2, completed = 3, failed = 4 };

// In tables.cc, functions.cc and claim.cc. Several statements each, without parameters.
extern const char* const kTables;
extern const char* const kIndexesForMany;
extern const char* const kFunctions;
extern const char* const kClaim;

}  // namespace corral::adapters::store::postgres
