#include "engine/session_host.h"

#include <algorithm>
#include <csignal>
#include <set>

#include "base/log.h"
#include "engine/digest.h"
#include "engine/homes.h"
#include "engine/idempotency.h"
#include "engine/new_run.h"
#include "engine/process.h"
#include "engine/run_token.h"
#include "engine/start_run.h"

namespace corral::engine {
namespace {

constexpr std::string_view kShareKind = "session_share";
constexpr std::uint32_t kPage = 500;
constexpr int kMaxConflicts = 64;
constexpr std::int64_t kLongestShare = 30 * 24 * 3600;
constexpr std::int64_t kLongestSession = 7 * 24 * 3600;
constexpr Duration kFirstRetry{1'000}, kLastRetry{60'000};
constexpr Duration kRestAfter{5'000}, kLookAlone{60'000};
constexpr std::size_t kMaxCommand = 64u << 10;
constexpr std::string_view kCommandAgent = "command";  // whose program is the session's command

std::string session_stream(SessionId id) { return "session/" + id.to_string(); }
std::string log_folder(SessionId id) { return "sessions/" + id.to_string(); }

json::value text_or_null(const std::string& text) {
  return text.empty() ? json::value(nullptr) : json::value(text);
}

json::value time_or_null(const std::optional<Time>& time) {
  return time ? json::value(to_rfc3339(*time)) : json::value(nullptr);
}

// Types into, resizes and signals a process of a workspace.
class WorkspaceTerminal final : public session::Terminal {
 public:
  WorkspaceTerminal(std::shared_ptr<ports::Workspace> workspace, std::string process)
      : workspace_(std::move(workspace)), process_(std::move(process)) {}

  Task<Result<std::uint64_t>> type(std::string source, std::uint64_t offset,
                                   std::string bytes) override {
    co_return co_await workspace_->type(process_, std::move(source), offset, std::move(bytes));
  }
  Task<Result<void>> resize(session::Size size) override {
    co_return co_await workspace_->resize(process_, {size.columns, size.rows});
  }
  Task<Result<void>> signal(int number) override {
    co_return co_await workspace_->signal(process_, number);
  }

