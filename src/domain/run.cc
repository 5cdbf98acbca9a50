#include "domain/run.h"

#include <algorithm>

namespace corral::domain {
namespace {

Step* step_of(Run& run, std::string_view name) {
  const auto at = std::ranges::find(
      run.steps, name, [](const Step& step) -> std::string_view { return step.definition.name; });
  return at == run.steps.end() ? nullptr : &*at;
}

Approval* approval_of(Run& run, std::string_view id) {
  const auto at = std::ranges::find(run.approvals, id, &Approval::id);
  return at == run.approvals.end() ? nullptr : &*at;
}

// Folds one event into the state; one overload a type.
class Applier {
 public:
  Applier(Run& run, Time at, std::string_view actor) : run_(run), at_(at), actor_(actor) {}

  void operator()(const RunCreated& event) {
    run_.id = event.run;
    run_.request = event.request;
    run_.created_at = at_;
    run_.created_by = std::string(actor_);
    for (const auto& definition : event.request.workflow.steps)
      run_.steps.push_back({.definition = definition});
    run_.base_branch = event.base_branch;
    run_.base_commit = event.base_commit;
    run_.snapshot = event.snapshot;
    run_.home = event.home;
    if (std::ranges::find(event.kept, event.snapshot, &KeptStep::snapshot) == event.kept.end())
      run_.base_snapshot = event.snapshot;
    for (const auto& kept : event.kept) keep(kept);
  }
  void operator()(const RunStarted& event) {
    run_.status = RunStatus::running;
    run_.attempt = event.attempt;
    run_.attempt_started_at = at_;
    if (!run_.started_at) run_.started_at = at_;
  }
  void operator()(const RunCompleted&) { end(RunStatus::completed); }
  void operator()(const RunFailed& event) {
    end(RunStatus::failed);
    run_.error = event.error;
  }
  void operator()(const CancelRequested& event) { run_.cancel_reason = event.reason; }
  void operator()(const RunCancelled& event) {
    end(RunStatus::cancelled);
    run_.cancel_reason = event.reason;
    run_.error = Failure{ErrorCode::cancelled, event.reason.empty() ? "cancelled" : event.reason};
  }
  void operator()(const RunRetried& event) {
    run_.status = RunStatus::pending;
    run_.paused = false;  // whoever retries wants it to go on
    run_.attempt = event.attempt;
    run_.error.reset();
    run_.finished_at.reset();
    run_.cancel_reason.reset();  // asked for while it was failing already
    const auto named = [&](std::string_view name) {
      return std::ranges::find(event.steps, name) != event.steps.end();
    };
    for (const auto& name : event.steps) {
      auto* step = step_of(run_, name);
      if (step == nullptr) continue;
      // Some steps of a matrix are done again, or the matrix is evaluated anew.
      const bool some = std::ranges::any_of(run_.steps, [&](const Step& instance) {
        return instance.of == name && named(instance.definition.name);
      });
      *step = {.definition = step->definition,
               .status = some ? StepStatus::running : StepStatus::pending,
               .attempt = some ? step->attempt : last_attempt(*step),
               .of = step->of,
               .matrix = step->matrix,
               .expanded = some};
      if (!some)
        std::erase_if(run_.steps, [&](const Step& instance) { return instance.of == name; });
    }
    run_.snapshot = last_snapshot();
  }
  void operator()(const RunPaused&) { run_.paused = true; }
  void operator()(const RunResumed&) { run_.paused = false; }
  void operator()(const SourceResolved& event) {
    run_.base_branch = event.base_branch;
    run_.base_commit = event.base_commit;
  }
  void operator()(const ChangesCommitted& event) {
    run_.commit = event.commit;
    run_.diff_stat = event.diff_stat;
  }

