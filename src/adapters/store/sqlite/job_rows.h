// How a job and its slots are kept in a row.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "adapters/store/sqlite/database.h"
#include "ports/store.h"

namespace corral::adapters::store::sqlite {

// All columns of a job, in the order that read_job expects.
#define CORRAL_JOB_COLUMNS                                                                         \
  "id, kind, key, grp, payload, priority, due, attempt, max_attempts, owner, lease_until, state, " \
  "error, slots, created"
ports::Job read_job(const Query& query);

// Empty for none, so that jobs without slots are told apart without reading.
std::string slots_text(const std::vector<ports::Slot>& slots);
std::vector<ports::Slot> slots_of(std::string_view text);

}  // namespace corral::adapters::store::sqlite
