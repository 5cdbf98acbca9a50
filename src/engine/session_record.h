// A session as the store keeps it: its events, and the document that is listed and shown.
#pragma once

#include "domain/session.h"
#include "engine/service.h"

namespace corral::engine {

inline constexpr std::string_view kSessionKind = "session";  // of its document

std::string session_stream(SessionId session);
// The session of an attempt at a run's step: the same each time it is asked for.
SessionId session_id_of(RunId run, std::string_view process);
json::value session_json(const domain::Session& session);

// A session as commands left it, and the changes that keep that; without any: it was so before.
struct ToldSession {
  domain::Session after;
  std::vector<ports::Change> changes;
};
Result<ToldSession> tell_session(const domain::Session& before, SessionId id,
                                 const std::vector<domain::SessionCommand>& commands,
                                 const Caller& by, Time now);

}  // namespace corral::engine