  void operator()(const StepStarted& event) {
    if (auto* step = step_of(run_, event.step)) {
      step->status = StepStatus::running;
      step->attempt = event.attempt;
      step->round = 0;
      ++step->tries;
      step->workspace = run_.workspaces;
      step->started_at = at_;
      step->finished_at.reset();
      step->error.reset();
    }
  }
  void operator()(const StepExpanded& event) {
    auto* step = step_of(run_, event.step);
    if (step == nullptr) return;
    step->status = StepStatus::running;
    step->expanded = true;
    if (!step->started_at) step->started_at = at_;
    step->finished_at.reset();
    std::vector<Step> instances;
    for (const auto& instance : event.instances)
      instances.push_back(instance_of(*step, instance.name, instance.matrix));
    const auto after = run_.steps.begin() + (step - run_.steps.data()) + 1;
    run_.steps.insert(after, std::make_move_iterator(instances.begin()),
                      std::make_move_iterator(instances.end()));
  }
  void operator()(const StepWaiting& event) {
    set(event.step, StepStatus::waiting);
    if (auto* step = step_of(run_, event.step)) {
      step->reason = event.reason;
      step->wakes_at = event.until;
      step->round = event.round;
    }
    for (auto& steering : run_.steerings)
      if (std::ranges::find(event.untold, steering.number) != event.untold.end()) {
        steering.applied_at.reset();
        steering.applied_version = 0;
        steering.process.clear();
      }
  }
  void operator()(const StepResumed& event) {
    set(event.step, StepStatus::running);
    if (auto* step = step_of(run_, event.step)) step->reason.clear(), step->wakes_at.reset();
  }
  void operator()(const StepCompleted& event) {
    end_step(event.step, StepStatus::completed);
    if (auto* step = step_of(run_, event.step)) {
      step->summary = event.summary;
      step->outputs = event.outputs;
    }
    if (!event.summary.empty()) run_.summary = event.summary;
  }
  void operator()(const StepFailed& event) {
    end_step(event.step, StepStatus::failed);
    if (auto* step = step_of(run_, event.step)) step->error = event.error;
  }
  void operator()(const StepRetried& event) {
    set(event.step, StepStatus::pending);
    if (auto* step = step_of(run_, event.step)) step->not_before = event.not_before;
  }
  void operator()(const StepSkipped& event) {
    end_step(event.step, StepStatus::skipped);
    if (auto* step = step_of(run_, event.step)) step->reason = event.reason;
  }
  void operator()(const StepCancelled& event) { end_step(event.step, StepStatus::cancelled); }

  void operator()(const ApprovalRequested& event) {
    run_.approvals.push_back({.id = event.approval,
                              .step = event.step,
                              .permission = event.permission,
                              .tool = event.tool,
                              .text = event.text,
                              .input = event.input,
                              .requested_at = at_,
                              .choices = event.choices,
                              .approvers = event.approvers,
                              .until = event.until});
  }
  void operator()(const ApprovalDecided& event) {
    if (auto* approval = approval_of(run_, event.approval))
      approval->decision = {event.allow, event.message, std::string(actor_), event.choice};
  }
  void operator()(const ApprovalApplied& event) {
    if (auto* approval = approval_of(run_, event.approval)) {
      approval->applied_at = event.output_offset;
      approval->applied_version = run_.version;
    }
  }
  void operator()(const ApprovalWithdrawn& event) {
    if (auto* approval = approval_of(run_, event.approval)) approval->closed = true;
  }

  void operator()(const StepSteered& event) {
    run_.steerings.push_back({.number = event.number,
                              .step = event.step,
                              .attempt = event.attempt,
                              .what = event.what,
                              .text = event.text,
                              .by = std::string(actor_),
                              .applied_at = {},
                              .process = {}});
  }
  void operator()(const SteeringApplied& event) {
    for (auto& steering : run_.steerings)
      if (steering.number == event.number) {
        steering.applied_at = event.output_offset;
        steering.applied_version = run_.version;
        steering.process = event.process;
      }
  }

  void operator()(const ModelCalled& event) {
    run_.usage += event.usage;
    run_.cost += event.cost;
    if (event.retry_at || event.status < 300) run_.quota_reset = event.retry_at;
  }
  void operator()(const BudgetExceeded&) { run_.budget_exceeded = true; }

  void operator()(const WorkspaceCreated& event) {
    run_.workspace = event.workspace;
    run_.workspace_ready = false;
    run_.workspaces = event.number;
    if (!event.home.empty()) run_.home = event.home;
    for (auto& step : run_.steps)
      if (is_under_way(step.status)) step.workspace = event.number;
  }
  void operator()(const WorkspaceReady& event) {
    run_.workspace_ready = true;
    run_.isolation = event.isolation;
  }
  void operator()(const WorkspaceLost&) { run_.workspace.reset(); }
  void operator()(const SnapshotTaken& event) {
    run_.snapshot = event.commit;
    if (auto* step = step_of(run_, event.step)) step->snapshot = event.commit;
  }
  void operator()(const ArtifactAdded& event) {
    std::erase_if(run_.artifacts,
                  [&](const Artifact& artifact) { return artifact.name == event.name; });
    run_.artifacts.push_back({event.name, event.media_type, event.hash, event.size_bytes, at_});
  }

