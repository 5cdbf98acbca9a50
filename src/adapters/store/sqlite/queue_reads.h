// Queries of the queue. Each runs on a reader's thread and connection, and sees one consistent
// state of the database.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "adapters/store/sqlite/database.h"
#include "ports/store.h"

namespace corral::adapters::store::sqlite {

std::optional<ports::Job> find_job(Database& database, const std::string& key);
// A page of what is common among the newest jobs costs little; one of what is rare reads the index
// of its state.
std::vector<ports::Job> list_jobs(Database& database, const ports::JobQuery& query);
// O(g) in the groups; no job that waits in good order is looked at.
ports::QueueCounts queue_counts(Database& database, Time now);

}  // namespace corral::adapters::store::sqlite
