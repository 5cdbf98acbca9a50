// The engine's front: commands and queries, for every edge (HTTP, CLI, gateway). Validates,
// decides, commits. Lives on the server's main executor. JSON documents returned here are the API's
// own (docs/api.md).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/id.h"
#include "base/json.h"
#include "base/task.h"
#include "domain/policy.h"
#include "ports/store.h"
#include "session/log_store.h"

namespace corral::engine {

struct StartRun {
  std::string project;               // id or name; exactly one of project and git_url
  std::string git_url;               // URL or absolute local path: its project is found or made
  std::string workflow = "task";     // a built-in workflow's name
  std::string definition;            // or a workflow as YAML text
  std::string agent = "claude";      // "claude" | "command"
  std::string prompt;                // at most 16 MiB
  std::vector<std::string> command;  // agent "command": the program; the prompt goes to its stdin
  std::string checks;  // shell command run in the workspace after the agent; empty: none
  std::string model;   // empty: the agent's default
  std::string base;    // branch to start from; empty: the project's default
  std::string permissions = "workspace";  // "workspace" | "ask"
  std::optional<double> budget_usd;       // unset: the server's default
  std::optional<std::int64_t> timeout_s;
  int priority = 0;
  std::string author_name, author_email;  // of the commits; empty: the actor
  json::object inputs;                    // as the workflow declares them
  enum class Inputs { values, texts } inputs_are = Inputs::values;  // texts: the command line's
  std::optional<Time> not_before;                                   // a delayed start
};

struct RunFilter {
  std::string project, status;
  std::string cursor;  // from the last page's next_cursor
  std::uint32_t limit = 50;
};

struct Page {
  std::vector<json::value> items;
  std::string next_cursor;  // empty: the end
};

// One model call, as the gateway saw it.
struct ModelCall {
  std::string model;
  std::int64_t input_tokens = 0, output_tokens = 0, cache_read_tokens = 0, cache_write_tokens = 0;
  std::int64_t duration_ms = 0;
  int status = 200;
  // The provider refused it, for a quota or for too much to do, until then.
  std::optional<Time> retry_at;
};

// Who gives a command, and how it is told from another.
struct Caller {
  Caller(std::string who, std::string key = {}, std::string traceparent = {})
      : actor(std::move(who)), idempotency_key(std::move(key)), trace(std::move(traceparent)) {}
  Caller(const char* who) : Caller(std::string(who)) {}

  std::string actor;  // "user:ann"
  // Not empty: the same command with the same key is carried out once, however often it comes; a
  // different one is a `conflict`.
  std::string idempotency_key;
  std::string trace;  // W3C traceparent, kept with the events that follow
};

struct NewSchedule {
  StartRun run;          // what is started each time
  std::string cron;      // empty: what the workflow says
  std::string timezone;  // likewise; "UTC" when that says nothing
};

struct JobFilter {
  std::string state, kind, group;  // state: ready, delayed, claimed, completed or failed
  std::string cursor;
  std::uint32_t limit = 50;
};

struct EventFilter {
  std::uint64_t after_position = 0;
  std::vector<std::string> types;
  std::optional<Time> from, until;
  std::uint32_t limit = 100;
};

// Each returns the document as it is afterwards.
class Commands {
 public:
  virtual ~Commands() = default;

  virtual Task<Result<json::value>> start_run(StartRun request, Caller by) = 0;
  // The run ends in `cancelled` once its processes are gone. `conflict` when it has already ended.
  virtual Task<Result<json::value>> cancel_run(RunId run, std::string reason, Caller by) = 0;
  // `from`: a step that is done again with all that needs it, although it went well; empty: only
  // what did not go well is done again.
  virtual Task<Result<json::value>> retry_run(RunId run, std::string from, Caller by) = 0;
  // Tells the agent of a step that is at work something; the run. A prompt has at most 64 KiB.
  virtual Task<Result<json::value>> steer_run(RunId run, std::string step,
                                              domain::SteeringKind what, std::string text,
                                              Caller by) = 0;
  // No further step begins; what is under way goes on.
  virtual Task<Result<json::value>> pause_run(RunId run, std::string reason, Caller by) = 0;
  virtual Task<Result<json::value>> resume_run(RunId run, Caller by) = 0;
  // A new run of what the old one was asked for, which keeps the old one's results up to `from`.
  virtual Task<Result<json::value>> fork_run(RunId run, std::string from, Caller by) = 0;
  // `choice`: one of the approval's choices, when it has any and is allowed.
  virtual Task<Result<json::value>> decide_approval(std::string approval, bool allow,
                                                    std::string message, std::string choice,
                                                    Caller by) = 0;

