#include "engine/driver.h"

#include "base/log.h"
#include "engine/git_work.h"

namespace corral::engine {
namespace {

namespace next = domain::next;

std::string clock_time(Time time) { return to_rfc3339(time).substr(11, 8); }

Task<int> wait_on(Signal& signal) {
  co_await signal.wait();
  co_return 0;
}

}  // namespace

RunDriver::RunDriver(Core& core, RunId run, ports::Job job)
    : core_(core), id_(run), job_(std::move(job)), seat_(core.drivers, run) {}

Task<Result<void>> RunDriver::reload() {
  CORRAL_CO_TRY(auto now, co_await core_.runs.load(id_));
  if (now.version >= run_.version) run_ = std::move(now);
  co_return Result<void>{};
}

Task<Result<void>> RunDriver::tell(domain::Command command) {
  CORRAL_CO_TRY(auto after, co_await core_.tell(id_, std::move(command), "worker"));
  if (after.version >= run_.version) run_ = std::move(after);
  co_return Result<void>{};
}

Task<Result<void>> RunDriver::drive() {
  CORRAL_CO_TRY(log_, co_await core_.deps.logs.open(run_log_folder(id_) + "/log",
                                                    session::LogStore::Open::create));
  CORRAL_CO_TRY(timeline_, co_await core_.deps.logs.open(run_log_folder(id_) + "/timeline",
                                                         session::LogStore::Open::create));
  for (;;) {
    CORRAL_CO_CHECK(co_await reload());
    auto ended = co_await act(next::next_action(run_, core_.deps.clock.now()));
    // Somebody else's command came in between (a person cancelled, say): what to do is decided
    // anew.
    if (!ended && ended.error().code == ErrorCode::conflict) {
      const auto version = run_.version;
      CORRAL_CO_CHECK(co_await reload());
      if (run_.version != version) continue;
    }
    CORRAL_CO_CHECK(ended);
    if (*ended) co_return Result<void>{};
  }
}

Task<Result<bool>> RunDriver::act(next::Action action) {
  if (std::holds_alternative<next::BeginRun>(action)) {
    CORRAL_CO_CHECK(co_await tell(domain::Begin{}));
  } else if (auto* skip = std::get_if<next::SkipStep>(&action)) {
    CORRAL_CO_CHECK(co_await tell(domain::SkipStep{skip->step, skip->reason}));
  } else if (auto* start = std::get_if<next::StartStep>(&action)) {
    CORRAL_CO_CHECK(co_await tell(domain::StartStep{start->step}));
    CORRAL_CO_CHECK(co_await run_step(start->step));
  } else if (auto* resume = std::get_if<next::ResumeStep>(&action)) {
    CORRAL_CO_CHECK(co_await run_step(resume->step));
  } else if (auto* wait = std::get_if<next::WaitUntil>(&action)) {
    const auto now = core_.deps.clock.now();
    (void)co_await until(wait_on(seat_.changed()),
                         core_.deps.clock.sleep(std::max(wait->time - now, Duration(1))));
  } else if (std::holds_alternative<next::CancelRun>(action)) {
    // Cancelled means that nothing of it lives any more.
    if (run_.workspace) co_await destroy_workspace(*run_.workspace);
    CORRAL_CO_CHECK(co_await finish(domain::FinishCancel{}, "cancelled"));
    co_return true;
  } else if (std::holds_alternative<next::CompleteRun>(action)) {
    CORRAL_CO_CHECK(co_await finish(domain::Complete{}, "completed"));
    co_return true;
  } else if (auto* failed = std::get_if<next::FailRun>(&action)) {
    const auto line = "failed: " + failed->error.message;
    CORRAL_CO_CHECK(co_await finish(domain::Fail{std::move(failed->error)}, line));
    co_return true;
  } else {
    // It ended before the job was claimed.
    ports::Transaction transaction;
    transaction.changes.emplace_back(ports::CompleteJob{job_.id, core_.options.worker});
    CORRAL_CO_CHECK(co_await core_.deps.store.commit(std::move(transaction)));
    co_return true;
  }
  co_return false;
}

// The run's end and its job's are one transaction. The workspace goes afterwards: should that be
// lost in a crash, the next start finds that no live run needs it.
Task<Result<void>> RunDriver::finish(domain::Command command, std::string line) {
  const auto workspace = run_.workspace;
  CORRAL_CO_CHECK(co_await log_->append(fmt::format("corral/end-{}", run_.attempt), 0,
                                        fmt::format("\n── run {}\n", line)));
  std::vector<ports::Change> acknowledge;
  acknowledge.emplace_back(ports::CompleteJob{job_.id, core_.options.worker});
  CORRAL_CO_TRY(run_,
                co_await core_.tell(id_, std::move(command), "worker", std::move(acknowledge)));
  if (workspace) co_await destroy_workspace(*workspace);
  log::info("run.ended", {{"run", id_.to_string()},
                          {"status", to_string(run_.status)},
                          {"cost_usd", run_.cost.usd()}});
  co_return Result<void>{};
}

Task<Result<void>> RunDriver::run_step(std::string name) {
  StepContext context{.core = core_,
                      .seat = seat_,
                      .run = run_,
                      .name = name,
                      .workspace = nullptr,
                      .log = log_,
                      .timeline = timeline_};
  const auto& step = context.step();
  const std::string again = step.attempt > 1 ? fmt::format(" (attempt {})", step.attempt) : "";
  CORRAL_CO_CHECK(co_await context.note(
      "step/" + context.process_id(),
      fmt::format("\n── {}{} · {}\n", name, again, clock_time(*step.started_at))));

  const auto* kind = find_step_kind(step.definition.kind);
  if (kind == nullptr)
    co_return co_await end_step(
        context, {.failure = domain::Failure{
                      ErrorCode::unsupported,
                      fmt::format("this Corral knows no step kind \"{}\"", step.definition.kind)}});
  if (kind->needs_workspace()) {
    CORRAL_CO_TRY(const bool ready, co_await ensure_workspace(context));
    if (!ready) co_return Result<void>{};
  }
  CORRAL_CO_TRY(auto end, co_await kind->execute(context));
  // A cancelled run's steps end with the run, once its workspace is gone.
  CORRAL_CO_CHECK(co_await context.reload());
  if (context.run.cancel_reason) co_return Result<void>{};
  if (context.workspace && context.workspace->gone() && end.failure) {
    co_return co_await lose_workspace(
        context, {ErrorCode::unavailable, "the workspace was lost: " + end.failure->message});
  }
  co_return co_await end_step(context, std::move(end));
}

Task<Result<void>> RunDriver::end_step(StepContext& context, StepEnd end) {
  const int attempt = context.step().attempt;
  if (!end.failure)
    co_return co_await context.tell(
        domain::CompleteStep{context.name, attempt, std::move(end.summary)});
  CORRAL_CO_CHECK(
      co_await context.note("failed/" + context.process_id(),
                            fmt::format("{} failed: {}\n", context.name, end.failure->message)));
  co_return co_await context.tell(
      domain::FailStep{context.name, attempt, *std::move(end.failure), core_.deps.random.unit()});
}

// False: there is none, and the step has failed for it.
Task<Result<bool>> RunDriver::ensure_workspace(StepContext& context) {
  if (workspace_ && (workspace_->gone() || context.run.workspace != workspace_->id()))
    workspace_.reset();
  if (!workspace_) {
    if (!context.run.workspace)
      CORRAL_CO_CHECK(co_await context.tell(
          domain::ChooseWorkspace{WorkspaceId::make(core_.deps.clock.now(), core_.deps.random)}));
    const auto id = *context.run.workspace;
    auto opened = co_await open_workspace(context, id);
    if (!opened) {
      // No room now, or one of that id that died before anybody saw it: another attempt gets
      // another.
      auto code = opened.error().code;
      if (code == ErrorCode::exhausted || code == ErrorCode::conflict)
        code = ErrorCode::unavailable;
      CORRAL_CO_CHECK(co_await lose_workspace(
          context, {code, "the workspace cannot be used: " + opened.error().describe()}));
      co_return false;
    }
    workspace_ = *std::move(opened);
    CORRAL_CO_CHECK(co_await context.tell(
        domain::WorkspaceIsReady{id, std::string(to_string(workspace_->isolation()))}));
  }
  context.workspace = workspace_;
  if (!context.run.needs_restoring() || restored_ == context.run.workspaces) co_return true;
  CORRAL_CO_TRY(const auto failure, co_await restore_workspace(context));
  if (failure) {
    CORRAL_CO_CHECK(co_await context.reload());
    if (!context.run.cancel_reason) CORRAL_CO_CHECK(co_await lose_workspace(context, *failure));
    co_return false;
  }
  restored_ = context.run.workspaces;
  co_return true;
}

Task<Result<std::shared_ptr<ports::Workspace>>> RunDriver::open_workspace(StepContext& context,
                                                                          WorkspaceId id) {
  core_.owners[id] = {id_, context.run.request.project, context.run.request.branch};
  auto attached = co_await core_.deps.launcher.attach(id);
  if (attached || attached.error().code != ErrorCode::not_found) co_return attached;
  if (context.run.workspace_ready) co_return fail(ErrorCode::unavailable, "its runner is gone");
  ports::WorkspaceSpec spec{.id = id, .limits = core_.options.limits};
  // The workspace's own limit is the last resort, for when no server is there to end it.
  spec.limits.time =
      std::max(spec.limits.time,
               std::chrono::duration_cast<std::chrono::seconds>(context.run.request.timeout) +
                   std::chrono::minutes(10));
  CORRAL_CO_TRY(spec.mounts, co_await mounts(context.run));
  co_return co_await core_.deps.launcher.create(std::move(spec));
}

Task<Result<std::vector<ports::ReadOnlyMount>>> RunDriver::mounts(const domain::Run& run) {
  std::vector<ports::ReadOnlyMount> all;
  std::vector<std::string> seen;
  for (const auto& step : run.steps) {
    if (step.definition.kind != "agent") continue;
    const std::string name =
        step.definition.agent.empty() ? run.request.agent : step.definition.agent;
    auto* agent = core_.find_agent(name);
    if (agent == nullptr || std::ranges::find(seen, name) != seen.end()) continue;
    seen.push_back(name);
    auto own = co_await agent->mounts();
    // Waiting would not install it.
    if (!own) co_return fail(ErrorCode::unsupported, "{}", own.error().describe());
    all.insert(all.end(), own->begin(), own->end());
  }
  co_return all;
}

Task<Result<void>> RunDriver::lose_workspace(StepContext& context, domain::Failure error) {
  const auto id = *context.run.workspace;
  log::warning("run.workspace_lost",
               {{"run", id_.to_string()}, {"workspace", id.to_string()}, {"why", error.message}});
  workspace_.reset();
  CORRAL_CO_CHECK(co_await context.note(
      "lost/" + context.process_id(), fmt::format("{} failed: {}\n", context.name, error.message)));
  CORRAL_CO_CHECK(
      co_await context.tell(domain::LoseWorkspace{id, std::move(error), core_.deps.random.unit()}));
  co_await destroy_workspace(id);
  co_return Result<void>{};
}

Task<void> RunDriver::destroy_workspace(WorkspaceId id) {
  workspace_.reset();
  const auto destroyed = co_await core_.deps.launcher.destroy(id);
  core_.owners.erase(id);
  if (!destroyed)
    log::warning("workspace.left",
                 {{"workspace", id.to_string()}, {"why", destroyed.error().describe()}});
}

}  // namespace corral::engine