 private:
  std::shared_ptr<ports::Workspace> workspace_;
  std::string process_;
};

Task<Result<void>> take_output(std::shared_ptr<session::LiveSession> live, std::uint64_t offset,
                               std::string bytes) {
  co_return co_await live->take(offset, std::move(bytes));
}

std::string name_of(const NewSession& request) {
  if (!request.name.empty()) return request.name;
  if (!request.agent.empty()) return request.agent;
  if (request.command.empty()) return "shell";
  const auto& program = request.command.front();
  return program.substr(program.rfind('/') + 1).substr(0, domain::kMaxSessionName);
}

// A session as commands left it, and the changes that keep that; without any: it was so before.
struct Told {
  domain::Session after;
  std::vector<ports::Change> changes;
};

Result<Told> told(const domain::Session& before, SessionId id,
                  const std::vector<domain::SessionCommand>& commands, const Caller& by, Time now) {
  Told told{before, {}};
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

Result<Duration> seconds_of(std::string_view name, const std::optional<std::int64_t>& seconds) {
  if (!seconds) return Duration(0);
  if (*seconds < 1 || *seconds > kLongestSession)
    return fail(ErrorCode::invalid, "{}: must be from 1 to {} (a week)", name, kLongestSession);
  return Duration(*seconds * 1000);
}

}  // namespace

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

// ---- state ----

Task<Result<domain::Session>> SessionHost::load(SessionId id) {
  domain::Session session;
  for (;;) {
    CORRAL_CO_TRY(const auto events, co_await core_.deps.store.read_stream(session_stream(id),
                                                                           session.version, kPage));
    for (const auto& stored : events) {
      auto event = domain::session_event_from(stored.type, stored.data);
      if (!event)
        co_return wrap(
            std::move(event).error(),
            fmt::format("session {} cannot be read at event {}", id.to_string(), stored.version));
      domain::apply(session, *event, stored.origin.actor);
    }
    if (events.size() < kPage) break;
  }
  if (!session.exists())
    co_return fail(ErrorCode::not_found, "there is no session {}", id.to_string());
  co_return session;
}

Task<Result<domain::Session>> SessionHost::tell(SessionId id, domain::SessionCommand command,
                                                Caller by, std::vector<ports::Change> extra) {
  std::vector<domain::SessionCommand> commands;
  commands.push_back(std::move(command));
  co_return co_await tell_all(id, std::move(commands), std::move(by), std::move(extra));
}

Task<Result<domain::Session>> SessionHost::tell_all(SessionId id,
                                                    std::vector<domain::SessionCommand> commands,
                                                    Caller by, std::vector<ports::Change> extra) {
  for (int conflicts = 0;; ++conflicts) {
    auto loaded = co_await load(id);
    if (!loaded && loaded.error().code != ErrorCode::not_found) co_return loaded;
    const domain::Session before = loaded ? *loaded : domain::Session{};
    CORRAL_CO_TRY(auto told_now, told(before, id, commands, by, core_.deps.clock.now()));
    if (told_now.changes.empty() && extra.empty()) co_return before;
    for (const auto& change : extra) told_now.changes.push_back(change);
    const auto committed = co_await core_.commit(std::move(told_now.changes));
    if (committed) {
      if (const auto followed = followed_.find(id); followed != followed_.end())
        ++followed->second->news, followed->second->changed.notify();
      if (const auto live = open_.find(id); live != open_.end())
        if (const auto session = live->second.lock()) session->announce_document();
      co_return std::move(told_now.after);
    }
    if (committed.error().code != ErrorCode::conflict || conflicts == kMaxConflicts)
      co_return std::unexpected(committed.error());
  }
}

// ---- commands ----

Task<Result<json::value>> SessionHost::create_session(NewSession request, Caller by) {
  const int places = !request.run.empty() + !request.project.empty() + !request.git_url.empty();
  if (places != 1) co_return fail(ErrorCode::invalid, "give one of run, project and git_url");
  if (!request.agent.empty() && !request.command.empty())
    co_return fail(ErrorCode::invalid, "give an agent or a command, not both");
  if (request.resume && (request.agent.empty() || request.run.empty()))
    co_return fail(ErrorCode::invalid, "resume: is for an agent in the workspace of a run");
  CORRAL_CO_CHECK(co_await check_agent(request.agent));
  std::size_t size = 0;
  for (const auto& word : request.command) {
    size += word.size();
    if (word.contains('\0')) co_return fail(ErrorCode::invalid, "command: has a NUL byte in it");
  }
  if (size > kMaxCommand)
    co_return fail(ErrorCode::invalid, "command: has more than {} bytes", kMaxCommand);
  domain::SessionRequest session{.name = name_of(request),
                                 .agent = request.agent,
                                 .command = request.command,
                                 .model = request.model,
                                 .resume = request.resume,
                                 .columns = request.columns,
                                 .rows = request.rows};
  if (!domain::from_string(request.permissions, session.permissions))
    co_return fail(ErrorCode::invalid, "permissions: must be \"workspace\" or \"ask\", not \"{}\"",
                   request.permissions);
  CORRAL_CO_TRY(session.idle_limit, seconds_of("idle_s", request.idle_s));
  CORRAL_CO_TRY(session.limit, seconds_of("limit_s", request.limit_s));
  if (request.run.empty())
    co_return co_await create_with_run(std::move(request), std::move(session), std::move(by));
  co_return co_await create_in_run(std::move(request), std::move(session), std::move(by));
}

// An agent that cannot be at a terminal here is refused before anything is made for it.
Task<Result<void>> SessionHost::check_agent(std::string name) {
  if (name.empty() || name == kCommandAgent) co_return Result<void>{};
  auto* agent = core_.find_agent(name);
  if (agent == nullptr) co_return fail(ErrorCode::invalid, "agent: \"{}\" is unknown", name);
  // Trying again would not install it.
  if (const auto mounts = co_await agent->mounts(); !mounts)
    co_return fail(ErrorCode::unsupported, "{}", mounts.error().describe());
  if (const auto launch = agent->launch_terminal({}); !launch)
    co_return fail(ErrorCode::unsupported, "{}", launch.error().describe());
  co_return Result<void>{};
}

Task<Result<json::value>> SessionHost::create_in_run(NewSession request,
                                                     domain::SessionRequest session, Caller by) {
  const auto id = RunId::parse(request.run);
  if (!id) co_return fail(ErrorCode::not_found, "there is no run \"{}\"", request.run);
  CORRAL_CO_TRY(const auto run, co_await core_.runs.load(*id));
  CORRAL_CO_TRY(const auto workspace,
                present_workspace(core_, run, "start a session with its project"));
  session.run = *id;
  session.project = run.request.project;
  const auto own = by.idempotency_key.empty()
                       ? SessionId::make(core_.deps.clock.now(), core_.deps.random)
                       : session_id_of(*id, fmt::format("key/{}/{}", by.actor, by.idempotency_key));
  CORRAL_CO_TRY(const auto made, co_await begin(own, std::move(session), workspace, by));
  co_return session_json(made);
}

Task<Result<json::value>> SessionHost::create_with_run(NewSession request,
                                                       domain::SessionRequest session, Caller by) {
  StartRun start{.project = request.project, .git_url = request.git_url, .workflow = "session"};
  start.agent = request.agent.empty() ? "command" : request.agent;
  start.command = request.command;
  start.model = request.model;
  start.permissions = request.permissions;
  start.base = request.base;
  start.timeout_s = request.limit_s ? *request.limit_s + 600 : kLongestSession;
  start.inputs = {{"name", session.name}, {"columns", session.columns}, {"rows", session.rows}};
  if (request.idle_s) start.inputs["idle_s"] = *request.idle_s;
  if (request.limit_s) start.inputs["limit_s"] = *request.limit_s;
  CORRAL_CO_TRY(const auto once, Once::of(by, request_hash(start)));
  CORRAL_CO_TRY(const auto earlier, co_await once.earlier(core_));
  if (earlier) co_return co_await get_session(session_id_of(*earlier, kSessionProcess));
  const auto run = RunId::make(core_.deps.clock.now(), core_.deps.random);
  CORRAL_CO_TRY(auto create, co_await new_run(core_, std::move(start), by.actor, run));
  // Both or neither: a session without its run would have nobody to end it.
  const auto id = session_id_of(run, kSessionProcess);
  session.run = run;
  session.project = create.request.project;
  session.step = std::string(kSessionStep);
  std::vector<domain::SessionCommand> commands;
  commands.emplace_back(domain::CreateSession{id, std::move(session)});
  CORRAL_CO_TRY(auto made, told({}, id, commands, by, core_.deps.clock.now()));
  once.remember(run, made.changes);
  CORRAL_CO_CHECK(co_await create_run(core_, std::move(create), by, std::move(made.changes)));
  log::info("run.created", {{"run", run.to_string()}, {"session", id.to_string()}});
  co_return session_json(made.after);
}

Task<Result<json::value>> SessionHost::rename_session(SessionId id, std::string name, Caller by) {
  CORRAL_CO_TRY(const auto session,
                co_await tell(id, domain::RenameSession{std::move(name)}, std::move(by)));
  co_return session_json(session);
}

Task<Result<json::value>> SessionHost::stop_session(SessionId id, std::string reason, Caller by) {
  if (reason.size() > 2000) co_return fail(ErrorCode::invalid, "reason: at most 2000 bytes");
  if (reason.empty()) reason = "stopped by " + by.actor;
  CORRAL_CO_TRY(auto session, co_await tell(id, domain::StopSession{std::move(reason)}, by));
  // Nobody has begun it, so nobody would end it.
  if (session.status == domain::SessionStatus::created && !followed_.contains(id)) {
    CORRAL_CO_TRY(session, co_await tell(id, domain::EndSession{0, *session.stop_reason, 0}, by));
  }
  co_return session_json(session);
}

Task<Result<json::value>> SessionHost::share_session(SessionId id, NewShare share, Caller by) {
  domain::ShareRole role{};
  if (!domain::from_string(share.role, role))
    co_return fail(ErrorCode::invalid, "role: must be view or type, not \"{}\"", share.role);
  if (share.expires_s < 1 || share.expires_s > kLongestShare)
    co_return fail(ErrorCode::invalid, "expires_s: must be from 1 to {} (30 days)", kLongestShare);
  const auto token = core_.deps.random.hex(32);
  const auto hash = sha256_hex(token);
  domain::Share made{.id = core_.deps.random.hex(8),
                     .token_hash = hash,
                     .role = role,
                     .expires = core_.deps.clock.now() + Duration(share.expires_s * 1000)};
  std::vector<ports::Change> extra;
  extra.emplace_back(ports::PutDocument{.document = {.kind = std::string(kShareKind),
                                                     .id = hash,
                                                     .parent = id.to_string(),
                                                     .body = json::object{{"share", made.id}}},
                                        .expected_version = {}});
  CORRAL_CO_CHECK(co_await tell(id, domain::ShareSession{made}, std::move(by), std::move(extra)));
  co_return json::object{{"id", made.id},
                         {"token", token},
                         {"role", to_string(role)},
                         {"expires_at", to_rfc3339(made.expires)}};
}

Task<Result<void>> SessionHost::revoke_share(SessionId id, std::string share, Caller by) {
  CORRAL_CO_TRY(const auto session, co_await load(id));
  std::vector<ports::Change> extra;
  for (const auto& known : session.shares)
    if (known.id == share)
      extra.emplace_back(ports::DeleteDocument{std::string(kShareKind), known.token_hash});
  CORRAL_CO_CHECK(
      co_await tell(id, domain::RevokeShare{std::move(share)}, std::move(by), std::move(extra)));
  co_return Result<void>{};
}

// ---- queries ----

Task<Result<json::value>> SessionHost::get_session(SessionId id) {
  CORRAL_CO_TRY(const auto session, co_await load(id));
  auto document = session_json(session);
  if (const auto open = open_.find(id); open != open_.end())
    if (const auto live = open->second.lock()) {
      document.get_object()["columns"] = live->size().columns;
      document.get_object()["rows"] = live->size().rows;
      document.get_object()["viewers"] = live->viewer_count();
    }
  co_return document;
}

Task<Result<Page>> SessionHost::list_sessions(SessionFilter filter) {
  ports::DocumentQuery query{
      .kind = std::string(kSessionKind),
      .before_id = filter.cursor,
      .limit = std::clamp<std::uint32_t>(filter.limit, 1, ports::kMaxListLimit)};
  if (!filter.run.empty()) query.parent = filter.run;
  if (!filter.status.empty()) {
    domain::SessionStatus status{};
    if (!domain::from_string(filter.status, status))
      co_return fail(ErrorCode::invalid, "status: \"{}\" is none of created, running, ended",
                     filter.status);
    query.state = filter.status;
  }
  if (!filter.cursor.empty() && !SessionId::parse(filter.cursor))
    co_return fail(ErrorCode::invalid, "cursor: \"{}\" is none that a page gave", filter.cursor);
  CORRAL_CO_TRY(auto documents, co_await core_.deps.store.list(query));
  Page page;
  if (documents.size() == query.limit) page.next_cursor = documents.back().id;
  for (auto& document : documents) page.items.push_back(std::move(document.body));
  co_return page;
}

Task<Result<std::shared_ptr<session::LiveSession>>> SessionHost::open_session(SessionId id) {
  CORRAL_CO_TRY(const auto session, co_await load(id));
  // What was removed shall not look as if nothing had been there.
  if (session.status == domain::SessionStatus::ended)
    CORRAL_CO_CHECK(co_await core_.deps.logs.kept(log_folder(id)));
  // One of each: two would each make a screen of their own.
  const auto turn = co_await opening_.take();
  if (const auto open = open_.find(id); open != open_.end())
    if (auto live = open->second.lock()) co_return live;
  const session::Size first{static_cast<std::uint16_t>(session.request.columns),
                            static_cast<std::uint16_t>(session.request.rows)};
  CORRAL_CO_TRY(auto live, co_await session::LiveSession::open(core_.deps.logs, log_folder(id),
                                                               first, core_.deps.clock));
  std::erase_if(open_, [](const auto& entry) { return entry.second.expired(); });
  open_[id] = live;
  co_return live;
}

Task<Result<SessionHost::Guest>> SessionHost::open_share(std::string token) {
  const auto hash = sha256_hex(token);
  CORRAL_CO_TRY(const auto found, co_await core_.deps.store.get(std::string(kShareKind), hash));
  const auto id = found ? SessionId::parse(found->parent) : std::nullopt;
  if (id)
    if (const auto session = co_await load(*id))
      if (const auto role = session->opened_by(hash, core_.deps.clock.now()))
        co_return Guest{
            *id, *role == domain::ShareRole::view ? session::Role::view : session::Role::type};
  co_return fail(ErrorCode::unauthenticated, "this link opens nothing (any more)");
}

// ---- running them ----

Task<Result<void>> SessionHost::start() {
  CORRAL_CO_TRY(const auto existing, co_await core_.deps.launcher.list());
  const std::set<WorkspaceId> here(existing.begin(), existing.end());
  // Those that were never started are their runs'.
  ports::DocumentQuery query{
      .kind = std::string(kSessionKind), .state = "running", .limit = ports::kMaxListLimit};
  for (;;) {
    CORRAL_CO_TRY(const auto documents, co_await core_.deps.store.list(query));
    for (const auto& document : documents) {
      const auto id = SessionId::parse(document.id);
      const auto run = RunId::parse(document.parent);
      const auto workspace = WorkspaceId::parse(find_string(document.body, {"workspace"}));
      if (!id || !run || !workspace) continue;
      bool ours = here.contains(*workspace);
      if (!ours) {
        CORRAL_CO_TRY(ours, co_await is_ours(*run));
      }
      if (ours) follow(*id, *workspace);
    }
    if (documents.size() < query.limit) co_return Result<void>{};
    query.before_id = documents.back().id;
  }
}

// Whether a session of that run whose workspace is not here (any more) is this server's to end.
Task<Result<bool>> SessionHost::is_ours(RunId id) {
  if (core_.options.store_use == StoreUse::alone) co_return true;
  CORRAL_CO_TRY(const auto run, co_await core_.runs.load(id));
  co_return run.home.empty() || run.home == core_.options.server;
}

Task<Result<domain::Session>> SessionHost::begin(SessionId id, domain::SessionRequest request,
                                                 WorkspaceId workspace, Caller by) {
  // In one commit: once it is there, it has somebody who ends it.
  std::vector<domain::SessionCommand> commands;
  commands.emplace_back(domain::CreateSession{id, std::move(request)});
  commands.emplace_back(domain::StartSession{workspace});
  auto session = co_await tell_all(id, std::move(commands), std::move(by), {});
  if (!session && session.error().code == ErrorCode::conflict)
    if (auto known = co_await load(id); known && known->status == domain::SessionStatus::ended)
      co_return known;
  // Also when the commit failed: it may have taken effect all the same.
  if (session)
    follow(id, *session->workspace);
  else if (session.error().code != ErrorCode::invalid)
    follow(id, workspace);
  co_return session;
}

void SessionHost::follow(SessionId id, WorkspaceId workspace) {
  const auto [at, is_new] =
      followed_.try_emplace(id, std::make_shared<Followed>(core_.deps.executor));
  if (is_new)
    scope_.start("session", keep_following(id, workspace));
  else
    at->second->again = true;
}

Task<void> SessionHost::keep_following(SessionId id, WorkspaceId workspace) {
  const auto followed = followed_.at(id);
  // What goes wrong here is trouble of our own (a full disk, say): the session goes on meanwhile.
  for (auto wait = kFirstRetry;; wait = std::min(wait * 2, kLastRetry)) {
    followed->again = false;
    const auto done = co_await attend(id, workspace);
    if (done && followed->again) continue;
    if (done) break;
    log::warning("session.trouble",
                 {{"session", id.to_string()}, {"why", done.error().describe()}});
    co_await core_.deps.clock.sleep(wait);
  }
  followed_.erase(id);
}

Task<Result<ports::ProcessSpec>> SessionHost::spec_of(const domain::Session& session,
                                                      ports::Workspace& workspace,
                                                      std::uint64_t printed) {
  ports::ProcessSpec spec;
  if (!session.request.agent.empty() && session.request.agent != kCommandAgent) {
    auto* agent = core_.find_agent(session.request.agent);
    if (agent == nullptr)
      co_return fail(ErrorCode::not_found, "there is no agent \"{}\"", session.request.agent);
    ports::AgentTask task;
    task.session_id = session.id.to_string();
    task.gateway_url = workspace.gateway_url();
    task.gateway_token = make_run_token(session.request.run, core_.deps.token_key);
    task.model = session.request.model;
    task.permission_policy = std::string(to_string(session.request.permissions));
    task.resume = session.request.resume;
    CORRAL_CO_TRY(auto launch, agent->launch_terminal(task));
    // Once it has printed something it was started, and what it made of its files since is its own.
    if (printed == 0)
      for (auto& [path, content] : launch.files)
        CORRAL_CO_CHECK(co_await workspace.write_file(path, std::move(content), 0600));
    spec = std::move(launch.process);
  } else {
    spec.argv = session.request.command;
    if (spec.argv.empty()) spec.argv = {"bash", "-l"};
  }
  spec.id = session.process_id();
  spec.terminal = ports::TerminalSize{static_cast<std::uint16_t>(session.request.columns),
                                      static_cast<std::uint16_t>(session.request.rows)};
  spec.env.try_emplace("COLORTERM", "truecolor");
  spec.timeout = session.request.limit;
  co_return spec;
}

// From its start, or from wherever an earlier server left it, to its end.
Task<Result<void>> SessionHost::attend(SessionId id, WorkspaceId workspace_id) {
  const auto loaded = co_await load(id);
  // Its start came to nothing: whoever wanted it tries again, or has given up.
  if (!loaded && loaded.error().code == ErrorCode::not_found) co_return Result<void>{};
  CORRAL_CO_TRY(const auto session, loaded);
  if (session.status != domain::SessionStatus::running) co_return Result<void>{};
  CORRAL_CO_TRY(const auto live, co_await open_session(id));
  auto attached = co_await core_.deps.launcher.attach(workspace_id);
  if (!attached) {
    if (attached.error().code != ErrorCode::not_found &&
        attached.error().code != ErrorCode::unavailable)
      co_return std::unexpected(attached.error());
    co_return co_await end(session, 0, "its workspace is gone", live);
  }
  const auto workspace = *std::move(attached);
  auto spec = co_await spec_of(session, *workspace, live->taken());
  auto started = spec ? co_await workspace->start(*std::move(spec))
                      : Result<void>(std::unexpected(spec.error()));
  if (!started) co_return co_await end(session, 127, started.error().describe(), live);
  live->connect(std::make_shared<WorkspaceTerminal>(workspace, session.process_id()));

  const auto sink = [live](std::uint64_t offset, std::string bytes) {
    return take_output(live, offset, std::move(bytes));
  };
  std::string reason;
  auto read =
      co_await until(workspace->read_output_ahead(session.process_id(), live->taken(), sink),
                     supervise(session, workspace, live, reason));
  if (!read || !*read) {
    if (workspace->gone()) co_return co_await end(session, 0, "its workspace is gone", live);
    co_return read ? std::unexpected(read->error())
                   : fail(ErrorCode::unavailable, "the session's supervision ended");
  }
  const auto exit = co_await workspace->wait(session.process_id());
  if (!exit && !workspace->gone()) co_return std::unexpected(exit.error());
  if (!exit) reason = "its workspace is gone";
  if (exit && exit->timed_out) reason = "its time is over";
  if (exit && exit->out_of_memory) reason = "it ran out of memory";
  co_return co_await end(session, exit ? exit->exit_code : 0, std::move(reason), live);
}

// Ends the process when it must end. Never returns by itself: the process's end cancels it.
Task<void> SessionHost::supervise(domain::Session session,
                                  std::shared_ptr<ports::Workspace> workspace,
                                  std::shared_ptr<session::LiveSession> live, std::string& reason) {
  const auto followed = followed_.at(session.id);
  auto seen = followed->news;
  if (auto fresh = co_await load(session.id)) session = *std::move(fresh);
  const auto most = core_.options.session_log_bytes;
  while (!session.stop_reason) {
    if (most > 0 && live->output().end() >= most) {
      const auto why = fmt::format("it printed {} bytes, and a session may print {}",
                                   live->output().end(), most);
      if (auto told = co_await tell(session.id, domain::StopSession{why}, "worker"))
        session = *std::move(told);
      continue;
    }
    const auto idle = session.request.idle_limit;
    const auto quiet = core_.deps.clock.now() - live->last_activity();
    if (idle.count() > 0 && quiet >= idle) {
      auto told =
          co_await tell(session.id, domain::StopSession{"nothing happened for too long"}, "worker");
      if (told) session = *std::move(told);
      continue;
    }
    // Where no other process writes to the store, whatever happens is told here.
    const auto longest = core_.options.store_use == StoreUse::alone
                             ? std::max(kLookAlone, core_.options.heartbeat)
                             : core_.options.heartbeat;
    auto wait = idle.count() > 0 ? std::min(longest, idle - quiet) : longest;
    if (quiet < kRestAfter) wait = std::min(wait, kRestAfter - quiet);
    if (quiet >= kRestAfter) live->rest();
    if (followed->news == seen) co_await wait_or(followed->changed, core_.deps.clock.sleep(wait));
    seen = followed->news;
    if (auto fresh = co_await load(session.id)) session = *std::move(fresh);
  }
  reason = *session.stop_reason;
  for (const int number : {SIGHUP, SIGTERM, SIGKILL}) {
    (void)co_await workspace->signal(session.process_id(), number);
    co_await core_.deps.clock.sleep(core_.options.stop_grace);
  }
  Signal never(core_.deps.executor);
  for (;;) co_await never.wait();
}

Task<Result<void>> SessionHost::end(const domain::Session& session, int exit_code,
                                    std::string reason,
                                    std::shared_ptr<session::LiveSession> live) {
  CORRAL_CO_CHECK(co_await live->close());
  std::vector<ports::Change> extra;
  if (!session.request.step.empty())
    extra.emplace_back(ports::WakeJob{run_job_key(session.request.run)});
  CORRAL_CO_CHECK(co_await tell(
      session.id, domain::EndSession{exit_code, std::move(reason), live->output().end()}, "worker",
      std::move(extra)));
  core_.drivers.notify(session.request.run);
  log::info("session.ended", {{"session", session.id.to_string()}, {"exit_code", exit_code}});
  co_return Result<void>{};
}

Task<Result<void>> SessionHost::end_all(RunId run, domain::SessionStatus state,
                                        std::string reason) {
  const ports::DocumentQuery query{.kind = std::string(kSessionKind),
                                   .parent = run.to_string(),
                                   .state = std::string(to_string(state)),
                                   .limit = ports::kMaxListLimit};
  for (;;) {
    CORRAL_CO_TRY(const auto documents, co_await core_.deps.store.list(query));
    for (const auto& document : documents)
      if (const auto id = SessionId::parse(document.id))
        CORRAL_CO_CHECK(co_await tell(*id, domain::EndSession{0, reason, 0}, "worker"));
    // Those that have ended are no longer listed.
    if (documents.size() < query.limit) co_return Result<void>{};
  }
}

}  // namespace corral::engine
