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
  std::optional<Time> not_before;         // a delayed start
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
};

class Service {
 public:
  virtual ~Service() = default;

  // ---- commands: each returns the document as it is afterwards ----
  // `idempotency_key`: empty, or the same key gives the same run again; with a different request it
  // is a `conflict`.
  virtual Task<Result<json::value>> start_run(StartRun request, std::string actor,
                                              std::string idempotency_key) = 0;
  // The run ends in `cancelled` once its processes are gone. `conflict` when it has already ended.
  virtual Task<Result<json::value>> cancel_run(RunId run, std::string reason,
                                               std::string actor) = 0;
  // `from`: a step that is done again with all that needs it, although it went well; empty: only what
  // did not go well is done again.
  virtual Task<Result<json::value>> retry_run(RunId run, std::string from, std::string actor) = 0;
  // No further step begins; what is under way goes on.
  virtual Task<Result<json::value>> pause_run(RunId run, std::string reason, std::string actor) = 0;
  virtual Task<Result<json::value>> resume_run(RunId run, std::string actor) = 0;
  // A new run of what the old one was asked for, which keeps the old one's results up to `from`.
  virtual Task<Result<json::value>> fork_run(RunId run, std::string from, std::string actor) = 0;
  // `choice`: one of the approval's choices, when it has any and is allowed.
  virtual Task<Result<json::value>> decide_approval(std::string approval, bool allow,
                                                    std::string message, std::string choice,
                                                    std::string actor) = 0;

  virtual Task<Result<json::value>> save_workflow(std::string source, std::string actor) = 0;
  virtual Task<Result<void>> delete_workflow(std::string name, std::string actor) = 0;

  virtual Task<Result<json::value>> create_group(std::string name, std::string actor) = 0;
  virtual Task<Result<json::value>> create_project(std::string name, std::string git_url,
                                                   std::string group, std::string actor) = 0;
  virtual Task<Result<void>> delete_project(std::string project, std::string actor) = 0;

  // ---- queries ----
  virtual Task<Result<json::value>> get_run(RunId run) = 0;
  // As it was when it had that many events.
  virtual Task<Result<json::value>> get_run_at(RunId run, std::uint64_t version) = 0;
  virtual Task<Result<Page>> list_runs(RunFilter filter) = 0;
  virtual Task<Result<json::value>> get_project(std::string id_or_name) = 0;
  virtual Task<Result<Page>> list_projects(std::string cursor, std::uint32_t limit) = 0;
  virtual Task<Result<json::value>> get_group(std::string id_or_name) = 0;
  virtual Task<Result<Page>> list_groups(std::string cursor, std::uint32_t limit) = 0;
  virtual Task<Result<std::vector<json::value>>> list_workflows() = 0;
  virtual Task<Result<json::value>> get_workflow(std::string name) = 0;
  // JSON Schema of definitions.
  virtual json::value workflow_schema() = 0;
  // Checks a definition: the parsed workflow as JSON, or `invalid` with line and column in the
  // message.
  virtual Result<json::value> validate_workflow(std::string yaml) = 0;
  // Open (undecided) approvals; of one run when given.
  virtual Task<Result<std::vector<json::value>>> list_approvals(std::optional<RunId> run) = 0;

  // Events of a run after `version`; waits up to `wait` for the first when there is none yet (0:
  // answers at once).
  virtual Task<Result<std::vector<json::value>>> run_events(RunId run, std::uint64_t after_version,
                                                            std::uint32_t limit, Duration wait) = 0;
  // Events of everything after `position` (with "position" in each), likewise.
  virtual Task<Result<std::vector<json::value>>> all_events(std::uint64_t after_position,
                                                            std::uint32_t limit, Duration wait) = 0;

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

  // ---- for the gateway ----
  // The run that a token belongs to. `unauthenticated` for any other; `forbidden` once the run has
  // ended.
  virtual Task<Result<RunId>> authenticate_run_token(std::string token) = 0;
  // `exhausted`, with the figures, when the run's budget is spent; the run is then stopped with
  // that reason.
  virtual Task<Result<void>> admit_model_call(RunId run) = 0;
  virtual Task<Result<void>> record_model_call(RunId run, ModelCall call) = 0;

  // Prometheus text exposition of the engine's figures.
  virtual Task<Result<std::string>> metrics() = 0;
};

}  // namespace corral::engine
