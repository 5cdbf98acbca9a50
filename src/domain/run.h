// The run aggregate: its state, what it may be told (commands), and the events that follow.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/id.h"
#include "domain/events.h"

namespace corral::domain {

struct Step {
  StepDefinition definition;
  StepStatus status = StepStatus::pending;
  int attempt = 0;    // attempts in the life of the run
  int tries = 0;      // attempts since the run was last (re)started: what the retry policy counts
  Time not_before{};  // the next attempt's earliest time
  int workspace = 0;  // number of the run's workspace when the last attempt began
  int round = 0;      // of the attempt: how often it has begun anew after a wait
  std::optional<Time> started_at, finished_at;
  std::optional<Failure> error;
  std::string summary;
  json::object outputs;
  std::string reason;            // what it is waiting for, or why it was skipped
  std::optional<Time> wakes_at;  // while it is waiting: until when at most
  std::string snapshot;          // commit of the work tree when it had ended
  std::string of;                // of a matrix's step: the step whose matrix it is
  json::object matrix;           // its combination
  bool expanded = false;         // its matrix has become steps of their own

  static void fields(auto& self, auto& visit) {
    visit("definition", self.definition);
    visit("status", self.status);
    visit("attempt", self.attempt);
    visit("tries", self.tries);
    visit("not_before", self.not_before);
    visit("workspace", self.workspace);
    visit("round", self.round);
    visit("started_at", self.started_at);
    visit("finished_at", self.finished_at);
    visit("error", self.error);
    visit("summary", self.summary);
    visit("outputs", self.outputs);
    visit("reason", self.reason);
    visit("wakes_at", self.wakes_at);
    visit("snapshot", self.snapshot);
    visit("of", self.of);
    visit("matrix", self.matrix);
    visit("expanded", self.expanded);
  }
  // Names the step's processes in a workspace, and its sources in logs.
  std::string process_id() const { return process_id(round); }
  std::string process_id(int of_round) const {
    return definition.name + "-" + std::to_string(attempt) +
           (of_round == 0 ? "" : "." + std::to_string(of_round));
  }
};

struct ApprovalDecision {
  bool allow = false;
  std::string message, by, choice;
  static void fields(auto& self, auto& visit) {
    visit("allow", self.allow);
    visit("message", self.message);
    visit("by", self.by);
    visit("choice", self.choice);
  }
};

struct Approval {
  using Decision = ApprovalDecision;

  std::string id, step, permission, tool, text;
  json::value input;
  Time requested_at;
  std::optional<Decision> decision;
  std::vector<std::string> choices, approvers;
  std::optional<Time> until;
  std::optional<std::uint64_t> applied_at;  // output offset at which the agent was told
  std::uint64_t applied_version = 0;  // of the run, then: the order in which answers were given
  bool closed = false;  // the step ended, or the agent gave up asking, before anybody decided
  bool open() const { return !decision && !closed; }
  static void fields(auto& self, auto& visit) {
    visit("id", self.id);
    visit("step", self.step);
    visit("permission", self.permission);
    visit("tool", self.tool);
    visit("text", self.text);
    visit("input", self.input);
    visit("requested_at", self.requested_at);
    visit("decision", self.decision);
    visit("choices", self.choices);
    visit("approvers", self.approvers);
    visit("until", self.until);
    visit("applied_at", self.applied_at);
    visit("applied_version", self.applied_version);
    visit("closed", self.closed);
  }
};

// What a person told an agent at work.
struct Steering {
  int number = 1;
  std::string step;
  int attempt = 1;  // of the step: a later one is not told
  SteeringKind what = SteeringKind::prompt;
  std::string text, by;
  std::optional<std::uint64_t> applied_at;  // output offset at which the agent was told
  std::uint64_t applied_version = 0;
  std::string process;  // which was told

  static void fields(auto& self, auto& visit) {
    visit("number", self.number);
    visit("step", self.step);
    visit("attempt", self.attempt);
    visit("what", self.what);
    visit("text", self.text);
    visit("by", self.by);
    visit("applied_at", self.applied_at);
    visit("applied_version", self.applied_version);
    visit("process", self.process);
  }
};

struct Artifact {
  std::string name, media_type, hash;
  std::int64_t size_bytes = 0;
  Time created_at;

