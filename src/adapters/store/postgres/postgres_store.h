// ports::Store on PostgreSQL.
#pragma once

#include <cstddef>
#include <memory>

#include "base/clock.h"
#include "base/error.h"
#include "base/random.h"
#include "base/secret.h"
#include "ports/store.h"

namespace corral::adapters::store {

struct PostgresStoreOptions {
  Clock* clock = &SystemClock::instance();     // stamps what is written; outlives the store
  Random* random = &SystemRandom::instance();  // names this store among those that share the
                                               // database; only used to open it
  std::size_t readers = 4;  // connections that read; one more writes and one listens
  std::size_t max_waiting =
      10'000;                // calls to write, not yet answered; further callers wait for room
  Duration patience{8'000};  // how long a call waits for a database that is away
  Duration answer_timeout{30'000};  // for one answer of a connection; then it counts as broken
};

// Opens the database that `url` names (postgres://USER:PASSWORD@HOST:PORT/DATABASE?…: all that
// libpq understands, sslmode and sslrootcert among it) and brings its schema, `corral`, up to date.
// Any number of servers may share it. Blocks; call it at start.
//
// Commits, claims and heartbeats of all callers are grouped: whatever waits while one transaction
// is under way goes into the next. Each is durable when it is answered, and nobody sees it before.
// When the connection breaks, reads are asked again, and a change whose answer was lost is looked
// up on the next connection: it is answered, or made, exactly once. A database that stays away
// longer than `patience` gives `unavailable`; for a change the message says whether its outcome is
// known. The store goes on by itself once the database is back.
//
// `invalid` when the URL cannot be read, `unauthenticated` for a wrong password, `not_found` when
// there is no such database, `forbidden` when the role may not make the schema, `unsupported` for a
// server older than PostgreSQL 15, an encoding other than UTF8 or a schema of a newer Corral,
// `unavailable` when no server answers. No message holds the password.
//
// Destruction finishes what was handed over; the callers' executors must live until then.
Result<std::unique_ptr<ports::Store>> open_postgres_store(Secret url,
                                                          PostgresStoreOptions options = {});

}  // namespace corral::adapters::store
