// Keeps the logs of this server's data folder in bounds, from time to time: compresses what is no
// more written to, and removes what is kept no longer. What else is known of a run or session
// (events, diffs, artifacts, cost) stays.
#pragma once

#include "engine/core.h"
#include "engine/session_host.h"

namespace corral::engine {

class Retention {
 public:
  Retention(Core& core, SessionHost& sessions)
      : core_(core), sessions_(sessions), scope_(core.deps.executor) {}

  void start() { scope_.start("retention", keep()); }
  Task<void> stop() { co_await scope_.stop(); }

  // One round. Removes the logs of runs and sessions that ended before options.keep_logs, then the
  // oldest until those that are left take no more than options.log_quota_bytes. Never those of what
  // goes on, nor what somebody reads just now. May be repeated.
  Task<Result<void>> look();

 private:
  Task<void> keep();
  // When what the log folder "runs/<id>" or "sessions/<id>" is of has ended.
  Task<Result<std::optional<Time>>> ended(const std::string& name);
  Task<Result<void>> remove(const session::LogStore::Kept& log, std::string_view why,
                            std::uint64_t& total);

  Core& core_;
  SessionHost& sessions_;
  TaskScope scope_;
};

}  // namespace corral::engine
