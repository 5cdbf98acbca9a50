#include <algorithm>

#include "domain/fork.h"
#include "domain/run.h"
#include "domain/scope.h"

namespace corral::domain {
namespace {

constexpr std::size_t kMaxSteerings = 1000;  // of a run

using Events = Result<std::vector<Event>>;

// What follows from each command; one overload a type. A check comes before the first event.
class Decider {
 public:
  Decider(const Run& run, Time now) : run_(run), now_(now) {}

  Events operator()(const Create& command) {
    if (run_.exists())
      return corral::fail(ErrorCode::conflict, "run {} exists already and is {}",
                          run_.id.to_string(), to_string(run_.status));
    add(RunCreated{command.run, command.request, command.kept, command.base_branch,
                   command.base_commit, command.snapshot, command.home});
    return done();
  }
  Events operator()(const Begin&) {
    CORRAL_CHECK(check_transition(run_.status, RunStatus::running));
    add(RunStarted{run_.attempt});
    return done();
  }
  Events operator()(const RequestCancel& command) {
    if (run_.status == RunStatus::running && run_.cancel_reason) return done();
    CORRAL_CHECK(check_transition(run_.status, RunStatus::cancelled));
    add(CancelRequested{command.reason});
    // Nothing of a pending or failed run is alive, so that there is nothing to wait for.
    if (run_.status != RunStatus::running) cancel(command.reason);
    return done();
  }
  Events operator()(const FinishCancel&) {
    CORRAL_CHECK(check_transition(run_.status, RunStatus::cancelled));
    cancel(run_.cancel_reason.value_or(""));
    return done();
  }
  Events operator()(const Retry& command) {
    CORRAL_CHECK(check_transition(run_.status, RunStatus::pending));
    CORRAL_CHECK(check_budget(run_.request.budget, run_.cost));
    if (!command.from.empty()) {
      CORRAL_TRY(const Step* from, find(command.from));
      if (!from->of.empty())
        return corral::fail(ErrorCode::invalid, "\"{}\" is one of a matrix: retry from \"{}\"",
                            command.from, from->of);
    }
    RunRetried event{run_.attempt + 1, {}};
    for (const auto& step : run_.steps)
      if (is_done_again(step, command.from)) event.steps.push_back(step.definition.name);
    add(std::move(event));
    return done();
  }
  Events operator()(const Pause& command) {
    if (has_ended(run_.status)) return cannot("paused");
    if (!run_.paused) add(RunPaused{command.reason});
    return done();
  }
  Events operator()(const Resume&) {
    if (has_ended(run_.status)) return cannot("resumed");
    if (run_.paused) add(RunResumed{});
    return done();
  }
  Events operator()(const ResolveSource& command) {
    CORRAL_CHECK(must_run());
    if (run_.base_commit.empty()) add(SourceResolved{command.base_branch, command.base_commit});
    return done();
  }
  Events operator()(const CommitChanges& command) {
    CORRAL_CHECK(must_run());
    add(ChangesCommitted{command.commit, command.diff_stat});
    return done();
  }

