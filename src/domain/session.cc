#include "domain/session.h"

#include <algorithm>
#include <array>

#include "domain/event_codec.h"
#include "domain/named.h"

namespace corral::domain {
namespace {

Result<void> check_name(std::string_view name) {
  const bool control = std::ranges::any_of(
      name, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (name.empty() || name.size() > kMaxSessionName || control)
    return fail(ErrorCode::invalid, "name: use 1 to {} bytes without control characters",
                kMaxSessionName);
  return {};
}

Result<void> check_request(const SessionRequest& request) {
  CORRAL_CHECK(check_name(request.name));
  if (request.columns < 2 || request.columns > kMaxColumns || request.rows < 1 ||
      request.rows > kMaxRows)
    return fail(ErrorCode::invalid, "a terminal has 2 to {} columns and 1 to {} rows, not {} by {}",
                kMaxColumns, kMaxRows, request.columns, request.rows);
  if (request.idle_limit.count() < 0 || request.limit.count() < 0)
    return fail(ErrorCode::invalid, "a time limit cannot be negative");
  return {};
}

class Decider {
 public:
  Decider(const Session& session, Time now) : session_(session), now_(now) {}

  Result<std::vector<SessionEvent>> operator()(const CreateSession& create) const {
    if (session_.exists()) return {};
    CORRAL_CHECK(check_request(create.request));
    return one(SessionCreated{create.session, create.request});
  }
  Result<std::vector<SessionEvent>> operator()(const StartSession& start) const {
    if (session_.status == SessionStatus::running) return {};
    CORRAL_CHECK(alive());
    return one(SessionStarted{start.workspace});
  }
  Result<std::vector<SessionEvent>> operator()(const RenameSession& rename) const {
    CORRAL_CHECK(check_name(rename.name));
    if (session_.name == rename.name) return {};
    return one(SessionRenamed{rename.name});
  }
  Result<std::vector<SessionEvent>> operator()(const StopSession& stop) const {
    if (session_.status == SessionStatus::ended || session_.stop_reason) return {};
    return one(SessionStopRequested{stop.reason});
  }
  Result<std::vector<SessionEvent>> operator()(const EndSession& end) const {
    if (session_.status == SessionStatus::ended) return {};
    return one(SessionStopped{end.exit_code, end.reason, end.log_bytes});
  }
  Result<std::vector<SessionEvent>> operator()(const ShareSession& share) const {
    if (share.share.expires <= now_)
      return fail(ErrorCode::invalid, "expires: must lie in the future");
    const auto live = std::ranges::count_if(session_.shares,
                                            [&](const Share& old) { return old.expires > now_; });
    if (live >= static_cast<std::ptrdiff_t>(kMaxShares))
      return fail(ErrorCode::exhausted, "a session has at most {} links: revoke one first",
                  kMaxShares);
    return one(SessionShared{share.share});
  }
  Result<std::vector<SessionEvent>> operator()(const RevokeShare& revoke) const {
    if (std::ranges::find(session_.shares, revoke.share, &Share::id) == session_.shares.end())
      return fail(ErrorCode::not_found, "the session has no link {}", revoke.share);
    return one(SessionShareRevoked{revoke.share});
  }

 private:
  std::vector<SessionEvent> one(SessionEventBody body) const { return {{now_, std::move(body)}}; }
  Result<void> alive() const {
    if (session_.status != SessionStatus::ended) return {};
    return fail(ErrorCode::conflict, "session {} has ended", session_.id.to_string());
  }

  const Session& session_;
  Time now_;
};

class Applier {
 public:
  Applier(Session& session, Time at, std::string_view actor)
      : session_(session), at_(at), actor_(actor) {}

  void operator()(const SessionCreated& event) {
    session_.id = event.session;
    session_.request = event.request;
    session_.name = event.request.name;
    session_.author = actor_;
    session_.created_at = at_;
  }
  void operator()(const SessionStarted& event) {
    session_.workspace = event.workspace;
    session_.status = SessionStatus::running;
    session_.started_at = at_;
  }
  void operator()(const SessionRenamed& event) { session_.name = event.name; }
  void operator()(const SessionStopRequested& event) { session_.stop_reason = event.reason; }
  void operator()(const SessionStopped& event) {
    session_.status = SessionStatus::ended;
    session_.exit_code = event.exit_code;
    session_.end_reason = event.reason;
    session_.log_bytes = event.log_bytes;
    session_.ended_at = at_;
  }
  void operator()(const SessionShared& event) {
    // Those that have run out make room.
    std::erase_if(session_.shares, [&](const Share& share) { return share.expires <= at_; });
    session_.shares.push_back(event.share);
  }
  void operator()(const SessionShareRevoked& event) {
    std::erase_if(session_.shares, [&](const Share& share) { return share.id == event.share; });
  }

 private:
  Session& session_;
  Time at_;
  std::string_view actor_;
};

}  // namespace

std::string_view to_string(SessionStatus status) {
  switch (status) {
    case SessionStatus::created: return "created";
    case SessionStatus::running: return "running";
    case SessionStatus::ended: break;
  }
  return "ended";
}
bool from_string(std::string_view name, SessionStatus& status) {
  return find_named(
      name, std::array{SessionStatus::created, SessionStatus::running, SessionStatus::ended},
      status);
}

std::string_view to_string(ShareRole role) { return role == ShareRole::view ? "view" : "type"; }
bool from_string(std::string_view name, ShareRole& role) {
  return find_named(name, std::array{ShareRole::view, ShareRole::type}, role);
}

std::string_view type_of(const SessionEvent& event) { return codec::type_of(event.body); }
json::value data_of(const SessionEvent& event) { return codec::data_of(event.at, event.body); }
Result<SessionEvent> session_event_from(std::string_view type, const json::value& data) {
  SessionEvent event;
  CORRAL_TRY(event.at, codec::time_of(type, data));
  CORRAL_TRY(event.body, codec::body_from<SessionEventBody>(type, data));
  return event;
}

std::optional<ShareRole> Session::opened_by(std::string_view token_hash, Time now) const {
  for (const auto& share : shares)
    if (share.token_hash == token_hash && share.expires > now) return share.role;
  return std::nullopt;
}

void apply(Session& session, const SessionEvent& event, std::string_view actor) {
  ++session.version;
  std::visit(Applier(session, event.at, actor), event.body);
}

Result<std::vector<SessionEvent>> decide(const Session& session, const SessionCommand& command,
                                         Time now) {
  if (!session.exists() && !std::holds_alternative<CreateSession>(command))
    return fail(ErrorCode::not_found, "there is no such session");
  return std::visit(Decider(session, now), command);
}

}  // namespace corral::domain
