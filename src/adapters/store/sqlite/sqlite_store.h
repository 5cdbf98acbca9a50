// ports::Store in one SQLite file.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>

#include "base/clock.h"
#include "base/error.h"
#include "ports/store.h"

namespace corral::adapters::store {

struct SqliteStoreOptions {
  Clock* clock = &SystemClock::instance();  // stamps what is written; outlives the store
  std::size_t readers = 2;                  // threads, each with a connection of its own
  std::size_t max_waiting =
      10'000;  // calls handed over and not yet answered; further callers wait for room
  Duration busy_timeout{2'000};  // how long another program may hold the database
};

// Opens or creates the database (the folder must exist) and brings its schema up to date. Blocks;
// call it at start.
//
// Commits of all callers are grouped: whatever waits while one SQLite transaction is written goes
// into the next, each under a savepoint of its own, and one sync serves all that wait for the disk.
// One thread writes, one syncs; reads run beside them on others and see every acknowledged commit.
// They, waiters and claims may also see one that is written and not yet synced, whose caller has no
// answer yet: a power cut (not the end of the process) may forget it. Whatever must not act on such
// a thing commits first, if only an empty transaction: what it saw is then durable. Claims and
// heartbeats are not synced by themselves: a power cut may forget the newest of them, never one
// that a synced commit followed. The process may be killed at any moment without loss of either.
//
// `corrupt` when the file is damaged or no database; `unsupported` when a newer Corral made it;
// `unavailable` when another program holds it; `forbidden`, `not_found`, `exhausted` as the file
// system says. A full disk makes commits fail with `exhausted` until there is room again; nothing
// acknowledged is lost.
//
// Destruction finishes what was handed over; the callers' executors must live until then.
Result<std::unique_ptr<ports::Store>> open_sqlite_store(std::filesystem::path path,
                                                        SqliteStoreOptions options = {});

}  // namespace corral::adapters::store
