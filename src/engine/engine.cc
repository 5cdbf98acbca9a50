#include "engine/engine_impl.h"

#include <algorithm>
#include <set>

#include "base/log.h"
#include "engine/digest.h"
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

std::unique_ptr<Engine> make_engine(EngineDeps deps, EngineOptions options) {
  auto& random = deps.random;
  return std::make_unique<EngineImpl>(std::move(deps), named(std::move(options), random));
}

EngineImpl::EngineImpl(EngineDeps deps, EngineOptions options)
    : core_(std::move(deps), std::move(options)), catalog_(core_), workers_(core_) {}

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
  CORRAL_CO_TRY(auto checked, check_request(request, core_, actor));
  if (idempotency_key.size() > kMaxKey)
    co_return fail(ErrorCode::invalid, "Idempotency-Key: at most {} bytes", kMaxKey);
  const std::string key_id =
      idempotency_key.empty() ? "" : sha256_hex(actor + "\n" + idempotency_key);
  const std::string hash = request_hash(request);
  if (!key_id.empty()) {
    CORRAL_CO_TRY(auto earlier, co_await earlier_run(key_id, hash));
    if (earlier) co_return *std::move(earlier);
  }
  CORRAL_CO_CHECK(co_await check_installed(checked));
  CORRAL_CO_TRY(const auto project, co_await project_of(request, actor));
  checked.project = ProjectId::parse(find_string(project, {"id"})).value_or(ProjectId{});
  checked.project_name = std::string(find_string(project, {"name"}));
  checked.git_url = std::string(find_string(project, {"git_url"}));
  const auto id = RunId::make(core_.deps.clock.now(), core_.deps.random);
  checked.branch = branch_name(request.prompt, id);
  if (request.prompt.size() > checked.prompt.size()) {
    CORRAL_CO_TRY(checked.prompt_blob, co_await core_.deps.blobs.put(request.prompt));
  }

  std::vector<ports::Change> extra;
  domain::Run queued;
  queued.id = id;
  queued.request = checked;
  extra.emplace_back(run_job(queued));
  if (!key_id.empty())
    extra.emplace_back(
        ports::PutDocument{{.kind = std::string(kIdempotencyKind),
                            .id = key_id,
                            .body = json::object{{"run", id.to_string()}, {"hash", hash}}},
                           0});
  auto run =
      co_await core_.tell(id, domain::Create{id, std::move(checked)}, actor, std::move(extra));
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

// Says at once what would otherwise fail the run a moment later.
Task<Result<void>> EngineImpl::check_installed(const domain::Request& request) {
  std::set<std::string> names;
  for (const auto& step : request.workflow.steps)
    if (step.kind == "agent") names.insert(step.agent.empty() ? request.agent : step.agent);
  for (const auto& name : names)
    if (auto* agent = core_.find_agent(name))
      // Trying again would not install it.
      if (auto mounts = co_await agent->mounts(); !mounts)
        co_return fail(ErrorCode::unsupported, "{}", mounts.error().describe());
  co_return Result<void>{};
}

Task<Result<json::value>> EngineImpl::project_of(const StartRun& request, std::string actor) {
  if (!request.project.empty()) co_return co_await catalog_.get_project(request.project);
  co_return co_await catalog_.project_for(request.git_url, std::move(actor));
}

Task<Result<json::value>> EngineImpl::cancel_run(RunId run, std::string reason, std::string actor) {
  if (reason.size() > kMaxReason)
    co_return fail(ErrorCode::invalid, "reason: at most {} bytes", kMaxReason);
  CORRAL_CO_TRY(const auto after, co_await core_.tell(run, domain::RequestCancel{std::move(reason)},
                                                      std::move(actor)));
  co_return run_json(after);
}

Task<Result<json::value>> EngineImpl::retry_run(RunId run, std::string actor) {
  CORRAL_CO_TRY(const auto before, co_await core_.runs.load(run));
  CORRAL_CO_CHECK(co_await check_installed(before.request));
  std::vector<ports::Change> enqueue;
  enqueue.emplace_back(run_job(before));
  CORRAL_CO_TRY(const auto after,
                co_await core_.tell(run, domain::Retry{}, std::move(actor), std::move(enqueue)));
  co_return run_json(after);
}

Task<Result<json::value>> EngineImpl::decide_approval(std::string approval, bool allow,
                                                      std::string message, std::string actor) {
  if (message.size() > kMaxReason)
    co_return fail(ErrorCode::invalid, "message: at most {} bytes", kMaxReason);
  CORRAL_CO_TRY(const auto document,
                co_await core_.deps.store.get(std::string(kApprovalKind), approval));
  const auto run = document ? RunId::parse(document->parent) : std::nullopt;
  if (!run) co_return fail(ErrorCode::not_found, "there is no approval {}", approval);
  CORRAL_CO_TRY(
      const auto after,
      co_await core_.tell(*run, domain::DecideApproval{approval, allow, std::move(message)},
                          std::move(actor)));
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