  Events operator()(const StartStep& command) {
    CORRAL_CHECK(must_run());
    CORRAL_TRY(const Step* step, find(command.step));
    CORRAL_CHECK(must_be_to_come(*step));
    if (run_.paused && !step->definition.at_end)
      return corral::fail(ErrorCode::conflict, "step \"{}\" cannot begin: the run is paused",
                          command.step);
    if (run_.must_stop(*step))
      return corral::fail(ErrorCode::conflict,
                          "step \"{}\" cannot begin: the run is being cancelled", command.step);
    add(StepStarted{command.step, step->attempt + 1});
    return done();
  }
  Events operator()(const ExpandStep& command) {
    CORRAL_CHECK(must_run());
    CORRAL_TRY(const Step* step, find(command.step));
    if (step->expanded) return done();
    CORRAL_CHECK(must_be_to_come(*step));
    CORRAL_TRY(auto combinations, matrix_of(run_, *step));
    if (combinations.empty()) {
      add(StepSkipped{command.step, "its matrix is empty"});
      return done();
    }
    StepExpanded event{command.step, {}};
    for (auto& combination : combinations)
      event.instances.push_back(
          {fmt::format("{}.{}", command.step, event.instances.size() + 1), std::move(combination)});
    add(std::move(event));
    return done();
  }
  Events operator()(const WaitStep& command) {
    CORRAL_TRY(const Step* step, find(command.step));
    if (command.seen && *command.seen != run_.version)
      return corral::fail(ErrorCode::conflict, "run {} has {} events by now, not {}",
                          run_.id.to_string(), run_.version, *command.seen);
    const bool waits = step->status == StepStatus::waiting;
    CORRAL_CHECK(attempt_under_way(command.step, command.attempt,
                                   waits ? StepStatus::running : StepStatus::waiting));
    if (waits && step->reason == command.reason && step->wakes_at == command.until &&
        step->round == command.round)
      return done();
    if (waits) add(StepResumed{command.step});
    StepWaiting event{command.step, command.reason, command.until, command.round};
    if (command.round > step->round)
      for (const auto& steering : run_.steerings)
        if (steering.what == SteeringKind::prompt && steering.step == command.step &&
            steering.process == step->process_id() &&
            std::ranges::find(command.given, steering.number) == command.given.end())
          event.untold.push_back(steering.number);
    add(std::move(event));
    return done();
  }
  Events operator()(const ResumeStep& command) {
    CORRAL_TRY(const Step* step, find(command.step));
    if (step->status == StepStatus::waiting) add(StepResumed{command.step});
    return done();
  }
  Events operator()(const CompleteStep& command) {
    CORRAL_TRY(const Step* step,
               attempt_under_way(command.step, command.attempt, StepStatus::completed));
    // An agent that spent more than it may has failed, whatever it says: otherwise the outcome
    // would hang on whether the last call's bill or the agent's last word came first.
    if (run_.budget_exceeded && step->definition.kind == "agent") {
      fail_step(*step, over_budget(), 0);
      return done();
    }
    add(StepCompleted{command.step, command.attempt, command.summary, command.outputs});
    return done();
  }
  Events operator()(const FailStep& command) {
    CORRAL_TRY(const Step* step,
               attempt_under_way(command.step, command.attempt, StepStatus::failed));
    fail_step(*step, command.error, command.jitter, command.pause);
    return done();
  }
  Events operator()(const SkipStep& command) {
    CORRAL_CHECK(must_run());
    CORRAL_TRY(const Step* step, find(command.step));
    CORRAL_CHECK(check_transition(command.step, step->status, StepStatus::skipped));
    add(StepSkipped{command.step, command.reason});
    return done();
  }
  Events operator()(const CancelStep& command) {
    CORRAL_TRY(const Step* step, find(command.step));
    if (!run_.cancel_reason)
      return corral::fail(ErrorCode::conflict, "step \"{}\" cannot be cancelled: the run is not",
                          command.step);
    if (step->status == StepStatus::cancelled) return done();
    CORRAL_CHECK(check_transition(command.step, step->status, StepStatus::cancelled));
    add(StepCancelled{command.step});
    return done();
  }
  Events operator()(const Complete&) {
    CORRAL_CHECK(check_transition(run_.status, RunStatus::completed));
    for (const auto& step : run_.steps)
      if (!has_ended(step.status) || (step.of.empty() && went_wrong(step)))
        return corral::fail(ErrorCode::conflict,
                            "a run that is {} cannot become completed while its step \"{}\" is {}",
                            to_string(run_.status), step.definition.name, to_string(step.status));
    add(RunCompleted{});
    return done();
  }
  Events operator()(const Fail& command) {
    CORRAL_CHECK(check_transition(run_.status, RunStatus::failed));
    for (const auto& step : run_.steps)
      if (is_under_way(step.status))
        add(StepFailed{step.definition.name, step.attempt, command.error});
    add(RunFailed{command.error});
    return done();
  }

  Events operator()(const RequestApproval& command) {
    if (run_.find_approval(command.approval) != nullptr) return done();
    CORRAL_CHECK(must_run());
    CORRAL_TRY(const Step* step, find(command.step));
    if (!is_under_way(step->status)) return not_under_way(*step);
    add(ApprovalRequested{command.approval, command.step, command.permission, command.tool,
                          command.text, command.input, command.choices, command.approvers,
                          command.until});
    if (step->status == StepStatus::running)
      add(StepWaiting{command.step, "approval", command.until, step->round});
    return done();
  }
  Events operator()(const DecideApproval& command) {
    const auto* approval = run_.find_approval(command.approval);
    if (approval == nullptr)
      return corral::fail(ErrorCode::not_found, "there is no approval {}", command.approval);
    if (!approval->approvers.empty() && !command.by.empty() &&
        std::ranges::find(approval->approvers, command.by) == approval->approvers.end())
      return corral::fail(ErrorCode::forbidden, "approval {} may be decided by {} only, not by {}",
                          command.approval, fmt::join(approval->approvers, ", "), command.by);
    if (approval->decision) {
      if (approval->decision->allow == command.allow &&
          approval->decision->choice == command.choice)
        return done();
      return corral::fail(ErrorCode::conflict, "approval {} is already {} and cannot become {}",
                          command.approval, approval->decision->allow ? "allowed" : "denied",
                          command.allow ? "allowed" : "denied");
    }
    if (approval->closed)
      return corral::fail(ErrorCode::conflict, "approval {} is closed: its step \"{}\" has ended",
                          command.approval, approval->step);
    const bool known =
        std::ranges::find(approval->choices, command.choice) != approval->choices.end();
    if (command.choice.empty() ? command.allow && !approval->choices.empty() : !known)
      return corral::fail(ErrorCode::invalid, "choice: \"{}\" is none of {}", command.choice,
                          approval->choices.empty()
                              ? "no choices: only yes or no is asked"
                              : fmt::format("{}", fmt::join(approval->choices, ", ")));
    add(ApprovalDecided{command.approval, command.allow, command.message, command.choice});
    resume_after(*approval);
    return done();
  }
  Events operator()(const WithdrawApproval& command) {
    const auto* approval = run_.find_approval(command.approval);
    if (approval == nullptr || !approval->open()) return done();
    add(ApprovalWithdrawn{command.approval});
    resume_after(*approval);
    return done();
  }
  Events operator()(const ApplyApproval& command) {
    const auto* approval = run_.find_approval(command.approval);
    if (approval == nullptr)
      return corral::fail(ErrorCode::not_found, "there is no approval {}", command.approval);
    if (!approval->applied_at) add(ApprovalApplied{command.approval, command.output_offset});
    return done();
  }

