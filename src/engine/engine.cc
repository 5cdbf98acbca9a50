#include "engine/engine_impl.h"

#include <algorithm>
#include <set>

#include "base/log.h"
#include "domain/fork.h"
#include "engine/definitions.h"
#include "engine/digest.h"
#include "engine/new_run.h"
#include "engine/projection.h"
#include "engine/start_run.h"

namespace corral::engine {
namespace {

constexpr std::string_view kIdempotencyKind = "idempotency";
constexpr std::size_t kMaxKey = 255;
constexpr std::size_t kMaxReason = 2000;

EngineOptions named(EngineOptions options, Random& random) {
  if (options.worker.empty()) options.worker = "worker-" + random.hex(8);
  return options;
}

}  // namespace

std::unique_ptr<Engine> make_engine(EngineDeps deps, EngineOptions options, StepKinds kinds) {
  auto& random = deps.random;
  return std::make_unique<EngineImpl>(std::move(deps), named(std::move(options), random), std::move(kinds));
}

EngineImpl::EngineImpl(EngineDeps deps, EngineOptions options, StepKinds kinds)
    : core_(std::move(deps), std::move(options), std::move(kinds)), catalog_(core_), workers_(core_) {}

Task<void> EngineImpl::stop() { co_await workers_.stop(); }

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
  if (core_.options.sole_owner) {
    CORRAL_CO_CHECK(co_await core_.deps.store.release_leases_except(core_.options.worker));
    CORRAL_CO_TRY(const auto live, co_await live_runs());
    // Their doors must open before their drivers come round: a workspace that outlived the server
    // calls at once.
    for (const auto& run : live)
      if (run.workspace)
        core_.owners[*run.workspace] = {run.id, run.request.project, run.request.branch};
    CORRAL_CO_CHECK(co_await remove_orphans(live));
    // Enqueueing again is a no-op where the job is there, as it always should be.
    for (const auto& run : live) {
      ports::Transaction transaction;
      transaction.changes.emplace_back(run_job(run));
      // What it waits for may have come while nobody was there.
      if (run.status == domain::RunStatus::running) transaction.changes.emplace_back(ports::WakeJob{run_job_key(run.id)});
      CORRAL_CO_CHECK(co_await core_.deps.store.commit(std::move(transaction)));
    }
    if (!live.empty()) log::info("engine.recovered", {{"runs", live.size()}});
  }
  workers_.start();
  co_return Result<void>{};
}

Task<Result<std::vector<domain::Run>>> EngineImpl::live_runs() {
  std::vector<domain::Run> live;
  for (const char* state : {"pending", "running"}) {
    ports::DocumentQuery query{.kind = std::string(kRunKind), .state = state, .limit = 500};
    for (;;) {
      CORRAL_CO_TRY(const auto documents, co_await core_.deps.store.list(query));
      for (const auto& document : documents) {
        const auto id = RunId::parse(document.id);
        if (!id)
          co_return fail(ErrorCode::corrupt, "the store lists a run with the id \"{}\"",
                         document.id);
        CORRAL_CO_TRY(auto run, co_await core_.runs.load(*id));
        live.push_back(std::move(run));
      }
      if (documents.size() < query.limit) break;
      query.before_id = documents.back().id;
    }
  }
  co_return live;
}

Task<Result<void>> EngineImpl::remove_orphans(const std::vector<domain::Run>& live) {
  std::set<WorkspaceId> needed;
  for (const auto& run : live)
    if (run.workspace) needed.insert(*run.workspace);
  CORRAL_CO_TRY(const auto existing, co_await core_.deps.launcher.list());
  for (const auto id : existing) {
    if (needed.contains(id)) continue;
    const auto destroyed = co_await core_.deps.launcher.destroy(id);
    if (!destroyed)
      log::warning("workspace.left",
                   {{"workspace", id.to_string()}, {"why", destroyed.error().describe()}});
  }
  co_return Result<void>{};
}

// ---- commands ----

Task<Result<json::value>> EngineImpl::start_run(StartRun request, std::string actor,
                                                std::string idempotency_key) {
  if (idempotency_key.size() > kMaxKey)
    co_return fail(ErrorCode::invalid, "Idempotency-Key: at most {} bytes", kMaxKey);
  const std::string key_id =
      idempotency_key.empty() ? "" : sha256_hex(actor + "\n" + idempotency_key);
  const std::string hash = request_hash(request);
  if (!key_id.empty()) {
    CORRAL_CO_TRY(auto earlier, co_await earlier_run(key_id, hash));
    if (earlier) co_return *std::move(earlier);
  }
  const auto id = RunId::make(core_.deps.clock.now(), core_.deps.random);
  CORRAL_CO_TRY(auto create, co_await new_run(core_, std::move(request), actor, id));
  std::vector<ports::Change> extra;
  if (!key_id.empty())
    extra.emplace_back(
        ports::PutDocument{{.kind = std::string(kIdempotencyKind),
                            .id = key_id,
                            .body = json::object{{"run", id.to_string()}, {"hash", hash}}},
                           0});
  auto run = co_await create_run(core_, std::move(create), actor, std::move(extra));
  if (!run && run.error().code == ErrorCode::conflict && !key_id.empty()) {
    // The same request came twice at once, and the other one was first.
    CORRAL_CO_TRY(auto earlier, co_await earlier_run(key_id, hash));
    if (earlier) co_return *std::move(earlier);
  }
  CORRAL_CO_CHECK(run);
  log::info("run.created", {{"run", id.to_string()},
                            {"project", run->request.project_name},
                            {"agent", run->request.agent},
                            {"actor", actor}});
  co_return run_json(*run);
}

