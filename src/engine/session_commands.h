// What people tell sessions and ask about them: opening, naming, ending, sharing, listing.
#pragma once

#include "engine/session_host.h"
#include "engine/session_service.h"

namespace corral::engine {

class SessionCommands final : public SessionService {
 public:
  // Both outlive it.
  SessionCommands(Core& core, SessionHost& host) : core_(core), host_(host) {}

  Task<Result<json::value>> create_session(NewSession request, Caller by) override;
  Task<Result<json::value>> rename_session(SessionId session, std::string name, Caller by) override;
  Task<Result<json::value>> stop_session(SessionId session, std::string reason, Caller by) override;
  Task<Result<json::value>> share_session(SessionId session, NewShare share, Caller by) override;
  Task<Result<void>> revoke_share(SessionId session, std::string share, Caller by) override;
  Task<Result<json::value>> get_session(SessionId session) override;
  Task<Result<Page>> list_sessions(SessionFilter filter) override;
  Task<Result<std::shared_ptr<session::LiveSession>>> open_session(SessionId session) override;
  Task<Result<Guest>> open_share(std::string token) override;

 private:
  Task<Result<void>> check_agent(std::string name);
  Task<Result<json::value>> create_in_run(NewSession request, domain::SessionRequest session,
                                          Caller by);
  Task<Result<json::value>> create_with_run(NewSession request, domain::SessionRequest session,
                                            Caller by);

  Core& core_;
  SessionHost& host_;
};

}  // namespace corral::engine
