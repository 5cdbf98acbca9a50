// Sessions without workspaces: real logs and screens in a temporary folder, and a process that
// prints what it is typed.
#pragma once

#include <filesystem>
#include <map>

#include "base/blocking.h"
#include "base/testing/temporary_folder.h"
#include "engine/session_service.h"

namespace corral::edge::testing {

class FakeSessions final : public engine::SessionService {
 public:
  explicit FakeSessions(Executor executor);
  ~FakeSessions() override;

  struct Kept {
    json::object document;
    std::shared_ptr<session::LiveSession> live;
    std::map<std::string, session::Role> shares;  // by token
    std::string typed;                            // all of it, in order
    std::vector<int> signals;
  };
  Kept& newest() { return sessions_.rbegin()->second; }
  WorkspaceId workspace() const { return workspace_; }
  // The process prints, and ends.
  Task<Result<void>> print(SessionId session, std::string bytes);
  Task<Result<void>> end(SessionId session, int exit_code);

  Task<Result<json::value>> create_session(engine::NewSession request, engine::Caller by) override;
  Task<Result<json::value>> rename_session(SessionId session, std::string name,
                                           engine::Caller by) override;
  Task<Result<json::value>> stop_session(SessionId session, std::string reason,
                                         engine::Caller by) override;
  Task<Result<json::value>> share_session(SessionId session, engine::NewShare share,
                                          engine::Caller by) override;
  Task<Result<void>> revoke_share(SessionId session, std::string share, engine::Caller by) override;
  Task<Result<json::value>> get_session(SessionId session) override;
  Task<Result<engine::Page>> list_sessions(engine::SessionFilter filter) override;
  Task<Result<std::shared_ptr<session::LiveSession>>> open_session(SessionId session) override;
  Task<Result<Guest>> open_share(std::string token) override;

 private:
  Result<Kept*> find_session(SessionId session);
  TemporaryFolder folder_;
  BlockingPool pool_{1};
  std::unique_ptr<session::LogStore> logs_;
  WorkspaceId workspace_;
  std::map<SessionId, Kept> sessions_;
};

}  // namespace corral::edge::testing
