// What a step does, by its kind. A kind is carried out by a driver that may die at any moment and
// be followed by another, so executing is repeatable: every process has an id that follows from the
// attempt, every write an offset or id, and the second execution of an attempt takes up what the
// first began.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "domain/expression.h"
#include "domain/run.h"
#include "engine/core.h"
#include "ports/launcher.h"
#include "session/log_store.h"

namespace corral::engine {

// What an attempt waits for without anything of it at work. It is carried out again when the run
// changes, when something wakes its job, and then.
struct StepWait {
  std::string reason;
  std::optional<Time> until;
  bool anew = false;  // what it had at work has ended: it goes on with processes of another name
  std::vector<int> given = {};  // as WaitStep's
};

// How an attempt ended: well when there is no failure.
struct StepEnd {
  std::optional<domain::Failure> failure;
  std::string summary;  // an agent's last words
  json::object outputs;
  std::optional<StepWait> waits;  // it has not ended
  Duration pause{0};              // after a failure: another attempt is of no use before
};

// A line of the engine's own in a log, once for each `source`: after a crash the first text stands,
// should the second attempt have another.
Task<Result<void>> write_note(session::Log& log, std::string source, std::string text);

// One attempt at a step, for as long as this driver carries it out.
struct StepContext {
  Core& core;
  Drivers::Seat& seat;
  domain::Run run;                              // as last read or written here
  std::string name;                             // of the step
  json::object with;                            // what the kind asked for, expressions evaluated
  std::shared_ptr<ports::Workspace> workspace;  // null for kinds that need none
  std::shared_ptr<session::Log> log;            // what a person reads
  std::shared_ptr<session::Log> timeline;       // agents' events

  const domain::Step& step() const { return *run.find(name); }
  std::string process_id() const { return step().process_id(); }
  // Executes a command on the run and keeps the state that follows.
  Task<Result<void>> tell(domain::Command command, Then then = Then::nothing);
  Task<Result<void>> reload();
  // A line of the engine's own in the run's log.
  Task<Result<void>> note(std::string source, std::string text);
  // What is left for a process: of the step's own timeout and the run's. At least 1 ms; 0: no
  // limit.
  Duration time_left() const;
  // A text of `with`; empty when it is not there.
  std::string text(std::string_view key) const;
  std::vector<std::string> texts(std::string_view key) const;  // one text or a list of them
  // Whether the step is to stop: the run is being cancelled.
  bool must_stop() const { return run.must_stop(step()); }
};

class StepKind {
 public:
  virtual ~StepKind() = default;
  // What a definition says for it; `rules().name` is its name.
  virtual domain::KindRules rules() const = 0;
  virtual bool needs_workspace() const { return true; }
  // The step's outcome. An Error is trouble of the engine's own (store, logs, blobs): the step is
  // then neither done nor failed, and is taken up again later.
  virtual Task<Result<StepEnd>> execute(StepContext& context) const = 0;
  // Whether what a waiting step waits for outside its run has come.
  virtual Task<Result<bool>> is_due(StepContext& context) const;
  // The run ends although the step is under way: ends what lives outside its workspace.
  virtual Task<Result<void>> abandon(StepContext& context) const;
};

std::unique_ptr<StepKind> make_git_kind();
std::unique_ptr<StepKind> make_agent_kind();
std::unique_ptr<StepKind> make_command_kind();
std::unique_ptr<StepKind> make_artifacts_kind();

std::unique_ptr<StepKind> make_approval_kind();
std::unique_ptr<StepKind> make_workflow_kind();
std::unique_ptr<StepKind> make_http_kind();
std::unique_ptr<StepKind> make_llm_kind();
std::unique_ptr<StepKind> make_session_kind();

}  // namespace corral::engine