Task<Result<std::optional<json::value>>> EngineImpl::earlier_run(const std::string& key_id,
                                                                 const std::string& hash) {
  CORRAL_CO_TRY(const auto known,
                co_await core_.deps.store.get(std::string(kIdempotencyKind), key_id));
  if (!known) co_return std::nullopt;
  if (find_string(known->body, {"hash"}) != hash)
    co_return fail(ErrorCode::conflict,
                   "this Idempotency-Key was used for a different request: use a new key");
  CORRAL_CO_TRY(auto run, co_await get_document(
                              kRunKind, std::string(find_string(known->body, {"run"})), "run"));
  co_return std::move(run);
}

Task<Result<domain::Run>> EngineImpl::command(RunId run, domain::Command command, std::string actor) {
  std::vector<ports::Change> wake;
  wake.emplace_back(ports::WakeJob{run_job_key(run)});
  auto after = co_await core_.tell(run, std::move(command), std::move(actor), std::move(wake));
  ++core_.job_news;
  core_.jobs.notify();
  co_return after;
}

Task<Result<json::value>> EngineImpl::cancel_run(RunId run, std::string reason, std::string actor) {
  if (reason.size() > kMaxReason)
    co_return fail(ErrorCode::invalid, "reason: at most {} bytes", kMaxReason);
  CORRAL_CO_TRY(const auto after,
                co_await command(run, domain::RequestCancel{std::move(reason)}, std::move(actor)));
  co_return run_json(after);
}

Task<Result<json::value>> EngineImpl::retry_run(RunId run, std::string from, std::string actor) {
  CORRAL_CO_TRY(const auto before, co_await core_.runs.load(run));
  CORRAL_CO_CHECK(co_await check_installed(core_, before.request));
  auto job = run_job(before);
  job.due = Time{};  // what delayed the start does not delay this
  std::vector<ports::Change> enqueue;
  enqueue.emplace_back(std::move(job));
  CORRAL_CO_TRY(const auto after, co_await core_.tell(run, domain::Retry{std::move(from)},
                                                      std::move(actor), std::move(enqueue)));
  co_return run_json(after);
}

Task<Result<json::value>> EngineImpl::pause_run(RunId run, std::string reason, std::string actor) {
  if (reason.size() > kMaxReason)
    co_return fail(ErrorCode::invalid, "reason: at most {} bytes", kMaxReason);
  CORRAL_CO_TRY(const auto after,
                co_await command(run, domain::Pause{std::move(reason)}, std::move(actor)));
  co_return run_json(after);
}

Task<Result<json::value>> EngineImpl::resume_run(RunId run, std::string actor) {
  CORRAL_CO_TRY(const auto after, co_await command(run, domain::Resume{}, std::move(actor)));
  co_return run_json(after);
}

Task<Result<json::value>> EngineImpl::fork_run(RunId run, std::string from, std::string actor) {
  CORRAL_CO_TRY(const auto old, co_await core_.runs.load(run));
  const auto id = RunId::make(core_.deps.clock.now(), core_.deps.random);
  CORRAL_CO_TRY(auto create, domain::fork(old, from, id));
  create.request.branch = branch_name(old.request.prompt.empty() ? old.request.workflow.name : old.request.prompt, id);
  CORRAL_CO_CHECK(co_await check_installed(core_, create.request));
  CORRAL_CO_TRY(const auto forked, co_await create_run(core_, std::move(create), std::move(actor), {}));
  co_return run_json(forked);
}

Task<Result<json::value>> EngineImpl::save_workflow(std::string source, std::string actor) {
  co_return co_await engine::save_workflow(core_, std::move(source), std::move(actor));
}

Task<Result<void>> EngineImpl::delete_workflow(std::string name, std::string) {
  co_return co_await engine::delete_workflow(core_, std::move(name));
}

Task<Result<json::value>> EngineImpl::decide_approval(std::string approval, bool allow,
                                                      std::string message, std::string choice,
                                                      std::string actor) {
  if (message.size() > kMaxReason)
    co_return fail(ErrorCode::invalid, "message: at most {} bytes", kMaxReason);
  CORRAL_CO_TRY(const auto document,
                co_await core_.deps.store.get(std::string(kApprovalKind), approval));
  const auto run = document ? RunId::parse(document->parent) : std::nullopt;
  if (!run) co_return fail(ErrorCode::not_found, "there is no approval {}", approval);
  CORRAL_CO_TRY(
      const auto after,
      co_await command(*run,
                       domain::DecideApproval{approval, allow, std::move(message),
                                              std::move(choice), actor},
                       actor));
  const auto* decided = after.find_approval(approval);
  CORRAL_ASSERT(decided != nullptr);
  co_return approval_json(after, *decided);
}

Task<Result<json::value>> EngineImpl::create_group(std::string name, std::string actor) {
  co_return co_await catalog_.create_group(std::move(name), std::move(actor));
}

Task<Result<json::value>> EngineImpl::create_project(std::string name, std::string git_url,
                                                     std::string group, std::string actor) {
  co_return co_await catalog_.create_project(std::move(name), std::move(git_url), std::move(group),
                                             std::move(actor));
}

Task<Result<void>> EngineImpl::delete_project(std::string project, std::string actor) {
  co_return co_await catalog_.delete_project(std::move(project), std::move(actor));
}

}  // namespace corral::engine
