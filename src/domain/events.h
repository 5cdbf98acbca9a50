// What happens to a run. Events are facts: appended, never changed; a run is what its events add up
// to. In the store: type = kType, data = {"v": kVersion, "at": time, …the fields}. Data of an older
// version is brought to the present one when it is read (domain/upcast.h). Reading ignores fields
// it does not know; data of a newer version, and types it does not know, are errors
// (`unsupported`), never skipped: a state folded without them would be a wrong one.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "base/json.h"
#include "domain/fields.h"
#include "domain/policy.h"
#include "domain/pricing.h"
#include "domain/status.h"
#include "domain/workflow.h"

namespace corral::domain {

struct Failure {
  ErrorCode code = ErrorCode::internal;
  std::string message;

  bool operator==(const Failure&) const = default;
};
// What became of an error that is the run's own affair: its code, and the whole chain of its
// causes.
Failure failure_of(const Error& error);
json::value field_to_json(const Failure& failure);
bool field_from_json(const json::value& in, Failure& out);
json::value field_to_json(const Money& money);
bool field_from_json(const json::value& in, Money& out);

struct DiffStat {
  int files = 0, insertions = 0, deletions = 0;

  bool operator==(const DiffStat&) const = default;
  static void fields(auto& self, auto& visit) {
    visit("files", self.files);
    visit("insertions", self.insertions);
    visit("deletions", self.deletions);
  }
};

// What a run was asked for.
struct Request {
  ProjectId project;
  std::string project_name;
  std::string git_url;  // the project's, when the run began
  Workflow workflow;
  std::string agent;
  std::string prompt;       // an excerpt when prompt_blob is set
  std::string prompt_blob;  // hash of the whole text; empty: `prompt` is it
  std::vector<std::string> command;
  std::string checks;
  std::string model;
  std::string base;    // branch asked for; empty: the project's default
  std::string branch;  // the run's own
  PermissionPolicy permissions = PermissionPolicy::workspace;
  std::optional<Money> budget;
  Duration timeout{0};
  int priority = 0;
  std::string author_name, author_email;
  json::object inputs;            // as the workflow declares them
  std::string concurrency_group;  // evaluated; empty: none
  int concurrency_limit = 1;
  Time not_before{};            // a delayed start
  std::optional<RunId> root;    // the first run of the family, when this is not it
  std::optional<RunId> parent;  // whose step this run carries out
  std::string parent_step;
  int depth = 0;  // of runs within runs
  std::optional<RunId> forked_from;
  std::string forked_step;  // the first one that was not kept
  std::string schedule;     // the one that started it