  Events operator()(const Steer& command) {
    CORRAL_CHECK(must_run());
    CORRAL_TRY(const Step* step, find(command.step));
    if (step->definition.kind != "agent" || step->definition.with.contains("attempts"))
      return corral::fail(ErrorCode::conflict, "step \"{}\" has no agent of its own to be told",
                          command.step);
    if (!is_under_way(step->status)) return not_under_way(*step);
    if (run_.steerings.size() >= kMaxSteerings)
      return corral::fail(ErrorCode::exhausted,
                          "the run's agents were told {} things, the most "
                          "there may be",
                          kMaxSteerings);
    add(StepSteered{command.step, step->attempt, static_cast<int>(run_.steerings.size()) + 1,
                    command.what, command.text});
    return done();
  }
  Events operator()(const ApplySteering& command) {
    const auto place = static_cast<std::size_t>(command.number) - 1;
    if (command.number < 1 || place >= run_.steerings.size())
      return corral::fail(ErrorCode::not_found, "there is no steering {}", command.number);
    const auto& steering = run_.steerings[place];
    if (!steering.applied_at)
      add(SteeringApplied{steering.step, command.number, command.process, command.output_offset});
    return done();
  }

  Events operator()(const RecordModelCall& command) {
    // A call that was under way when the run ended still cost money.
    if (!run_.exists()) return corral::fail(ErrorCode::not_found, "there is no such run");
    const Money cost = cost_of(command.model, command.usage);
    add(ModelCalled{command.model, command.usage, cost, price_of(command.model).known,
                    command.duration_ms, command.status, command.retry_at});
    Money total = run_.cost;
    total += cost;
    if (!run_.budget_exceeded && run_.request.budget && !check_budget(run_.request.budget, total))
      add(BudgetExceeded{*run_.request.budget, total});
    return done();
  }
  Events operator()(const StopForBudget&) {
    if (!run_.budget_exceeded && run_.request.budget && run_.status == RunStatus::running)
      add(BudgetExceeded{*run_.request.budget, run_.cost});
    return done();
  }

  Events operator()(const ChooseWorkspace& command) {
    CORRAL_CHECK(must_run());
    if (run_.workspace)
      return corral::fail(ErrorCode::conflict, "the run has the workspace {} already",
                          run_.workspace->to_string());
    add(WorkspaceCreated{command.workspace, run_.workspaces + 1, command.home});
    return done();
  }
  Events operator()(const WorkspaceIsReady& command) {
    CORRAL_CHECK(must_be_present(command.workspace));
    if (!run_.workspace_ready) add(WorkspaceReady{command.workspace, command.isolation});
    return done();
  }
  Events operator()(const LoseWorkspace& command) {
    CORRAL_CHECK(must_be_present(command.workspace));
    add(WorkspaceLost{command.workspace, command.error.message});
    for (const auto& name : command.steps) {
      CORRAL_TRY(const Step* step, find(name));
      if (is_under_way(step->status)) fail_step(*step, command.error, command.jitter);
    }
    return done();
  }
  Events operator()(const TakeSnapshot& command) {
    CORRAL_CHECK(must_run());
    if (run_.snapshot != command.commit) add(SnapshotTaken{command.step, command.commit});
    return done();
  }
  Events operator()(const AddArtifact& command) {
    if (!run_.exists()) return corral::fail(ErrorCode::not_found, "there is no such run");
    const bool same = std::ranges::any_of(run_.artifacts, [&](const Artifact& artifact) {
      return artifact.name == command.name && artifact.hash == command.hash;
    });
    if (!same)
      add(ArtifactAdded{command.name, command.media_type, command.hash, command.size_bytes});
    return done();
  }