 private:
  // Steps of a matrix that is evaluated anew have the names of those before, and go on counting.
  int last_attempt(const Step& whole) const {
    int last = whole.attempt;
    for (const auto& step : run_.steps)
      if (step.of == whole.definition.name) last = std::max(last, step.attempt);
    return last;
  }
  static Step instance_of(const Step& step, const std::string& name, const json::object& matrix) {
    Step instance{.definition = step.definition,
                  .attempt = step.attempt,
                  .of = step.definition.name,
                  .matrix = matrix};
    instance.definition.name = name;
    instance.definition.matrix = {};
    instance.definition.max_parallel = 0;
    return instance;
  }
  void keep(const KeptStep& kept) {
    if (!kept.of.empty()) {
      auto* whole = step_of(run_, kept.of);
      if (whole == nullptr) return;
      whole->expanded = true;
      auto instance = instance_of(*whole, kept.step, kept.matrix);
      // Behind the ones of its matrix that are there.
      auto at = run_.steps.begin() + (whole - run_.steps.data()) + 1;
      while (at != run_.steps.end() && at->of == kept.of) ++at;
      run_.steps.insert(at, std::move(instance));
    }
    if (auto* step = step_of(run_, kept.step)) {
      step->status = kept.status;
      step->summary = kept.summary;
      step->outputs = kept.outputs;
      step->snapshot = kept.snapshot;
      step->finished_at = kept.finished_at.value_or(at_);
    }
  }
  // What the steps that are kept have left of the work tree.
  std::string last_snapshot() const {
    const Step* last = nullptr;
    for (const auto& step : run_.steps)
      if (!step.snapshot.empty() && step.finished_at &&
          (last == nullptr || *step.finished_at >= *last->finished_at))
        last = &step;
    return last == nullptr ? run_.base_snapshot : last->snapshot;
  }
  void set(std::string_view name, StepStatus status) {
    if (auto* step = step_of(run_, name)) step->status = status;
  }
  void end_step(std::string_view name, StepStatus status) {
    if (auto* step = step_of(run_, name)) {
      step->status = status;
      step->finished_at = at_;
      step->reason.clear();
      step->wakes_at.reset();
    }
    for (auto& approval : run_.approvals)
      if (approval.step == name && !approval.decision) approval.closed = true;
  }
  // A run's workspace ends with it: another attempt gets another.
  void end(RunStatus status) {
    run_.status = status;
    run_.finished_at = at_;
    run_.workspace.reset();
  }

  Run& run_;
  Time at_;
  std::string_view actor_;
};

}  // namespace

const Step* Run::find(std::string_view step) const {
  const auto at = std::ranges::find(
      steps, step, [](const Step& s) -> std::string_view { return s.definition.name; });
  return at == steps.end() ? nullptr : &*at;
}

bool Run::has_cleaning_to_do() const {
  return std::ranges::any_of(
      steps, [](const Step& step) { return step.definition.at_end && !has_ended(step.status); });
}

const Approval* Run::find_approval(std::string_view approval) const {
  const auto at = std::ranges::find(approvals, approval, &Approval::id);
  return at == approvals.end() ? nullptr : &*at;
}

bool Run::waiting() const { return std::ranges::any_of(approvals, &Approval::open); }

bool Run::needs_restoring() const {
  return std::ranges::any_of(steps, [&](const Step& step) {
    return step.definition.kind == "git" && step.definition.text("action") == "clone" &&
           step.status == StepStatus::completed && step.workspace != workspaces;
  });
}

std::optional<Time> Run::deadline() const {
  if (!attempt_started_at || request.timeout.count() == 0) return std::nullopt;
  return *attempt_started_at + request.timeout;
}

void apply(Run& run, const Event& event, std::string_view actor) {
  std::visit(Applier(run, event.at, actor), event.body);
  ++run.version;
}

}  // namespace corral::domain
