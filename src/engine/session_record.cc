#include "engine/session_record.h"

#include "engine/core.h"
#include "engine/digest.h"

namespace corral::engine {
namespace {

json::value text_or_null(const std::string& text) {
  return text.empty() ? json::value(nullptr) : json::value(text);
}

json::value time_or_null(const std::optional<Time>& time) {
  return time ? json::value(to_rfc3339(*time)) : json::value(nullptr);
}

}  // namespace

std::string session_stream(SessionId id) { return "session/" + id.to_string(); }

json::value session_json(const domain::Session& session) {
  json::array shares;
  for (const auto& share : session.shares)
    shares.push_back(json::object{{"id", share.id},
                                  {"role", to_string(share.role)},
                                  {"expires_at", to_rfc3339(share.expires)}});
  const bool ended = session.status == domain::SessionStatus::ended;
  return json::object{
      {"id", session.id.to_string()},
      {"run", session.request.run.to_string()},
      {"project", session.request.project.to_string()},
      {"workspace", session.workspace ? json::value(session.workspace->to_string()) : nullptr},
      {"step", text_or_null(session.request.step)},
      {"name", session.name},
      {"agent", text_or_null(session.request.agent)},
      {"command", domain::field_to_json(session.request.command)},
      {"status", to_string(session.status)},
      {"stopping", !ended && session.stop_reason.has_value()},
      {"author", session.author},
      {"exit_code", ended ? json::value(session.exit_code) : json::value(nullptr)},
      {"end_reason", text_or_null(session.end_reason)},
      {"log_bytes", ended ? json::value(session.log_bytes) : json::value(nullptr)},
      {"idle_s", session.request.idle_limit.count() / 1000},
      {"limit_s", session.request.limit.count() / 1000},
      {"shares", std::move(shares)},
      {"created_at", to_rfc3339(session.created_at)},
      {"started_at", time_or_null(session.started_at)},
      {"ended_at", time_or_null(session.ended_at)}};
}

SessionId session_id_of(RunId run, std::string_view process) {
  return SessionId{uuid_of(fmt::format("session/{}/{}", run.to_string(), process), run.uuid)};
}

Result<ToldSession> tell_session(const domain::Session& before, SessionId id,
                                 const std::vector<domain::SessionCommand>& commands,
                                 const Caller& by, Time now) {
  ToldSession told{before, {}};
  auto& after = told.after;
  ports::Append append{.stream = session_stream(id), .expected_version = before.version};
  for (const auto& command : commands) {
    CORRAL_TRY(const auto events, domain::decide(after, command, now));
    for (const auto& event : events) {
      domain::apply(after, event, by.actor);
      append.events.push_back({.type = std::string(domain::type_of(event)),
                               .data = domain::data_of(event),
                               .origin = origin_of(by, after.request.run)});
    }
  }
  if (append.events.empty()) return told;
  told.changes.emplace_back(std::move(append));
  told.changes.emplace_back(
      ports::PutDocument{.document = {.kind = std::string(kSessionKind),
                                      .id = id.to_string(),
                                      .parent = after.request.run.to_string(),
                                      .state = std::string(to_string(after.status)),
                                      .body = session_json(after)},
                         .expected_version = {}});
  return told;
}

}  // namespace corral::engine