 private:
  void add(EventBody body) { events_.push_back({now_, std::move(body)}); }
  Events done() { return std::move(events_); }

  // What went well is kept, but for what comes after the step that is chosen. Steps that run
  // however the others end tell of the whole, and so run again.
  bool is_done_again(const Step& step, const std::string& from) const {
    if (!from.empty() && !step.of.empty() && comes_after(run_, step.of, from))
      return false;  // with its matrix
    if (!from.empty() && step.of.empty() && comes_after(run_, step.definition.name, from))
      return true;
    // A matrix's step with one of them.
    if (step.expanded && std::ranges::any_of(run_.steps, [&](const Step& one) {
          return one.of == step.definition.name && is_done_again(one, from);
        }))
      return true;
    if (step.status == StepStatus::pending) return false;
    return step.status != StepStatus::completed || step.definition.at_end ||
           (step.of.empty() && asks_for_status(step.definition));
  }
  std::unexpected<Error> cannot(std::string_view what) const {
    return corral::fail(ErrorCode::conflict, "a run that is {} cannot be {}",
                        to_string(run_.status), what);
  }

  Result<void> must_run() const {
    if (run_.status == RunStatus::running) return {};
    return corral::fail(ErrorCode::conflict, "the run is {}, not running", to_string(run_.status));
  }
  // A waiting step becomes running by going on, not by beginning.
  static Result<void> must_be_to_come(const Step& step) {
    const auto& name = step.definition.name;
    if (step.status == StepStatus::waiting)
      return corral::fail(ErrorCode::conflict, "step \"{}\" is {} and cannot begin", name,
                          to_string(step.status));
    return check_transition(name, step.status, StepStatus::running);
  }
  Result<void> must_be_present(WorkspaceId workspace) const {
    if (run_.workspace == workspace) return {};
    return corral::fail(ErrorCode::conflict, "{} is not the run's workspace now",
                        workspace.to_string());
  }
  Result<const Step*> find(std::string_view name) const {
    if (const auto* step = run_.find(name)) return step;
    return corral::fail(ErrorCode::not_found, "the run has no step \"{}\"", name);
  }
  static std::unexpected<Error> not_under_way(const Step& step) {
    return corral::fail(ErrorCode::conflict, "step \"{}\" is {}, not running", step.definition.name,
                        to_string(step.status));
  }
  Result<const Step*> attempt_under_way(std::string_view name, int attempt, StepStatus next) const {
    CORRAL_TRY(const Step* step, find(name));
    CORRAL_CHECK(check_transition(name, step->status, next));
    if (step->attempt != attempt)
      return corral::fail(ErrorCode::conflict, "step \"{}\" is at attempt {}, not {}", name,
                          step->attempt, attempt);
    return step;
  }

  // The step goes on once nobody is asked any more.
  void resume_after(const Approval& approval) {
    const bool last = std::ranges::none_of(run_.approvals, [&](const Approval& other) {
      return other.open() && other.step == approval.step && other.id != approval.id;
    });
    const auto* step = run_.find(approval.step);
    if (last && step != nullptr && step->status == StepStatus::waiting)
      add(StepResumed{approval.step});
  }
  Failure over_budget() const {
    const auto checked = check_budget(run_.request.budget, run_.cost);
    return {ErrorCode::exhausted, checked ? "the run's budget is spent" : checked.error().message};
  }
  void fail_step(const Step& step, Failure error, double jitter, Duration pause = {}) {
    const auto& policy = step.definition.retry;
    const bool wanted =
        policy.on.empty() ? step_may_be_retried(error.code)
                          : std::ranges::find(policy.on, to_string(error.code)) != policy.on.end();
    const bool again = wanted && !step.expanded && step.tries < policy.attempts &&
                       !run_.must_stop(step) && !run_.budget_exceeded;
    add(StepFailed{step.definition.name, step.attempt, std::move(error)});
    if (again)
      add(StepRetried{step.definition.name,
                      now_ + std::max(pause, retry_delay(policy, step.tries + 1, jitter))});
  }
  void cancel(std::string reason) {
    for (const auto& step : run_.steps)
      if (step.status == StepStatus::pending || is_under_way(step.status))
        add(StepCancelled{step.definition.name});
    add(RunCancelled{std::move(reason)});
  }

  const Run& run_;
  Time now_;
  std::vector<Event> events_;
};

}  // namespace

Result<std::vector<Event>> decide(const Run& run, const Command& command, Time now) {
  if (!run.exists() && !std::holds_alternative<Create>(command))
    return corral::fail(ErrorCode::not_found, "there is no such run");
  return std::visit(Decider(run, now), command);
}

}  // namespace corral::domain
