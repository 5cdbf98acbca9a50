// The tables, and how an older file becomes the current one. Forward only.
#pragma once

#include <cstddef>

#include "adapters/store/sqlite/database.h"

namespace corral::adapters::store::sqlite {

// Sets the connection's modes (WAL, cache, checkpoints) and applies the steps that the file does
// not have yet, each in one transaction. Throws SqliteFailure; `unsupported` when the file is newer
// than this program, `corrupt` when it is another program's. With `up_to` a test makes a file of an
// older version.
void prepare_database(Database& database, std::size_t up_to = static_cast<std::size_t>(-1));

// The write-ahead log goes into the database when it has this many pages, and is then begun anew;
// it may grow a little beyond the bytes that these take.
inline constexpr int kCheckpointPages = 1000;
inline constexpr long kLogBytes = kCheckpointPages * (4096 + 24) + (512 << 10);

// job.state in the file; "ready" outside covers delayed and ready.
enum class JobState : int { delayed = 0, ready = 1, claimed = 2, completed = 3, failed = 4 };

}  // namespace corral::adapters::store::sqlite
