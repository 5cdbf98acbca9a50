#include "engine/engine_impl.h"

#include <set>

#include "base/log.h"
#include "domain/fork.h"
#include "engine/definitions.h"
#include "engine/new_run.h"
#include "engine/projection.h"
#include "engine/start_run.h"

namespace corral::engine {
namespace {

constexpr std::size_t kMaxReason = 2000;
constexpr std::size_t kChangesAtOnce = 200;
constexpr std::size_t kMaxSteering = 64u << 10;  // of one prompt: events stay small

EngineOptions named(EngineOptions options, Random& random) {
  if (options.worker.empty())
    options.worker = (options.server.empty() ? "worker" : options.server) + "/" + random.hex(8);
  return options;
}

}  // namespace

std::unique_ptr<Engine> make_engine(EngineDeps deps, EngineOptions options, StepKinds kinds) {
  auto& random = deps.random;
  return std::make_unique<EngineImpl>(std::move(deps), named(std::move(options), random),
                                      std::move(kinds));
}

EngineImpl::EngineImpl(EngineDeps deps, EngineOptions options, StepKinds kinds)
    : core_(std::move(deps), std::move(options), std::move(kinds)),
      catalog_(core_),
      schedules_(core_),
      homes_(core_),
      sessions_(core_),
      session_commands_(core_, sessions_),
      files_(core_),
      retention_(core_, sessions_),
      workers_(core_, schedules_, homes_) {
  core_.sessions = &sessions_;
}

Task<void> EngineImpl::stop() {
  co_await workers_.stop();
  co_await retention_.stop();
  co_await sessions_.stop();
}

std::optional<WorkspaceOwner> EngineImpl::workspace_owner(WorkspaceId workspace) const {
  const auto owner = core_.owners.find(workspace);
  if (owner == core_.owners.end()) return std::nullopt;
  return owner->second;
}

Task<Result<void>> EngineImpl::start() {
  // An empty transaction tells where the store's log ends.
  CORRAL_CO_TRY(const auto position, co_await core_.deps.store.commit({}));
  core_.runs.saw(position);
  CORRAL_CO_CHECK(co_await catalog_.ensure_default_group());
  CORRAL_CO_CHECK(co_await homes_.look());
  if (const auto& server = core_.options.server; !server.empty())
    CORRAL_CO_CHECK(co_await core_.deps.store.release_leases(server + "/", core_.options.worker));
  CORRAL_CO_TRY(const auto live, co_await runs_under_way());
  CORRAL_CO_CHECK(co_await sort_workspaces(live));
  // Enqueueing again is a no-op where the job is there, as it always should be.
  std::vector<ports::Change> changes;
  for (const auto& run : live) {
    changes.emplace_back(run_job(run));
    // What it waits for may have come while nobody was there.
    if (run.home.empty() || run.home == core_.options.server)
      changes.emplace_back(ports::WakeJob{run_job_key(run.id)});
    if (changes.size() >= kChangesAtOnce)
      CORRAL_CO_CHECK(co_await core_.commit(std::exchange(changes, {})));
  }
  if (!changes.empty()) CORRAL_CO_CHECK(co_await core_.commit(std::move(changes)));
  if (!live.empty()) log::info("engine.recovered", {{"runs", live.size()}});
  CORRAL_CO_CHECK(co_await sessions_.start());
  retention_.start();
  workers_.start(position);
  co_return Result<void>{};
}

Task<Result<std::vector<domain::Run>>> EngineImpl::runs_under_way() {
  std::vector<domain::Run> live;
  ports::DocumentQuery query{.kind = std::string(kRunKind), .state = "running", .limit = 500};
  for (;;) {
    CORRAL_CO_TRY(const auto documents, co_await core_.deps.store.list(query));
    for (const auto& document : documents) {
      const auto id = RunId::parse(document.id);
      if (!id)
        co_return fail(ErrorCode::corrupt, "the store lists a run with the id \"{}\"", document.id);
      CORRAL_CO_TRY(auto run, co_await core_.runs.load(*id));
      if (run.status == domain::RunStatus::running) live.push_back(std::move(run));
    }
    if (documents.size() < query.limit) co_return live;
    query.before_id = documents.back().id;
  }
}

// Of those that are here, whichever server drives the runs now.
Task<Result<void>> EngineImpl::sort_workspaces(const std::vector<domain::Run>& live) {
  CORRAL_CO_TRY(const auto existing, co_await core_.deps.launcher.list());
  std::set<WorkspaceId> orphans(existing.begin(), existing.end());
  // Their doors must open before their drivers come round: a workspace that outlived the server
  // calls at once.
  for (const auto& run : live)
    if (run.workspace && orphans.erase(*run.workspace) > 0)
      core_.owners[*run.workspace] = {run.id, run.request.project, run.request.branch};
  for (const auto id : orphans) co_await core_.destroy_workspace(id);
  co_return Result<void>{};
}

// ---- commands ----

Task<Result<json::value>> EngineImpl::start_run(StartRun request, Caller by) {
  CORRAL_CO_TRY(const auto once, Once::of(by, request_hash(request)));
  CORRAL_CO_TRY(const auto earlier, co_await once.earlier(core_));
  if (earlier) co_return co_await get_run(*earlier);
  const auto id = RunId::make(core_.deps.clock.now(), core_.deps.random);
  CORRAL_CO_TRY(auto create, co_await new_run(core_, std::move(request), by.actor, id));
  co_return co_await begin_run(std::move(create), std::move(by), once);
}

Task<Result<json::value>> EngineImpl::begin_run(domain::Create create, Caller by,
                                                const Once& once) {
  const auto id = create.run;
  std::vector<ports::Change> extra;
  once.remember(id, extra);
  auto run = co_await create_run(core_, std::move(create), by, std::move(extra));
  if (!run && run.error().code == ErrorCode::conflict) {
    // The same request came twice at once, and the other one was first.
    CORRAL_CO_TRY(const auto earlier, co_await once.earlier(core_));
    if (earlier) co_return co_await get_run(*earlier);
  }
  CORRAL_CO_CHECK(run);
  log::info("run.created", {{"run", id.to_string()},
                            {"project", run->request.project_name},
                            {"workflow", run->request.workflow.name},
                            {"actor", by.actor}});
  co_return run_json(*run);
}

Task<Result<domain::Run>> EngineImpl::command(RunId run, domain::Command command, Caller by,
                                              std::string what, std::vector<ports::Change> extra) {
  CORRAL_CO_TRY(const auto once, Once::of(by, run.to_string() + "\n" + what));
  CORRAL_CO_TRY(const auto earlier, co_await once.earlier(core_));
  if (earlier) co_return co_await core_.runs.load(run);
  once.remember(run, extra);
  // Put aside, it is taken up at once.
  extra.emplace_back(ports::WakeJob{run_job_key(run)});
  auto after = co_await core_.tell(run, std::move(command), std::move(by), std::move(extra));
  if (!after && after.error().code == ErrorCode::conflict)
    if (auto first = co_await once.earlier(core_); first && *first)
      co_return co_await core_.runs.load(run);
  co_return after;
}

Task<Result<json::value>> EngineImpl::cancel_run(RunId run, std::string reason, Caller by) {
  if (reason.size() > kMaxReason)
    co_return fail(ErrorCode::invalid, "reason: at most {} bytes", kMaxReason);
  const auto what = "cancel\n" + reason;
  CORRAL_CO_TRY(const auto after, co_await command(run, domain::RequestCancel{std::move(reason)},
                                                   std::move(by), what));
  co_return run_json(after);
}

Task<Result<json::value>> EngineImpl::retry_run(RunId run, std::string from, Caller by) {
  CORRAL_CO_TRY(const auto before, co_await core_.runs.load(run));
  CORRAL_CO_CHECK(co_await check_installed(core_, before.request));
  auto job = run_job(before);
  job.due = Time{};  // what delayed the start does not delay this
  std::vector<ports::Change> enqueue;
  enqueue.emplace_back(std::move(job));
  const auto what = "retry\n" + from;
  CORRAL_CO_TRY(const auto after, co_await command(run, domain::Retry{std::move(from)},
                                                   std::move(by), what, std::move(enqueue)));
  co_return run_json(after);
}

Task<Result<json::value>> EngineImpl::steer_run(RunId run, std::string step,
                                                domain::SteeringKind what, std::string text,
                                                Caller by) {
  domain::PermissionPolicy policy{};
  if (what == domain::SteeringKind::prompt && (text.empty() || text.size() > kMaxSteering))
    co_return fail(ErrorCode::invalid, "text: a prompt has 1 to {} bytes", kMaxSteering);
  if (what == domain::SteeringKind::mode && !domain::from_string(text, policy))
    co_return fail(ErrorCode::invalid, "permissions: \"{}\" is neither ask nor workspace", text);
  const auto key = fmt::format("steer\n{}\n{}\n{}", step, to_string(what), text);
  CORRAL_CO_TRY(const auto after,
                co_await command(run, domain::Steer{std::move(step), what, std::move(text)},
                                 std::move(by), key));
  co_return run_json(after);
}

Task<Result<json::value>> EngineImpl::pause_run(RunId run, std::string reason, Caller by) {
  if (reason.size() > kMaxReason)
    co_return fail(ErrorCode::invalid, "reason: at most {} bytes", kMaxReason);
  CORRAL_CO_TRY(const auto after,
                co_await command(run, domain::Pause{std::move(reason)}, std::move(by), "pause"));
  co_return run_json(after);
}

Task<Result<json::value>> EngineImpl::resume_run(RunId run, Caller by) {
  CORRAL_CO_TRY(const auto after, co_await command(run, domain::Resume{}, std::move(by), "resume"));
  co_return run_json(after);
}

Task<Result<json::value>> EngineImpl::fork_run(RunId run, std::string from, Caller by) {
  CORRAL_CO_TRY(const auto once, Once::of(by, fmt::format("fork\n{}\n{}", run.to_string(), from)));
  CORRAL_CO_TRY(const auto earlier, co_await once.earlier(core_));
  if (earlier) co_return co_await get_run(*earlier);
  CORRAL_CO_TRY(const auto old, co_await core_.runs.load(run));
  const auto id = RunId::make(core_.deps.clock.now(), core_.deps.random);
  CORRAL_CO_TRY(auto create, domain::fork(old, from, id));
  create.request.branch =
      branch_name(old.request.prompt.empty() ? old.request.workflow.name : old.request.prompt, id);
  CORRAL_CO_CHECK(co_await check_installed(core_, create.request));
  co_return co_await begin_run(std::move(create), std::move(by), once);
}

Task<Result<json::value>> EngineImpl::decide_approval(std::string approval, bool allow,
                                                      std::string message, std::string choice,
                                                      Caller by) {
  if (message.size() > kMaxReason)
    co_return fail(ErrorCode::invalid, "message: at most {} bytes", kMaxReason);
  CORRAL_CO_TRY(const auto document,
                co_await core_.deps.store.get(std::string(kApprovalKind), approval));
  const auto run = document ? RunId::parse(document->parent) : std::nullopt;
  if (!run) co_return fail(ErrorCode::not_found, "there is no approval {}", approval);
  const auto what = fmt::format("decide\n{}\n{}\n{}", approval, allow, choice);
  domain::DecideApproval decision{approval, allow, std::move(message), std::move(choice), by.actor};
  CORRAL_CO_TRY(const auto after, co_await command(*run, std::move(decision), std::move(by), what));
  const auto* decided = after.find_approval(approval);
  CORRAL_ASSERT(decided != nullptr);
  co_return approval_json(after, *decided);
}

Task<Result<json::value>> EngineImpl::save_workflow(std::string source, Caller by) {
  co_return co_await engine::save_workflow(core_, std::move(source), std::move(by.actor));
}

Task<Result<void>> EngineImpl::delete_workflow(std::string name, Caller) {
  co_return co_await engine::delete_workflow(core_, std::move(name));
}

Task<Result<json::value>> EngineImpl::create_schedule(NewSchedule schedule, Caller by) {
  co_return co_await schedules_.create(std::move(schedule), std::move(by));
}
Task<Result<json::value>> EngineImpl::pause_schedule(std::string id, bool paused, Caller) {
  co_return co_await schedules_.pause(std::move(id), paused);
}
Task<Result<void>> EngineImpl::delete_schedule(std::string id, Caller) {
  co_return co_await schedules_.remove(std::move(id));
}

Task<Result<json::value>> EngineImpl::create_group(std::string name, Caller by) {
  co_return co_await catalog_.create_group(std::move(name), std::move(by.actor));
}

Task<Result<json::value>> EngineImpl::create_project(std::string name, std::string git_url,
                                                     std::string group, Caller by) {
  co_return co_await catalog_.create_project(std::move(name), std::move(git_url), std::move(group),
                                             std::move(by.actor));
}

Task<Result<void>> EngineImpl::delete_project(std::string project, Caller by) {
  co_return co_await catalog_.delete_project(std::move(project), std::move(by.actor));
}

// ---- the queue ----

Task<Result<json::value>> EngineImpl::pause_queue(std::string group, bool paused, Caller by) {
  if (!group.empty()) {
    CORRAL_CO_TRY(const auto project, co_await catalog_.get_project(group));
    group = std::string(find_string(project, {"id"}));
  }
  CORRAL_CO_CHECK(co_await core_.commit(ports::PauseQueue{group, paused}));
  log::info(paused ? "queue.paused" : "queue.resumed", {{"group", group}, {"actor", by.actor}});
  co_return co_await queue_state();
}

Task<Result<void>> EngineImpl::retry_job(std::uint64_t job, Caller) {
  co_return co_await core_.commit(ports::RetryJob{job});
}

Task<Result<void>> EngineImpl::discard_job(std::uint64_t job, Caller) {
  co_return co_await core_.commit(ports::DiscardJob{job});
}

}  // namespace corral::engine
