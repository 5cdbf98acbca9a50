// Runs that start by the clock: a document that says what and when, and a job in the queue that is
// due at the next time.
#pragma once

#include <string>
#include <vector>

#include "engine/core.h"

namespace corral::engine {

inline constexpr std::string_view kScheduleKind = "schedule";  // of documents and of jobs

class Schedules {
 public:
  explicit Schedules(Core& core) : core_(core) {}

  // `invalid` for what cannot be started, a cron expression or a time zone that is none.
  Task<Result<json::value>> create(NewSchedule schedule, Caller by);
  Task<Result<json::value>> get(std::string id);
  Task<Result<std::vector<json::value>>> list();
  Task<Result<json::value>> pause(std::string id, bool paused);
  Task<Result<void>> remove(std::string id);

  // A job that has come due: starts the run and enqueues the next time, in one transaction. Times
  // that passed while nobody was there are made up for by one run.
  Task<Result<void>> fire(const ports::Job& job);

 private:
  Task<Result<ports::Document>> load(const std::string& id);
  Result<std::optional<Time>> next_time(const json::value& body, Time after) const;

  Core& core_;
};

}  // namespace corral::engine
