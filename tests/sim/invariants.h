// What must hold at every moment, whatever fails.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "domain/run.h"
#include "domain/session.h"
#include "engine/testing/harness.h"

namespace corral::sim {

class Invariants {
 public:
  explicit Invariants(engine::testing::Harness& harness) : harness_(harness) {}

  // Looks at every event since the last look. The first thing that is wrong, or nothing.
  std::optional<std::string> look();
  // Once nothing is left to do: every accepted run and every session has ended, nothing lives, the
  // read models are what the events add up to.
  std::optional<std::string> look_at_the_end(const std::vector<RunId>& accepted);

  const std::map<RunId, domain::Run>& runs() const { return runs_; }
  const std::map<SessionId, domain::Session>& sessions() const { return sessions_; }
  std::uint64_t events() const { return position_; }
  std::size_t fingerprint() const { return fingerprint_; }  // of all events, in their order

 private:
  std::optional<std::string> take(const ports::Event& event);
  std::optional<std::string> take_of_session(const ports::Event& event);
  std::optional<std::string> check_steps(const domain::Run& before, const domain::Run& after,
                                         const ports::Event& event) const;
  std::optional<std::string> check_processes() const;
  std::optional<std::string> check_queue();
  std::optional<std::string> check_requests() const;
  std::optional<std::string> check_sessions_at_the_end() const;

  engine::testing::Harness& harness_;
  std::map<RunId, domain::Run> runs_;
  std::map<SessionId, domain::Session> sessions_;
  std::map<WorkspaceId, RunId> workspaces_;
  std::uint64_t position_ = 0;
  std::size_t fingerprint_ = 0;
};

}  // namespace corral::sim