  static void fields(auto& self, auto& visit) {
    visit("project", self.project);
    visit("project_name", self.project_name);
    visit("git_url", self.git_url);
    visit("workflow", self.workflow);
    visit("agent", self.agent);
    visit("prompt", self.prompt);
    visit("prompt_blob", self.prompt_blob);
    visit("command", self.command);
    visit("checks", self.checks);
    visit("model", self.model);
    visit("base", self.base);
    visit("branch", self.branch);
    visit("permissions", self.permissions);
    visit("budget_nano_usd", self.budget);
    visit("timeout_ms", self.timeout);
    visit("priority", self.priority);
    visit("author_name", self.author_name);
    visit("author_email", self.author_email);
    visit("inputs", self.inputs);
    visit("concurrency_group", self.concurrency_group);
    visit("concurrency_limit", self.concurrency_limit);
    visit("not_before", self.not_before);
    visit("root", self.root);
    visit("parent", self.parent);
    visit("parent_step", self.parent_step);
    visit("depth", self.depth);
    visit("forked_from", self.forked_from);
    visit("forked_step", self.forked_step);
    visit("schedule", self.schedule);
  }
};

// What a step gave, taken over from another run.
struct KeptStep {
  std::string step;
  StepStatus status = StepStatus::completed;
  std::string summary;
  json::object outputs;
  std::string of;  // of a matrix's step: the step whose matrix it was
  json::object matrix;
  std::string snapshot;  // commit of the work tree when it had ended
  std::optional<Time> finished_at;
  static void fields(auto& self, auto& visit) {
    visit("step", self.step);
    visit("status", self.status);
    visit("summary", self.summary);
    visit("outputs", self.outputs);
    visit("of", self.of);
    visit("matrix", self.matrix);
    visit("snapshot", self.snapshot);
    visit("finished_at", self.finished_at);
  }
};

// ---- the run ----

struct RunCreated {
  static constexpr std::string_view kType = "run.created";
  static constexpr int kVersion = 2;  // 1: steps before they had `with`
  RunId run;
  Request request;
  // Of a fork, or of one attempt among several: where it begins, instead of at the beginning.
  std::vector<KeptStep> kept;
  std::string base_branch, base_commit, snapshot;
  std::string home;  // the server that has what it begins with; empty: any
  static void fields(auto& self, auto& visit) {
    visit("run", self.run);
    visit("request", self.request);
    visit("kept", self.kept);
    visit("base_branch", self.base_branch);
    visit("base_commit", self.base_commit);
    visit("snapshot", self.snapshot);
    visit("home", self.home);
  }
};
struct RunStarted {
  static constexpr std::string_view kType = "run.started";
  int attempt = 1;
  static void fields(auto& self, auto& visit) { visit("attempt", self.attempt); }
};
struct RunCompleted {
  static constexpr std::string_view kType = "run.completed";
  static void fields(auto&, auto&) {}
};
struct RunFailed {
  static constexpr std::string_view kType = "run.failed";
  Failure error;
  static void fields(auto& self, auto& visit) { visit("error", self.error); }
};
struct CancelRequested {
  static constexpr std::string_view kType = "run.cancel_requested";
  std::string reason;
  static void fields(auto& self, auto& visit) { visit("reason", self.reason); }
};
struct RunCancelled {
  static constexpr std::string_view kType = "run.cancelled";
  std::string reason;
  static void fields(auto& self, auto& visit) { visit("reason", self.reason); }
};
struct RunRetried {
  static constexpr std::string_view kType = "run.retried";
  int attempt = 2;
  std::vector<std::string> steps;  // those that begin anew
  static void fields(auto& self, auto& visit) {
    visit("attempt", self.attempt);
    visit("steps", self.steps);
  }
};
// No step begins until the run is resumed. What is under way goes on.
struct RunPaused {
  static constexpr std::string_view kType = "run.paused";
  std::string reason;
  static void fields(auto& self, auto& visit) { visit("reason", self.reason); }
};
struct RunResumed {
  static constexpr std::string_view kType = "run.resumed";
  static void fields(auto&, auto&) {}
};
struct SourceResolved {
  static constexpr std::string_view kType = "run.source.resolved";
  std::string base_branch, base_commit;
  static void fields(auto& self, auto& visit) {
    visit("base_branch", self.base_branch);
    visit("base_commit", self.base_commit);
  }
};
struct ChangesCommitted {
  static constexpr std::string_view kType = "run.changes.committed";
  std::optional<std::string> commit;  // unset: nothing changed
  std::optional<DiffStat> diff_stat;
  static void fields(auto& self, auto& visit) {
    visit("commit", self.commit);
    visit("diff_stat", self.diff_stat);
  }
};

// ---- its steps ----

struct StepStarted {
  static constexpr std::string_view kType = "run.step.started";
  std::string step;
  int attempt = 1;  // counts all attempts at the step in the life of the run: part of process ids
  static void fields(auto& self, auto& visit) {
    visit("step", self.step);
    visit("attempt", self.attempt);
  }
};
// A step with a matrix becomes a step for each combination; it ends when they have.
struct StepInstance {
  std::string name;  // "<step>.<number>"
  json::object matrix;
  static void fields(auto& self, auto& visit) {
    visit("name", self.name);
    visit("matrix", self.matrix);
  }
};
struct StepExpanded {
  static constexpr std::string_view kType = "run.step.expanded";
  std::string step;
  std::vector<StepInstance> instances;
  static void fields(auto& self, auto& visit) {
    visit("step", self.step);
    visit("instances", self.instances);
  }
};
struct StepWaiting {
  static constexpr std::string_view kType = "run.step.waiting";
  std::string step, reason;
  std::optional<Time> until;  // it goes on then by itself
  int round = 0;              // of the attempt: how often it has begun anew after a wait
  // Prompts (numbers of steerings) that the process of the round before was told, and its agent
  // never got: told to nobody as yet.
  std::vector<int> untold = {};
  static void fields(auto& self, auto& visit) {
    visit("step", self.step);
    visit("reason", self.reason);
    visit("until", self.until);
    visit("round", self.round);
    visit("untold", self.untold);
  }
};
struct StepResumed {
  static constexpr std::string_view kType = "run.step.resumed";
  std::string step;
  static void fields(auto& self, auto& visit) { visit("step", self.step); }
};
struct StepCompleted {
  static constexpr std::string_view kType = "run.step.completed";
  std::string step;
  int attempt = 1;
  std::string summary;  // agent: its last words
  json::object outputs;
  static void fields(auto& self, auto& visit) {
    visit("step", self.step);
    visit("attempt", self.attempt);
    visit("summary", self.summary);
    visit("outputs", self.outputs);
  }
};
struct StepFailed {
  static constexpr std::string_view kType = "run.step.failed";
  std::string step;
  int attempt = 1;
  Failure error;
  static void fields(auto& self, auto& visit) {
    visit("step", self.step);
    visit("attempt", self.attempt);
    visit("error", self.error);
  }
};
// Follows StepFailed at once when the step's retry policy allows another attempt.
struct StepRetried {
  static constexpr std::string_view kType = "run.step.retried";
  std::string step;
  Time not_before;
  static void fields(auto& self, auto& visit) {
    visit("step", self.step);
    visit("not_before", self.not_before);
  }
};
struct StepSkipped {
  static constexpr std::string_view kType = "run.step.skipped";
  std::string step, reason;
  static void fields(auto& self, auto& visit) {
    visit("step", self.step);
    visit("reason", self.reason);
  }
};
struct StepCancelled {
  static constexpr std::string_view kType = "run.step.cancelled";
  std::string step;
  static void fields(auto& self, auto& visit) { visit("step", self.step); }
};

// ---- approvals ----

struct ApprovalRequested {
  static constexpr std::string_view kType = "run.approval.requested";
  std::string approval;  // unique over all runs
  std::string step;
  std::string permission;  // the agent's own id of the request; empty: an approval step asks
  std::string tool, text;
  json::value input;
  std::vector<std::string> choices;  // what may be chosen when it is allowed; none: only yes or no
  std::vector<std::string> approvers;  // actors ("user:ann") who may decide; none: anybody
  std::optional<Time> until;           // the step decides by itself then
  static void fields(auto& self, auto& visit) {
    visit("approval", self.approval);
    visit("step", self.step);
    visit("permission", self.permission);
    visit("tool", self.tool);
    visit("text", self.text);
    visit("input", self.input);
    visit("choices", self.choices);
    visit("approvers", self.approvers);
    visit("until", self.until);
  }
};
struct ApprovalDecided {
  static constexpr std::string_view kType = "run.approval.decided";
  std::string approval;
  bool allow = false;
  std::string message;
  std::string choice;
  static void fields(auto& self, auto& visit) {
    visit("approval", self.approval);
    visit("allow", self.allow);
    visit("message", self.message);
    visit("choice", self.choice);
  }
};
// The agent was told, once it had printed `output_offset` bytes. Recorded before it is told: a
// restarted server replays the agent's output and gives the answer at the same place, and so writes
// the same log.
struct ApprovalApplied {
  static constexpr std::string_view kType = "run.approval.applied";
  std::string approval;
  std::uint64_t output_offset = 0;
  static void fields(auto& self, auto& visit) {
    visit("approval", self.approval);
    visit("output_offset", self.output_offset);
  }
};

// The agent no longer asks.
struct ApprovalWithdrawn {
  static constexpr std::string_view kType = "run.approval.withdrawn";
  std::string approval;
  static void fields(auto& self, auto& visit) { visit("approval", self.approval); }
};

// ---- steering ----

// A person told an agent at work something.
struct StepSteered {
  static constexpr std::string_view kType = "run.step.steered";
  std::string step;
  int attempt = 1;
  int number = 1;  // of the run's steerings
  SteeringKind what = SteeringKind::prompt;
  std::string text;  // the prompt, or the mode
  static void fields(auto& self, auto& visit) {
    visit("step", self.step);
    visit("attempt", self.attempt);
    visit("number", self.number);
    visit("what", self.what);
    visit("text", self.text);
  }
};
// The agent was told, once this process of it had printed `output_offset` bytes; as
// ApprovalApplied.
struct SteeringApplied {
  static constexpr std::string_view kType = "run.step.steering_applied";
  std::string step;
  int number = 1;
  std::string process;
  std::uint64_t output_offset = 0;
  static void fields(auto& self, auto& visit) {
    visit("step", self.step);
    visit("number", self.number);
    visit("process", self.process);
    visit("output_offset", self.output_offset);
  }
};

// ---- money ----

struct ModelCalled {
  static constexpr std::string_view kType = "run.model_called";
  std::string model;
  Usage usage;
  Money cost;
  bool price_known = true;
  std::int64_t duration_ms = 0;
  int status = 200;
  std::optional<Time> retry_at;  // refused, for a quota or for too much to do, until then
  static void fields(auto& self, auto& visit) {
    visit("model", self.model);
    visit("usage", self.usage);
    visit("cost_nano_usd", self.cost);
    visit("price_known", self.price_known);
    visit("duration_ms", self.duration_ms);
    visit("status", self.status);
    visit("retry_at", self.retry_at);
  }
};
struct BudgetExceeded {
  static constexpr std::string_view kType = "run.budget_exceeded";
  Money budget, cost;
  static void fields(auto& self, auto& visit) {
    visit("budget_nano_usd", self.budget);
    visit("cost_nano_usd", self.cost);
  }
};

// ---- where it happens, and what is left of it ----

// Recorded before the workspace is made, so that a crash in between leaves nothing unknown.
struct WorkspaceCreated {
  static constexpr std::string_view kType = "run.workspace.created";
  WorkspaceId workspace;
  int number = 1;    // of the run's workspaces
  std::string home;  // the server whose data folder it is in; empty: not known
  static void fields(auto& self, auto& visit) {
    visit("workspace", self.workspace);
    visit("number", self.number);
    visit("home", self.home);
  }
};
struct WorkspaceReady {
  static constexpr std::string_view kType = "run.workspace.ready";
  WorkspaceId workspace;
  std::string isolation;
  static void fields(auto& self, auto& visit) {
    visit("workspace", self.workspace);
    visit("isolation", self.isolation);
  }
};
struct WorkspaceLost {
  static constexpr std::string_view kType = "run.workspace.lost";
  WorkspaceId workspace;
  std::string reason;
  static void fields(auto& self, auto& visit) {
    visit("workspace", self.workspace);
    visit("reason", self.reason);
  }
};
struct SnapshotTaken {
  static constexpr std::string_view kType = "run.snapshot";
  std::string step, commit;
  static void fields(auto& self, auto& visit) {
    visit("step", self.step);
    visit("commit", self.commit);
  }
};
struct ArtifactAdded {
  static constexpr std::string_view kType = "run.artifact.added";
  std::string name, media_type, hash;
  std::int64_t size_bytes = 0;
  static void fields(auto& self, auto& visit) {
    visit("name", self.name);
    visit("media_type", self.media_type);
    visit("hash", self.hash);
    visit("size_bytes", self.size_bytes);
  }
};

using EventBody =
    std::variant<RunCreated, RunStarted, RunCompleted, RunFailed, CancelRequested, RunCancelled,
                 RunRetried, RunPaused, RunResumed, SourceResolved, ChangesCommitted, StepStarted,
                 StepExpanded, StepWaiting, StepResumed, StepCompleted, StepFailed, StepRetried,
                 StepSkipped, StepCancelled, ApprovalRequested, ApprovalDecided, ApprovalApplied,
                 ApprovalWithdrawn, StepSteered, SteeringApplied, ModelCalled, BudgetExceeded,
                 WorkspaceCreated, WorkspaceReady, WorkspaceLost, SnapshotTaken, ArtifactAdded>;

struct Event {
  Time at;
  EventBody body;
};

std::string_view type_of(const EventBody& body);
json::value data_of(const Event& event);
// `unsupported` for an unknown type or a newer version, `corrupt` for data of the wrong shape.
Result<Event> event_from(std::string_view type, const json::value& data);

}  // namespace corral::domain