  // Keeps a definition; each that differs from the last of its name is a version more.
  virtual Task<Result<json::value>> save_workflow(std::string source, Caller by) = 0;
  virtual Task<Result<void>> delete_workflow(std::string name, Caller by) = 0;
  virtual Task<Result<json::value>> create_schedule(NewSchedule schedule, Caller by) = 0;
  virtual Task<Result<json::value>> pause_schedule(std::string id, bool paused, Caller by) = 0;
  virtual Task<Result<void>> delete_schedule(std::string id, Caller by) = 0;

  virtual Task<Result<json::value>> create_group(std::string name, Caller by) = 0;
  virtual Task<Result<json::value>> create_project(std::string name, std::string git_url,
                                                   std::string group, Caller by) = 0;
  virtual Task<Result<void>> delete_project(std::string project, Caller by) = 0;

  // ---- the queue ----
  // Nothing of the group (a project's id; empty: of any) begins until it is unpaused.
  virtual Task<Result<json::value>> pause_queue(std::string group, bool paused, Caller by) = 0;
  // A dead letter is tried again, or forgotten. `conflict` for any other job.
  virtual Task<Result<void>> retry_job(std::uint64_t job, Caller by) = 0;
  virtual Task<Result<void>> discard_job(std::uint64_t job, Caller by) = 0;
};

class Queries {
 public:
  virtual ~Queries() = default;

  virtual Task<Result<json::value>> get_run(RunId run) = 0;
  // As it was when it had that many events.
  virtual Task<Result<json::value>> get_run_at(RunId run, std::uint64_t version) = 0;
  virtual Task<Result<Page>> list_runs(RunFilter filter) = 0;
  virtual Task<Result<json::value>> get_project(std::string id_or_name) = 0;
  virtual Task<Result<Page>> list_projects(std::string cursor, std::uint32_t limit) = 0;
  virtual Task<Result<json::value>> get_group(std::string id_or_name) = 0;
  virtual Task<Result<Page>> list_groups(std::string cursor, std::uint32_t limit) = 0;
  virtual Task<Result<std::vector<json::value>>> list_workflows() = 0;
  virtual Task<Result<json::value>> get_workflow(std::string name) = 0;  // "name" or "name@version"
  // JSON Schema of definitions.
  virtual json::value workflow_schema() = 0;
  // Checks a definition: the parsed workflow as JSON, or `invalid` with line and column in the
  // message.
  virtual Result<json::value> validate_workflow(std::string yaml) = 0;
  virtual Task<Result<json::value>> get_schedule(std::string id) = 0;
  virtual Task<Result<std::vector<json::value>>> list_schedules() = 0;
  // Open (undecided) approvals; of one run when given.
  virtual Task<Result<std::vector<json::value>>> list_approvals(std::optional<RunId> run) = 0;

  // Events of a run after `version`; waits up to `wait` for the first when there is none yet (0:
  // answers at once).
  virtual Task<Result<std::vector<json::value>>> run_events(RunId run, std::uint64_t after_version,
                                                            std::uint32_t limit, Duration wait) = 0;
  // Events of everything (with "position" and "stream" in each), likewise.
  virtual Task<Result<std::vector<json::value>>> all_events(EventFilter filter, Duration wait) = 0;
  // The position of the last event so far.
  virtual Task<Result<std::uint64_t>> last_position() = 0;

  // What a person reads, all steps of all attempts; and the agent's events, one JSON object a line.
  virtual Task<Result<std::shared_ptr<session::Log>>> run_log(RunId run) = 0;
  virtual Task<Result<std::shared_ptr<session::Log>>> run_timeline(RunId run) = 0;
  virtual Task<Result<std::string>> run_diff(
      RunId run) = 0;  // unified; empty when nothing changed yet
  virtual Task<Result<std::vector<json::value>>> list_artifacts(RunId run) = 0;
  struct Artifact {
    std::string name, media_type, content, hash;
  };
  virtual Task<Result<Artifact>> get_artifact(RunId run, std::string name) = 0;

  // Counts by state, how long the oldest waits, what is paused.
  virtual Task<Result<json::value>> queue_state() = 0;
  virtual Task<Result<Page>> list_jobs(JobFilter filter) = 0;
  // Prometheus text exposition of the engine's figures.
  virtual Task<Result<std::string>> metrics() = 0;
};

class Service : public Commands, public Queries {
 public:
  // ---- for the gateway ----
  // The run that a token belongs to. `unauthenticated` for any other; `forbidden` once the run has
  // ended.
  virtual Task<Result<RunId>> authenticate_run_token(std::string token) = 0;
  // `exhausted`, with the figures, when the run's budget is spent; the run is then stopped with
  // that reason.
  virtual Task<Result<void>> admit_model_call(RunId run) = 0;
  virtual Task<Result<void>> record_model_call(RunId run, ModelCall call) = 0;
};

}  // namespace corral::engine
