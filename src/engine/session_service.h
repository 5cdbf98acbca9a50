// Sessions, for every edge: commands and queries on them, and the way to a live one. JSON documents
// are the API's own (docs/api.md). Lives on the server's main executor.
#pragma once

#include "engine/service.h"
#include "session/live_session.h"

namespace corral::engine {

struct NewSession {
  std::string run;                        // in this run's workspace; or in a new one of
  std::string project, git_url;           // exactly one of the three
  std::string base;                       // of a new one: the branch to begin from
  std::string agent;                      // its program is this agent's
  std::vector<std::string> command;       // or this; neither: a login shell
  std::string model;                      // of the agent; empty: its own
  std::string permissions = "workspace";  // "workspace" | "ask": whether the agent asks
  bool resume = false;  // in a run: the agent goes on with its latest session there
  std::string name;     // empty: the program's
  int columns = 80, rows = 24;
  std::optional<std::int64_t> idle_s, limit_s;
};

struct SessionFilter {
  std::string run, status;
  std::string cursor;
  std::uint32_t limit = 50;
};

struct NewShare {
  std::string role = "view";  // or "type"
  std::int64_t expires_s = 3600;
};

class SessionService {
 public:
  virtual ~SessionService() = default;

  virtual Task<Result<json::value>> create_session(NewSession request, Caller by) = 0;
  virtual Task<Result<json::value>> rename_session(SessionId session, std::string name,
                                                   Caller by) = 0;
  // Its process is ended: SIGHUP, SIGTERM, SIGKILL to all of its tree.
  virtual Task<Result<json::value>> stop_session(SessionId session, std::string reason,
                                                 Caller by) = 0;
  // {"id", "token", "role", "expires_at"}: the token is shown this once.
  virtual Task<Result<json::value>> share_session(SessionId session, NewShare share, Caller by) = 0;
  virtual Task<Result<void>> revoke_share(SessionId session, std::string share, Caller by) = 0;

  virtual Task<Result<json::value>> get_session(SessionId session) = 0;
  virtual Task<Result<Page>> list_sessions(SessionFilter filter) = 0;
  // For looking on, also once it has ended.
  virtual Task<Result<std::shared_ptr<session::LiveSession>>> open_session(SessionId session) = 0;

  struct Guest {
    SessionId session;
    session::Role role;
  };
  // What a share link's token opens. `unauthenticated` when nothing (any more).
  virtual Task<Result<Guest>> open_share(std::string token) = 0;
};

}  // namespace corral::engine
