#include "engine/driver.h"

#include "engine/session_host.h"

#include <algorithm>

#include "base/log.h"
#include "domain/scope.h"
#include "engine/git_work.h"

namespace corral::engine {
namespace {

namespace next = domain::next;

constexpr std::size_t kMaxOutputs = 256u << 10;  // of a step, as JSON: events stay small
// A wait that is shorter is waited for here.
constexpr Duration kShortWait{2'000};

std::string clock_time(Time time) { return to_rfc3339(time).substr(11, 8); }

}  // namespace

RunDriver::RunDriver(Core& core, RunId run, ports::Job job, NextJobs& next)
    : core_(core),
      id_(run),
      job_(std::move(job)),
      next_(next),
      seat_(core.drivers, run, job_.lease_until),
      workspace_mutex_(core.deps.executor),
      steps_(core.deps.executor) {}

Task<Result<void>> RunDriver::reload() {
  CORRAL_CO_TRY(auto now, co_await core_.runs.load(id_));
  if (now.version >= run_.version) run_ = std::move(now);
  co_return Result<void>{};
}

Task<Result<void>> RunDriver::tell(domain::Command command) {
  CORRAL_CO_CHECK(seat_.check(core_.deps.clock.now()));
  CORRAL_CO_TRY(auto after,
                co_await core_.tell(id_, std::move(command), "worker", {}, nullptr, Then::advance));
  if (after.version >= run_.version) run_ = std::move(after);
  co_return Result<void>{};
}

// The steps' tasks end before the driver does, also when it is cut off: they are part of it.
Task<Result<void>> RunDriver::drive() {
  std::exception_ptr thrown;
  Result<void> outcome;
  try {
    outcome = co_await drive_on();
  } catch (...) {
    thrown = std::current_exception();
  }
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  co_await steps_.stop();
  if (thrown) std::rethrow_exception(thrown);
  co_return outcome;
}

Task<Result<void>> RunDriver::drive_on() {
  CORRAL_CO_TRY(log_, co_await core_.deps.logs.open(run_log_folder(id_) + "/log",
                                                    session::LogStore::Open::create));
  CORRAL_CO_TRY(timeline_, co_await core_.deps.logs.open(run_log_folder(id_) + "/timeline",
                                                         session::LogStore::Open::create));
  for (;;) {
    CORRAL_CO_CHECK(co_await reload());
    const auto version = run_.version;
    const auto seen = seat_.news();
    const auto plan = next::plan(run_, core_.deps.clock.now());
    auto done = co_await turn(plan.actions);
    if (trouble_) co_return std::unexpected(*trouble_);
    // Somebody else's command came in between (a person cancelled, say): what to do is decided
    // anew.
    if (!done && done.error().code == ErrorCode::conflict) {
      CORRAL_CO_CHECK(co_await reload());
      if (run_.version != version) continue;
    }
    CORRAL_CO_CHECK(done);
    if (*done == Turn::over) co_return Result<void>{};
    if (*done == Turn::again) continue;
    const bool soon = plan.wake && *plan.wake - core_.deps.clock.now() < kShortWait;
    if (active_.empty() && !soon) {
      CORRAL_CO_TRY(const bool parked, co_await park(plan.wake));
      if (parked) co_return Result<void>{};
      continue;
    }
    co_await wait(seen, plan.wake);
    if (trouble_) co_return std::unexpected(*trouble_);
  }
}

// A step's end and another's command notify the seat; changes that other processes make are noticed
// after a heartbeat.
Task<void> RunDriver::wait(std::uint64_t seen, std::optional<Time> wake) {
  if (seat_.news() != seen) co_return;
  auto longest = core_.options.heartbeat;
  if (wake) longest = std::clamp(*wake - core_.deps.clock.now(), Duration(1), longest);
  co_await wait_or(seat_.changed(), core_.deps.clock.sleep(longest));
}

Task<Result<RunDriver::Turn>> RunDriver::turn(const std::vector<next::Action>& actions) {
  if (domain::has_ended(run_.status)) {
    // It ended before the job was claimed.
    CORRAL_CO_CHECK(co_await end_sessions());
    CORRAL_CO_CHECK(co_await core_.commit(ports::CompleteJob{job_.id, core_.options.worker}));
    co_return Turn::over;
  }
  const auto now = core_.deps.clock.now();
  for (const auto& action : actions) {
    if (const auto* on = std::get_if<next::WorkOn>(&action)) {
      CORRAL_CO_TRY(const bool due, co_await is_due(on->step, now));
      if (due) launch(on->step);
      continue;
    }
    CORRAL_CO_TRY(const auto turn, co_await act(action));
    if (turn != Turn::wait) co_return turn;
  }
  co_return Turn::wait;
}

// Whether a step that is under way is to be taken up, should nobody be working on it.
Task<Result<bool>> RunDriver::is_due(const std::string& name, Time now) {
  const auto waits = waits_.find(name);
  if (waits == waits_.end() || waits->second != run_.version) co_return true;
  const auto* step = run_.find(name);
  if (step->wakes_at && *step->wakes_at <= now) co_return true;
  auto context = context_of(name);
  co_return co_await core_.kinds.find(step->definition.kind)->is_due(context);
}

// `again`: the run is another now, and with it what to do.
Task<Result<RunDriver::Turn>> RunDriver::act(const next::Action& action) {
  if (std::holds_alternative<next::BeginRun>(action)) {
    CORRAL_CO_CHECK(co_await tell(domain::Begin{}));
  } else if (const auto* skip = std::get_if<next::SkipStep>(&action)) {
    CORRAL_CO_CHECK(co_await tell(domain::SkipStep{skip->step, skip->reason}));
  } else if (const auto* start = std::get_if<next::StartStep>(&action)) {
    CORRAL_CO_CHECK(co_await tell(domain::StartStep{start->step}));
  } else if (const auto* wide = std::get_if<next::ExpandStep>(&action)) {
    CORRAL_CO_CHECK(co_await expand(wide->step));
  } else if (const auto* joined = std::get_if<next::JoinStep>(&action)) {
    CORRAL_CO_CHECK(co_await join(*joined));
  } else {
    // Steps that are told to stop end by themselves, with a last word in the log.
    if (!active_.empty()) co_return Turn::wait;
    // Ended means that nothing of it lives any more.
    CORRAL_CO_CHECK(co_await abandon_steps());
    if (std::holds_alternative<next::CancelRun>(action)) {
      if (run_.workspace) co_await destroy_workspace(*run_.workspace);
      CORRAL_CO_CHECK(co_await finish(domain::FinishCancel{}, "cancelled"));
    } else if (const auto* failed = std::get_if<next::FailRun>(&action)) {
      CORRAL_CO_CHECK(
          co_await finish(domain::Fail{failed->error}, "failed: " + failed->error.message));
    } else {
      CORRAL_CO_CHECK(co_await finish(domain::Complete{}, "completed"));
    }
    co_return Turn::over;
  }
  co_return Turn::again;
}

// A matrix that cannot be evaluated is the step's failure.
Task<Result<void>> RunDriver::expand(const std::string& name) {
  const auto expanded = co_await tell(domain::ExpandStep{name});
  if (expanded || expanded.error().code != ErrorCode::invalid) co_return expanded;
  CORRAL_CO_CHECK(co_await tell(domain::StartStep{name}));
  co_return co_await tell(
      domain::FailStep{name, run_.find(name)->attempt, domain::failure_of(expanded.error()), 0});
}

Task<Result<void>> RunDriver::join(const next::JoinStep& join) {
  const auto& step = *run_.find(join.step);
  if (run_.must_stop(step)) co_return co_await tell(domain::CancelStep{join.step});
  if (join.failure)
    co_return co_await tell(domain::FailStep{join.step, step.attempt, *join.failure, 0});
  co_return co_await tell(domain::CompleteStep{join.step, step.attempt, {}, {}});
}

// The run's end, its job's and the news for the run that waits for it are one transaction. The
// workspace goes afterwards: should that be lost in a crash, the next start finds that no live run
// needs it. Without one nothing is left to do, and the same transaction claims the next job.
Task<Result<void>> RunDriver::finish(domain::Command command, std::string line) {
  const auto workspace = run_.workspace;
  // While the job is there: after it nobody would come back to them.
  CORRAL_CO_CHECK(co_await end_sessions());
  CORRAL_CO_CHECK(co_await write_note(*log_, fmt::format("end-{}", run_.attempt),
                                      fmt::format("\n── run {}\n", line)));
  std::vector<ports::Change> extra;
  extra.emplace_back(ports::CompleteJob{job_.id, core_.options.worker});
  if (run_.request.parent) extra.emplace_back(ports::WakeJob{run_job_key(*run_.request.parent)});
  Claiming claiming;
  if (!workspace) claiming.query = next_.query();
  CORRAL_CO_TRY(run_, co_await core_.tell(id_, std::move(command), "worker", std::move(extra),
                                          workspace ? nullptr : &claiming));
  if (!claiming.jobs.empty()) next_.take_on(std::move(claiming.jobs));
  if (run_.request.parent) core_.drivers.notify(*run_.request.parent);
  // The last thing that is done for the run, and done whole also when the server is stopping.
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  if (workspace) co_await destroy_workspace(*workspace);
  log::info("run.ended", {{"run", id_.to_string()},
                          {"status", to_string(run_.status)},
                          {"cost_usd", run_.cost.usd()}});
  co_return Result<void>{};
}

// Gives the job back until something is due, so that a run that waits for days takes nobody's
// place.
Task<Result<bool>> RunDriver::park(std::optional<Time> wake) {
  const Time latest = core_.deps.clock.now() + core_.options.longest_park;
  ports::Transaction transaction;
  // Whoever changes the run from here on wakes the job.
  transaction.changes.emplace_back(
      ports::Append{.stream = run_stream(id_), .expected_version = run_.version, .events = {}});
  transaction.changes.emplace_back(ports::ReleaseJob{.id = job_.id,
                                                     .owner = core_.options.worker,
                                                     .due = wake ? std::min(*wake, latest) : latest,
                                                     .error = {},
                                                     .keep_attempt = true});
  const auto version = run_.version;
  const auto released = co_await core_.deps.store.commit(std::move(transaction));
  if (released) {
    CORRAL_CO_CHECK(co_await wake_if_due());
    co_return true;
  }
  if (released.error().code != ErrorCode::conflict) co_return std::unexpected(released.error());
  CORRAL_CO_CHECK(co_await reload());
  if (run_.version != version) co_return false;
  co_return std::unexpected(released.error());
}

// What a step waits for in another run may have come while the job was being put aside.
Task<Result<void>> RunDriver::wake_if_due() {
  for (const auto& [name, version] : waits_) {
    const auto* step = run_.find(name);
    if (step == nullptr || step->status != domain::StepStatus::waiting) continue;
    CORRAL_CO_TRY(const bool due, co_await is_due(name, core_.deps.clock.now()));
    if (!due) continue;
    co_return co_await core_.commit(ports::WakeJob{job_.key});
  }
  co_return Result<void>{};
}

// ---- steps ----

StepContext RunDriver::context_of(const std::string& name) {
  return {.core = core_,
          .seat = seat_,
          .run = run_,
          .name = name,
          .with = {},
          .workspace = nullptr,
          .log = log_,
          .timeline = timeline_};
}

void RunDriver::launch(const std::string& name) {
  if (!active_.insert(name).second) return;
  waits_.erase(name);
  steps_.start("step", work(name));
}

Task<void> RunDriver::work(std::string name) {
  auto context = context_of(name);
  const auto done = co_await run_step(context);
  active_.erase(name);
  // A command that came in between has changed what the step was about: looked at anew.
  if (!done && done.error().code == ErrorCode::conflict && (co_await reload()) &&
      run_.version > context.run.version)
    co_return core_.drivers.notify(id_);
  if (!done && !trouble_) trouble_ = done.error();
  core_.drivers.notify(id_);
}

Task<Result<void>> RunDriver::run_step(StepContext& context) {
  const auto step = context.step();
  const std::string again = step.round > 0     ? " goes on"
                            : step.attempt > 1 ? fmt::format(" (attempt {})", step.attempt)
                                               : "";
  const Time begun = step.round > 0 && step.wakes_at ? *step.wakes_at : *step.started_at;
  CORRAL_CO_CHECK(co_await context.note(
      "step/" + context.process_id(),
      fmt::format("\n── {}{} · {}\n", context.name, again, clock_time(begun))));
  const auto* kind = core_.kinds.find(step.definition.kind);
  if (kind == nullptr)
    co_return co_await conclude(
        context, {.failure = domain::Failure{
                      ErrorCode::unsupported,
                      fmt::format("this Corral knows no step kind \"{}\"", step.definition.kind)}});
  CORRAL_CO_TRY(auto unfit, co_await prepare(context));
  if (unfit) co_return co_await conclude(context, {.failure = std::move(unfit)});
  if (kind->needs_workspace()) {
    CORRAL_CO_TRY(const bool ready, co_await ensure_workspace(context));
    if (!ready) co_return Result<void>{};
  }
  CORRAL_CO_TRY(auto end, co_await kind->execute(context));
  const auto seen = context.run.version;
  CORRAL_CO_CHECK(co_await context.reload());
  // What it would wait for may have come meanwhile: it is looked at anew.
  if (end.waits && !end.waits->anew && context.run.version != seen) co_return Result<void>{};
  if (context.must_stop()) {
    CORRAL_CO_CHECK(co_await kind->abandon(context));
    // Without anything to clean up, the steps of a cancelled run end with it, once its workspace is
    // gone.
    if (!context.run.has_cleaning_to_do()) co_return Result<void>{};
    co_return co_await context.tell(domain::CancelStep{context.name});
  }
  if (context.workspace && context.workspace->gone() && end.failure)
    co_return co_await lose_workspace(
        context, {ErrorCode::unavailable, "the workspace was lost: " + end.failure->message});
  co_return co_await conclude(context, std::move(end));
}

// Evaluates what the step was given. What cannot be evaluated is its failure.
Task<Result<std::optional<domain::Failure>>> RunDriver::prepare(StepContext& context) {
  const auto& step = context.step();
  std::string prompt;
  if (!context.run.request.prompt_blob.empty()) {
    auto whole = co_await core_.deps.blobs.get(context.run.request.prompt_blob);
    // Kept by another server, which is gone.
    if (!whole && whole.error().code == ErrorCode::not_found)
      co_return domain::failure_of(whole.error());
    CORRAL_CO_TRY(prompt, std::move(whole));
  }
  if (step.of.empty()) {
    const auto holds = domain::condition_holds(context.run, step);
    if (!holds) co_return domain::failure_of(holds.error());
  }
  auto with =
      domain::evaluate_all(step.definition.with, domain::scope_of(context.run, &step, prompt));
  if (!with) co_return domain::failure_of(with.error());
  context.with = *std::move(with);
  co_return std::nullopt;
}

Task<Result<void>> RunDriver::conclude(StepContext& context, StepEnd end) {
  const int attempt = context.step().attempt;
  if (end.waits) {
    domain::WaitStep wait{context.name, attempt, end.waits->reason, end.waits->until,
                          context.step().round};
    if (end.waits->anew) {
      ++wait.round;
      wait.given = std::move(end.waits->given);
    } else {
      wait.seen = context.run.version;
    }
    CORRAL_CO_CHECK(co_await context.tell(std::move(wait)));
    waits_[context.name] = context.run.version;
    co_return Result<void>{};
  }
  if (context.step().status == domain::StepStatus::waiting)
    CORRAL_CO_CHECK(co_await context.tell(domain::ResumeStep{context.name}));
  if (!end.failure && json::serialize(end.outputs).size() > kMaxOutputs)
    end.failure = domain::Failure{
        ErrorCode::exhausted,
        fmt::format("its outputs have more than {} bytes: keep large results in files",
                    kMaxOutputs)};
  if (!end.failure)
    co_return co_await context.tell(
        domain::CompleteStep{context.name, attempt, std::move(end.summary), std::move(end.outputs)},
        Then::advance);
  CORRAL_CO_CHECK(
      co_await context.note("failed/" + context.process_id(),
                            fmt::format("{} failed: {}\n", context.name, end.failure->message)));
  co_return co_await context.tell(domain::FailStep{context.name, attempt, *std::move(end.failure),
                                                   core_.deps.random.unit(), end.pause},
                                  Then::advance);
}

Task<Result<void>> RunDriver::abandon_steps() {
  for (const auto& step : run_.steps) {
    const auto* kind = core_.kinds.find(step.definition.kind);
    if (!domain::is_under_way(step.status) || step.expanded || kind == nullptr) continue;
    auto context = context_of(step.definition.name);
    CORRAL_CO_CHECK(co_await kind->abandon(context));
  }
  co_return Result<void>{};
}

// ---- the workspace ----

// False: there is none, and the step has failed for it.
Task<Result<bool>> RunDriver::ensure_workspace(StepContext& context) {
  const auto guard = co_await workspace_mutex_.lock();
  CORRAL_CO_CHECK(co_await context.reload());
  // Lost, and with it this attempt, while it waited for its turn.
  if (!domain::is_under_way(context.step().status)) co_return false;
  if (workspace_ && (workspace_->gone() || context.run.workspace != workspace_->id()))
    workspace_.reset();
  if (!workspace_) {
    if (!context.run.workspace)
      CORRAL_CO_CHECK(co_await context.tell(domain::ChooseWorkspace{
          WorkspaceId::make(core_.deps.clock.now(), core_.deps.random), core_.options.server}));
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
    if (!context.must_stop()) CORRAL_CO_CHECK(co_await lose_workspace(context, *failure));
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
    if (step.definition.kind != "agent" && step.definition.kind != "session") continue;
    const auto own = step.definition.text("agent");
    const std::string name = own.empty() ? run.request.agent : own;
    auto* agent = core_.find_agent(name);
    if (agent == nullptr || std::ranges::find(seen, name) != seen.end()) continue;
    seen.push_back(name);
    auto mounted = co_await agent->mounts();
    // Waiting would not install it.
    if (!mounted) co_return fail(ErrorCode::unsupported, "{}", mounted.error().describe());
    all.insert(all.end(), mounted->begin(), mounted->end());
  }
  // The others for those who open their terminals beside it.
  for (const auto& agent : core_.deps.agents) {
    if (std::ranges::find(seen, agent->name()) != seen.end()) continue;
    if (const auto mounted = co_await agent->mounts())
      all.insert(all.end(), mounted->begin(), mounted->end());
  }
  co_return all;
}

// Every step that was at work in it fails with it. Whichever notices first says so for all.
Task<Result<void>> RunDriver::lose_workspace(StepContext& context, domain::Failure error) {
  const auto id =
      context.workspace ? context.workspace->id() : context.run.workspace.value_or(WorkspaceId{});
  CORRAL_CO_CHECK(co_await context.reload());
  if (context.run.workspace != id) co_return Result<void>{};
  log::warning("run.workspace_lost",
               {{"run", id_.to_string()}, {"workspace", id.to_string()}, {"why", error.message}});
  workspace_.reset();
  std::vector<std::string> steps;
  for (const auto& step : context.run.steps) {
    const auto* kind = core_.kinds.find(step.definition.kind);
    if (domain::is_under_way(step.status) && !step.expanded && kind != nullptr &&
        kind->needs_workspace())
      steps.push_back(step.definition.name);
  }
  CORRAL_CO_CHECK(co_await context.note(
      "lost/" + context.process_id(), fmt::format("{} failed: {}\n", context.name, error.message)));
  CORRAL_CO_CHECK(co_await end_lost_sessions(context.run));
  CORRAL_CO_CHECK(co_await context.tell(
      domain::LoseWorkspace{id, std::move(error), core_.deps.random.unit(), std::move(steps)}));
  co_await destroy_workspace(id);
  co_return Result<void>{};
}

// Those that were made with the run and never began, and those whose server is away.
Task<Result<void>> RunDriver::end_sessions() {
  const bool any = std::ranges::any_of(
      run_.steps, [](const auto& step) { return step.definition.kind == "session"; });
  if (any)
    CORRAL_CO_CHECK(co_await core_.sessions->end_all(id_, domain::SessionStatus::created,
                                                     "its run ended before it began"));
  co_return co_await end_lost_sessions(run_);
}

// Those of a workspace on a server that is away for good, or was when this one took the run over.
Task<Result<void>> RunDriver::end_lost_sessions(const domain::Run& run) {
  if (core_.options.store_use == StoreUse::alone || run.home.empty() ||
      run.home == core_.options.server)
    co_return Result<void>{};
  co_return co_await core_.sessions->end_all(run.id, domain::SessionStatus::running,
                                             "its workspace is gone");
}

Task<void> RunDriver::destroy_workspace(WorkspaceId id) {
  workspace_.reset();
  co_await core_.destroy_workspace(id);
}

}  // namespace corral::engine
