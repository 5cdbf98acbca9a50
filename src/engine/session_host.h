// Runs the sessions of this server's workspaces: starts their processes, keeps what they print,
// ends them, and finds them again after a restart.
//
// A session belongs to the server that its workspace's runner dials, so it is no job of the queue:
// whoever has the workspace follows it, for as long as it lives.
#pragma once

#include <map>

#include "base/condition.h"
#include "domain/session.h"
#include "engine/core.h"
#include "engine/session_service.h"

namespace corral::engine {

inline constexpr std::string_view kSessionKind = "session";
// The step of the built-in workflow "session", and the process of its first attempt.
inline constexpr std::string_view kSessionStep = "session", kSessionProcess = "session-1";

json::value session_json(const domain::Session& session);
// The session of an attempt at a run's step: the same each time it is asked for.
SessionId session_id_of(RunId run, std::string_view process);

class SessionHost final : public SessionService {
 public:
  explicit SessionHost(Core& core) : core_(core), scope_(core.deps.executor) {}

  // Follows every session that an earlier process left.
  Task<Result<void>> start();
  Task<void> stop() { co_await scope_.stop(); }

  Task<Result<json::value>> create_session(NewSession request, Caller by) override;
  Task<Result<json::value>> rename_session(SessionId session, std::string name, Caller by) override;
  Task<Result<json::value>> stop_session(SessionId session, std::string reason, Caller by) override;
  Task<Result<json::value>> share_session(SessionId session, NewShare share, Caller by) override;
  Task<Result<void>> revoke_share(SessionId session, std::string share, Caller by) override;
  Task<Result<json::value>> get_session(SessionId session) override;
  Task<Result<Page>> list_sessions(SessionFilter filter) override;
  Task<Result<std::shared_ptr<session::LiveSession>>> open_session(SessionId session) override;
  Task<Result<Guest>> open_share(std::string token) override;

  // ---- for the step kind, and for runs ----
  Task<Result<domain::Session>> load(SessionId session);
  // Makes it when it is not there, and runs it in the workspace until it ends. May be repeated.
  // `invalid`: it cannot be. Any other error leaves open whether it has begun; it is looked after
  // all the same.
  Task<Result<domain::Session>> begin(SessionId session, domain::SessionRequest request,
                                      WorkspaceId workspace, Caller by);
  Task<Result<domain::Session>> tell(SessionId session, domain::SessionCommand command, Caller by,
                                     std::vector<ports::Change> extra = {});
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
  Task<Result<void>> check_agent(std::string name);
  Task<Result<json::value>> create_in_run(NewSession request, domain::SessionRequest session,
                                          Caller by);
  Task<Result<json::value>> create_with_run(NewSession request, domain::SessionRequest session,
                                            Caller by);
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
