// Runs the sessions of this server's workspaces: starts their processes, keeps what they print,
// ends them, and finds them again after a restart.
//
// A session belongs to the server that its workspace's runner dials, so it is no job of the queue:
// whoever has the workspace follows it, for as long as it lives.
#pragma once

#include <map>

#include "base/condition.h"
#include "engine/core.h"
#include "engine/session_record.h"
#include "session/live_session.h"

namespace corral::engine {

// The step of the built-in workflow "session", and the process of its first attempt.
inline constexpr std::string_view kSessionStep = "session", kSessionProcess = "session-1";

// The agent whose program is whatever command the session was given.
inline constexpr std::string_view kCommandAgent = "command";

class SessionHost {
 public:
  explicit SessionHost(Core& core) : core_(core), scope_(core.deps.executor) {}

  // Follows every session that an earlier process left.
  Task<Result<void>> start();
  Task<void> stop() { co_await scope_.stop(); }

  Task<Result<domain::Session>> load(SessionId session);
  // Makes it when it is not there, and runs it in the workspace until it ends. May be repeated.
  // `invalid`: it cannot be. Any other error leaves open whether it has begun; it is looked after
  // all the same.
  Task<Result<domain::Session>> begin(SessionId session, domain::SessionRequest request,
                                      WorkspaceId workspace, Caller by);
  Task<Result<domain::Session>> tell(SessionId session, domain::SessionCommand command, Caller by,
                                     std::vector<ports::Change> extra = {});
  // Has its process ended; one that nobody has begun has ended.
  Task<Result<domain::Session>> stop_session(SessionId session, std::string reason, Caller by);
  // For looking on, also once it has ended.
  Task<Result<std::shared_ptr<session::LiveSession>>> open_session(SessionId session);
  // The same when somebody has it open already; otherwise null.
  std::shared_ptr<session::LiveSession> opened(SessionId session) const;
  // Ends the run's sessions in that state, `created` or `running`, that nobody follows and nobody
  // will. May be repeated.
  Task<Result<void>> end_all(RunId run, domain::SessionStatus state, std::string reason);

 private:
  struct Followed {
    explicit Followed(const Executor& executor) : changed(executor) {}
    Signal changed;
    std::uint64_t news = 0;  // counts what `changed` signals
    bool again = false;      // asked for once more meanwhile
  };
  // What the commands make of it, in one commit.
  Task<Result<domain::Session>> tell_all(SessionId session,
                                         std::vector<domain::SessionCommand> commands, Caller by,
                                         std::vector<ports::Change> extra);
  Task<Result<bool>> is_ours(RunId run);
  void follow(SessionId session, WorkspaceId workspace);
  Task<void> keep_following(SessionId session, WorkspaceId workspace);
  Task<Result<void>> attend(SessionId session, WorkspaceId workspace);
  Task<Result<ports::ProcessSpec>> spec_of(const domain::Session& session,
                                           ports::Workspace& workspace, std::uint64_t printed);
  Task<void> supervise(domain::Session session, std::shared_ptr<ports::Workspace> workspace,
                       std::shared_ptr<session::LiveSession> live, std::string& reason);
  Task<Result<void>> end(const domain::Session& session, int exit_code, std::string reason,
                         std::shared_ptr<session::LiveSession> live);

  Core& core_;
  std::map<SessionId, std::shared_ptr<Followed>> followed_;
  std::map<SessionId, std::weak_ptr<session::LiveSession>> open_;
  Turns opening_;
  TaskScope scope_;
};

}  // namespace corral::engine
