#include "adapters/store/sqlite/job_rows.h"

#include "adapters/store/sqlite/json_text.h"
#include "adapters/store/sqlite/schema.h"

namespace corral::adapters::store::sqlite {
namespace {

std::string_view state_name(std::int64_t state) {
  switch (static_cast<JobState>(state)) {
    case JobState::delayed:
    case JobState::ready: return "ready";
    case JobState::claimed: return "claimed";
    case JobState::completed: return "completed";
    case JobState::failed: return "failed";
  }
  return "";
}

}  // namespace

std::string slots_text(const std::vector<ports::Slot>& slots) {
  if (slots.empty()) return {};
  json::array list;
  for (const auto& slot : slots) list.push_back(json::array{slot.name, slot.limit});
  return json::serialize(list);
}

std::vector<ports::Slot> slots_of(std::string_view text) {
  std::vector<ports::Slot> slots;
  if (text.empty()) return slots;
  for (const auto& slot : parse_text(text).as_array())
    slots.push_back({std::string(slot.at(0).as_string()), slot.at(1).to_number<std::uint32_t>()});
  return slots;
}

ports::Job read_job(const Query& query) {
  ports::Job job;
  job.id = query.number(0);
  job.kind = query.view(1);
  job.key = query.view(2);
  job.group = query.view(3);
  job.payload = parse_text(query.view(4));
  job.priority = static_cast<int>(query.integer(5));
  job.due = query.time(6);
  job.attempt = static_cast<std::uint32_t>(query.integer(7));
  job.max_attempts = static_cast<std::uint32_t>(query.integer(8));
  job.lease_owner = query.view(9);
  job.lease_until = query.time(10);
  job.state = state_name(query.integer(11));
  job.error = query.view(12);
  job.slots = slots_of(query.view(13));
  job.created = query.time(14);
  return job;
}

}  // namespace corral::adapters::store::sqlite
