#include "engine/session_commands.h"

#include <algorithm>

#include "base/log.h"
#include "engine/digest.h"
#include "engine/homes.h"
#include "engine/idempotency.h"
#include "engine/new_run.h"
#include "engine/start_run.h"

namespace corral::engine {
namespace {

constexpr std::string_view kShareKind = "session_share";
constexpr std::int64_t kLongestShare = 30 * 24 * 3600;
constexpr std::int64_t kLongestSession = 7 * 24 * 3600;
constexpr std::size_t kMaxCommand = 64u << 10;

std::string name_of(const NewSession& request) {
  if (!request.name.empty()) return request.name;
  if (!request.agent.empty()) return request.agent;
  if (request.command.empty()) return "shell";
  const auto& program = request.command.front();
  return program.substr(program.rfind('/') + 1).substr(0, domain::kMaxSessionName);
}

Result<Duration> seconds_of(std::string_view name, const std::optional<std::int64_t>& seconds) {
  if (!seconds) return Duration(0);
  if (*seconds < 1 || *seconds > kLongestSession)
    return fail(ErrorCode::invalid, "{}: must be from 1 to {} (a week)", name, kLongestSession);
  return Duration(*seconds * 1000);
}

}  // namespace

// ---- commands ----

Task<Result<json::value>> SessionCommands::create_session(NewSession request, Caller by) {
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
Task<Result<void>> SessionCommands::check_agent(std::string name) {
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

Task<Result<json::value>> SessionCommands::create_in_run(NewSession request,
                                                         domain::SessionRequest session,
                                                         Caller by) {
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
  CORRAL_CO_TRY(const auto made, co_await host_.begin(own, std::move(session), workspace, by));
  co_return session_json(made);
}

Task<Result<json::value>> SessionCommands::create_with_run(NewSession request,
                                                           domain::SessionRequest session,
                                                           Caller by) {
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
  CORRAL_CO_TRY(auto made, tell_session({}, id, commands, by, core_.deps.clock.now()));
  once.remember(run, made.changes);
  CORRAL_CO_CHECK(co_await create_run(core_, std::move(create), by, std::move(made.changes)));
  log::info("run.created", {{"run", run.to_string()}, {"session", id.to_string()}});
  co_return session_json(made.after);
}

Task<Result<json::value>> SessionCommands::rename_session(SessionId id, std::string name,
                                                          Caller by) {
  CORRAL_CO_TRY(const auto session,
                co_await host_.tell(id, domain::RenameSession{std::move(name)}, std::move(by)));
  co_return session_json(session);
}

Task<Result<json::value>> SessionCommands::stop_session(SessionId id, std::string reason,
                                                        Caller by) {
  if (reason.size() > 2000) co_return fail(ErrorCode::invalid, "reason: at most 2000 bytes");
  if (reason.empty()) reason = "stopped by " + by.actor;
  CORRAL_CO_TRY(const auto session, co_await host_.stop_session(id, std::move(reason), by));
  co_return session_json(session);
}

Task<Result<json::value>> SessionCommands::share_session(SessionId id, NewShare share, Caller by) {
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
  CORRAL_CO_CHECK(
      co_await host_.tell(id, domain::ShareSession{made}, std::move(by), std::move(extra)));
  co_return json::object{{"id", made.id},
                         {"token", token},
                         {"role", to_string(role)},
                         {"expires_at", to_rfc3339(made.expires)}};
}

Task<Result<void>> SessionCommands::revoke_share(SessionId id, std::string share, Caller by) {
  CORRAL_CO_TRY(const auto session, co_await host_.load(id));
  std::vector<ports::Change> extra;
  for (const auto& known : session.shares)
    if (known.id == share)
      extra.emplace_back(ports::DeleteDocument{std::string(kShareKind), known.token_hash});
  CORRAL_CO_CHECK(co_await host_.tell(id, domain::RevokeShare{std::move(share)}, std::move(by),
                                      std::move(extra)));
  co_return Result<void>{};
}

// ---- queries ----

Task<Result<json::value>> SessionCommands::get_session(SessionId id) {
  CORRAL_CO_TRY(const auto session, co_await host_.load(id));
  auto document = session_json(session);
  if (const auto live = host_.opened(id)) {
    document.get_object()["columns"] = live->size().columns;
    document.get_object()["rows"] = live->size().rows;
    document.get_object()["viewers"] = live->viewer_count();
  }
  co_return document;
}

Task<Result<Page>> SessionCommands::list_sessions(SessionFilter filter) {
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

Task<Result<std::shared_ptr<session::LiveSession>>> SessionCommands::open_session(SessionId id) {
  return host_.open_session(id);
}

Task<Result<SessionCommands::Guest>> SessionCommands::open_share(std::string token) {
  const auto hash = sha256_hex(token);
  CORRAL_CO_TRY(const auto found, co_await core_.deps.store.get(std::string(kShareKind), hash));
  const auto id = found ? SessionId::parse(found->parent) : std::nullopt;
  if (id)
    if (const auto session = co_await host_.load(*id))
      if (const auto role = session->opened_by(hash, core_.deps.clock.now()))
        co_return Guest{
            *id, *role == domain::ShareRole::view ? session::Role::view : session::Role::type};
  co_return fail(ErrorCode::unauthenticated, "this link opens nothing (any more)");
}

}  // namespace corral::engine