  static void fields(auto& self, auto& visit) {
    visit("name", self.name);
    visit("media_type", self.media_type);
    visit("hash", self.hash);
    visit("size_bytes", self.size_bytes);
    visit("created_at", self.created_at);
  }
};

struct Run {
  std::uint64_t version = 0;  // events so far; 0: there is no such run
  RunId id;
  Request request;
  RunStatus status = RunStatus::pending;
  int attempt = 1;
  std::vector<Step> steps;  // in definition order; a matrix's steps follow the step that has it
  std::vector<Approval> approvals;
  std::vector<Steering> steerings;  // by number, from 1
  std::vector<Artifact> artifacts;
  std::optional<std::string> cancel_reason;  // set once cancelling was asked for
  bool paused = false;
  std::optional<Failure> error;
  std::string isolation;
  std::string base_branch, base_commit;
  std::optional<std::string> commit;
  std::optional<DiffStat> diff_stat;
  std::string snapshot;       // commit of the last durable snapshot of the work tree
  std::string base_snapshot;  // what it began with, when that is not what a kept step left
  Usage usage;
  Money cost;
  bool budget_exceeded = false;
  std::optional<Time> quota_reset;  // the last model call was refused until then
  std::string summary;
  std::optional<WorkspaceId> workspace;  // the present one
  bool workspace_ready = false;  // it was up once; when it cannot be reached now, it is lost
  int workspaces = 0;
  std::string home;  // the server that has its workspace, or had the last one; empty: any
  std::string created_by;
  Time created_at;
  std::optional<Time> started_at;          // first start
  std::optional<Time> attempt_started_at;  // start of this attempt
  std::optional<Time> finished_at;

