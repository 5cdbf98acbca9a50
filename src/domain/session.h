// A session: one live process in a workspace, an agent or a shell, on a terminal. What happens to
// it as events, folded as a run's are; how it looks right now (screen, size, viewers) is not here
// but in src/session.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "domain/fields.h"
#include "domain/policy.h"

namespace corral::domain {

enum class SessionStatus { created, running, ended };
std::string_view to_string(SessionStatus status);
bool from_string(std::string_view name, SessionStatus& status);

// What somebody who was given a link may do.
enum class ShareRole { view, type };
std::string_view to_string(ShareRole role);
bool from_string(std::string_view name, ShareRole& role);

inline constexpr std::size_t kMaxSessionName = 100;
inline constexpr std::size_t kMaxShares = 100;  // of one session
inline constexpr int kMaxColumns = 1000, kMaxRows = 1000;

struct SessionRequest {
  RunId run;  // whose workspace it lives in
  ProjectId project;
  std::string step;   // the run's step that waits for its end; empty: none
  std::string name;   // for people; need not be unique
  std::string agent;  // its program is this agent's; empty: `command` is it, or a shell
  std::vector<std::string> command;
  std::string model;  // of its agent; empty: the agent's own
  PermissionPolicy permissions = PermissionPolicy::workspace;
  bool resume = false;  // the agent goes on with the latest session that it has in the workspace
  int columns = 80, rows = 24;  // at first
  Duration idle_limit{0};       // without output and input; 0: none
  Duration limit{0};            // of its whole life; 0: the workspace's own
  static void fields(auto& self, auto& visit) {
    visit("run", self.run);
    visit("project", self.project);
    visit("step", self.step);
    visit("name", self.name);
    visit("agent", self.agent);
    visit("command", self.command);
    visit("model", self.model);
    visit("permissions", self.permissions);
    visit("resume", self.resume);
    visit("columns", self.columns);
    visit("rows", self.rows);
    visit("idle_limit_ms", self.idle_limit);
    visit("limit_ms", self.limit);
  }
};

// A link that lets somebody in. The token itself is never kept.
struct Share {
  std::string id;
  std::string token_hash;
  ShareRole role = ShareRole::view;
  Time expires{};
  static void fields(auto& self, auto& visit) {
    visit("id", self.id);
    visit("token_hash", self.token_hash);
    visit("role", self.role);
    visit("expires", self.expires);
  }
};

// ---- events ----

struct SessionCreated {
  static constexpr std::string_view kType = "session.created";
  SessionId session;
  SessionRequest request;
  static void fields(auto& self, auto& visit) {
    visit("session", self.session);
    visit("request", self.request);
  }
};
struct SessionStarted {
  static constexpr std::string_view kType = "session.started";
  WorkspaceId workspace;
  static void fields(auto& self, auto& visit) { visit("workspace", self.workspace); }
};
struct SessionRenamed {
  static constexpr std::string_view kType = "session.renamed";
  std::string name;
  static void fields(auto& self, auto& visit) { visit("name", self.name); }
};
// Its process is being ended.
struct SessionStopRequested {
  static constexpr std::string_view kType = "session.stop_requested";
  std::string reason;
  static void fields(auto& self, auto& visit) { visit("reason", self.reason); }
};
struct SessionStopped {
  static constexpr std::string_view kType = "session.stopped";
  int exit_code = 0;
  std::string reason;  // why it did not end by itself; empty: it did
  std::uint64_t log_bytes = 0;
  static void fields(auto& self, auto& visit) {
    visit("exit_code", self.exit_code);
    visit("reason", self.reason);
    visit("log_bytes", self.log_bytes);
  }
};
struct SessionShared {
  static constexpr std::string_view kType = "session.shared";
  Share share;
  static void fields(auto& self, auto& visit) { visit("share", self.share); }
};
struct SessionShareRevoked {
  static constexpr std::string_view kType = "session.share_revoked";
  std::string share;
  static void fields(auto& self, auto& visit) { visit("share", self.share); }
};

using SessionEventBody =
    std::variant<SessionCreated, SessionStarted, SessionRenamed, SessionStopRequested,
                 SessionStopped, SessionShared, SessionShareRevoked>;
struct SessionEvent {
  Time at;
  SessionEventBody body;
};
std::string_view type_of(const SessionEvent& event);
json::value data_of(const SessionEvent& event);
Result<SessionEvent> session_event_from(std::string_view type, const json::value& data);

// ---- state ----

struct Session {
  SessionId id;
  std::uint64_t version = 0;
  SessionStatus status = SessionStatus::created;
  SessionRequest request;
  std::optional<WorkspaceId> workspace;  // since it was started
  std::string name, author;
  std::optional<std::string> stop_reason;  // it is being ended
  int exit_code = 0;
  std::string end_reason;
  std::uint64_t log_bytes = 0;  // once it has ended
  Time created_at{};
  std::optional<Time> started_at, ended_at;
  std::vector<Share> shares;

  bool exists() const { return version > 0; }
  // Of its process in the workspace.
  std::string process_id() const { return "s-" + id.to_string(); }
  // What a token whose hash that is lets its bearer do now; nothing when it is unknown, revoked or
  // expired.
  std::optional<ShareRole> opened_by(std::string_view token_hash, Time now) const;
};

void apply(Session& session, const SessionEvent& event, std::string_view actor);

// ---- commands ----

struct CreateSession {
  SessionId session;
  SessionRequest request;
};
// Its process is about to be started there.
struct StartSession {
  WorkspaceId workspace;
};
struct RenameSession {
  std::string name;
};
struct StopSession {
  std::string reason;
};
struct EndSession {
  int exit_code = 0;
  std::string reason;
  std::uint64_t log_bytes = 0;
};
struct ShareSession {
  Share share;
};
struct RevokeShare {
  std::string share;
};
using SessionCommand = std::variant<CreateSession, StartSession, RenameSession, StopSession,
                                    EndSession, ShareSession, RevokeShare>;

// What follows; nothing when it is so already. `invalid` for what can never be, `conflict` for what
// does not fit its state, `not_found` for a share that is not there.
Result<std::vector<SessionEvent>> decide(const Session& session, const SessionCommand& command,
                                         Time now);

}  // namespace corral::domain