  static void fields(auto& self, auto& visit) {
    visit("version", self.version);
    visit("id", self.id);
    visit("request", self.request);
    visit("status", self.status);
    visit("attempt", self.attempt);
    visit("steps", self.steps);
    visit("approvals", self.approvals);
    visit("steerings", self.steerings);
    visit("artifacts", self.artifacts);
    visit("cancel_reason", self.cancel_reason);
    visit("paused", self.paused);
    visit("error", self.error);
    visit("isolation", self.isolation);
    visit("base_branch", self.base_branch);
    visit("base_commit", self.base_commit);
    visit("commit", self.commit);
    visit("diff_stat", self.diff_stat);
    visit("snapshot", self.snapshot);
    visit("base_snapshot", self.base_snapshot);
    visit("usage", self.usage);
    visit("cost", self.cost);
    visit("budget_exceeded", self.budget_exceeded);
    visit("quota_reset", self.quota_reset);
    visit("summary", self.summary);
    visit("workspace", self.workspace);
    visit("workspace_ready", self.workspace_ready);
    visit("workspaces", self.workspaces);
    visit("home", self.home);
    visit("created_by", self.created_by);
    visit("created_at", self.created_at);
    visit("started_at", self.started_at);
    visit("attempt_started_at", self.attempt_started_at);
    visit("finished_at", self.finished_at);
  }
  bool exists() const { return version > 0; }
  const Step* find(std::string_view step) const;
  bool has_cleaning_to_do() const;  // a `finally` step has not ended
  // Whether the step's work must stop: the run is being cancelled, and it is not one for the end.
  bool must_stop(const Step& step) const { return cancel_reason && !step.definition.at_end; }
  const Approval* find_approval(std::string_view approval) const;
  bool waiting() const;  // a person is asked
  // Whether the present workspace still has to be brought to where an earlier one was: the sources
  // were cloned there.
  bool needs_restoring() const;
  std::optional<Time> deadline() const;
};

// Names what to_json(Run) writes and what it means: a state that was written under another name is
// not read by this version of the program, but folded anew. Fields that come, go or change their
// name change it by themselves; when apply() comes to mean something else, kStateMeaning grows.
inline constexpr int kStateMeaning = 2;
const std::string& state_schema();

// ---- commands ----

struct Create {
  RunId run;
  Request request;
  std::vector<KeptStep> kept;
  std::string base_branch, base_commit, snapshot, home;
};
struct Begin {};  // pending → running
struct RequestCancel {
  std::string reason;
};
struct FinishCancel {};  // nothing of it is alive any more
// failed → pending. What went well is kept; with a step, what needs that step is done again too.
struct Retry {
  std::string from;
};
struct Pause {
  std::string reason;
};
struct Resume {};
struct ResolveSource {
  std::string base_branch, base_commit;
};
struct CommitChanges {
  std::optional<std::string> commit;
  std::optional<DiffStat> diff_stat;
};
struct StartStep {
  std::string step;
};
// Gives the step a step for each combination of its matrix, which is evaluated here.
struct ExpandStep {
  std::string step;
};
// running → waiting, without anything at work: it is taken up again when the run changes, or then.
// With `seen`, the run's version for which there was nothing to do: `conflict` when it is another
// by now, for what it would wait for may have come.
struct WaitStep {
  std::string step;
  int attempt;
  std::string reason;
  std::optional<Time> until;
  int round = 0;
  std::optional<std::uint64_t> seen = {};
  // With a further round: the prompts (numbers of steerings) that the process of this one is done
  // with. Whichever else it was told are for the process that goes on.
  std::vector<int> given = {};
};
struct ResumeStep {
  std::string step;
};  // waiting → running
struct CompleteStep {
  std::string step;
  int attempt;
  std::string summary;
  json::object outputs;
};
struct FailStep {
  std::string step;
  int attempt;
  Failure error;
  double jitter = 0.5;
  Duration pause{0};  // another attempt is of no use before it is over
};  // retried under its policy
struct SkipStep {
  std::string step, reason;
};
struct CancelStep {
  std::string step;
};  // the run is being cancelled, and nothing of the step is alive any more
struct Complete {};  // every step went well
struct Fail {
  Failure error;
};
struct RequestApproval {
  std::string approval, step, permission, tool, text;
  json::value input;
  std::vector<std::string> choices, approvers;
  std::optional<Time> until;
};
struct DecideApproval {
  std::string approval;
  bool allow;
  std::string message;
  std::string choice;
  std::string by;  // actor; checked against the approvers. Empty: the step itself, when time is up
};
struct ApplyApproval {
  std::string approval;
  std::uint64_t output_offset;
};
struct WithdrawApproval {
  std::string approval;
};
struct Steer {
  std::string step;
  SteeringKind what;
  std::string text;
};
struct ApplySteering {
  int number;
  std::string process;
  std::uint64_t output_offset;
};
struct RecordModelCall {
  std::string model;
  Usage usage;
  std::int64_t duration_ms = 0;
  int status = 200;
  std::optional<Time> retry_at;
};
struct StopForBudget {};  // a call was refused because the budget is spent
struct ChooseWorkspace {
  WorkspaceId workspace;
  std::string home = {};
};
struct WorkspaceIsReady {
  WorkspaceId workspace;
  std::string isolation;
};
struct LoseWorkspace {
  WorkspaceId workspace;
  Failure error;
  double jitter = 0.5;
  std::vector<std::string> steps;  // those that were at work in it: they fail with the error
};
struct TakeSnapshot {
  std::string step, commit;
};
struct AddArtifact {
  std::string name, media_type, hash;
  std::int64_t size_bytes = 0;
};

using Command = std::variant<Create, Begin, RequestCancel, FinishCancel, Retry, Pause, Resume,
                             ResolveSource, CommitChanges, StartStep, ExpandStep, WaitStep,
                             ResumeStep, CompleteStep, FailStep, SkipStep, CancelStep, Complete,
                             Fail, RequestApproval, DecideApproval, ApplyApproval, WithdrawApproval,
                             Steer, ApplySteering, RecordModelCall, StopForBudget, ChooseWorkspace,
                             WorkspaceIsReady, LoseWorkspace, TakeSnapshot, AddArtifact>;

// What follows from a command. No events: it is already so (commands that a restarted driver
// repeats are idempotent). `conflict` naming both states when the state does not allow it,
// `not_found` for an unknown step or approval.
Result<std::vector<Event>> decide(const Run& run, const Command& command, Time now);

// The state after an event. `actor` is who caused it. Total: events are facts.
void apply(Run& run, const Event& event, std::string_view actor);

}  // namespace corral::domain
