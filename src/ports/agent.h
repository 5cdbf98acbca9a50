// The port to coding agents: how one is installed, launched and spoken to.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/task.h"
#include "ports/launcher.h"

namespace corral::ports {

// One normal form for what agents do; drives timeline, API and notifications. A plan's entries are
// its text, one a line, and its input: {"entries": [{"content", "status"}]}. A tool call that edits
// has the old and the new text in its input, as "old_string" and "new_string". A further prompt is
// a `prompt` when a person has said it, and a `prompt_given` with the same id and text once the
// agent gets it, which may never come to pass.
struct AgentEvent {
  enum class Kind {
    started,
    message,
    thought,
    plan,
    prompt,
    prompt_given,
    tool_call,
    tool_result,
    permission_request,
    permission_answer,
    usage,
    notice,
    error,
    finished
  };
  Kind kind = Kind::notice;
  std::string id;     // of the tool call, permission request or further prompt (these: unique in
                      // their process); the agent's session for `started`
  std::string text;   // message, thought, prompt, result, notice or error text
  std::string tool;   // tool name
  json::value input;  // tool input, or usage figures
  bool is_error = false;
};
std::string_view to_string(AgentEvent::Kind kind);
json::value to_json(const AgentEvent& event);

struct AgentInput {
  std::string id;  // idempotency key for Workspace::input; the same again for the same bytes, after
                   // a restart too
  std::string bytes;
};

struct AgentResult {
  bool ok = false;
  std::string summary;  // the agent's last words, or why it failed
  double cost_usd = 0;  // as the agent reckons; the gateway's figure is the one that counts
  std::int64_t turns = 0;
};

// The protocol with one live agent process: a state machine without I/O. Feeding it the same bytes
// and answers yields the same events and inputs, so that a restarted server replays the log and
// goes on.
class AgentDriver {
 public:
  struct Step {
    std::vector<AgentEvent> events;
    std::vector<AgentInput> inputs;
    bool close_input = false;  // nothing more will be said: close stdin after these inputs
    std::optional<AgentResult>
        result;        // set when the agent has finished its task: stdin may be closed
    std::string text;  // what a person reads in the run's log, deterministic
  };
  virtual ~AgentDriver() = default;
  virtual Step begin() = 0;
  virtual Step on_output(std::string_view bytes) = 0;  // any split of the stream
  virtual Step answer(std::string_view permission_id, bool allow, std::string_view message) = 0;
  // Ends the turn under way; the task goes on with what prompt() has added, or ends as interrupted.
  // No inputs: there is no protocol for it, and a signal has to do.
  virtual Step interrupt() = 0;
  // A further task, given once the agent's turn has ended. Nothing after the result.
  virtual Step prompt(std::string_view text) = 0;
  // As AgentTask::permission_policy, from here on. "workspace" allows what is asked now as well.
  virtual Step set_permission_policy(std::string_view policy) = 0;
  // The process has ended. Its result when on_output never gave one.
  virtual AgentResult on_exit(int exit_code, std::string_view last_errors) = 0;
};

struct AgentTask {
  std::string prompt;
  // A UUID that the engine chose; of a session that exists, the id of its `started` event.
  std::string session_id;
  bool resume = false;               // the session already exists
  std::string gateway_url;           // inside the workspace
  std::string gateway_token;         // good for this run alone
  std::string model;                 // empty: the agent's default
  std::string permission_policy;     // "workspace" (default: allow inside), "ask"
  std::vector<std::string> command;  // for the agent "command"
};

struct AgentLaunch {
  ProcessSpec process;  // id is set by the engine
  std::vector<std::pair<std::string, std::string>>
      files;  // absolute path inside → content, written before the start
};

struct AgentInfo {
  std::string name;            // "claude", "command"
  std::string version;         // installed version; empty when not installed
  std::string wanted_version;  // the pinned one; empty when nothing is to be installed
  std::string problem;         // why it cannot run, and what to do; empty when it can
};
json::value to_json(const AgentInfo& info);

class Agent {
 public:
  virtual ~Agent() = default;
  virtual std::string_view name() const = 0;
  // Whether a session can be gone on with in another process (AgentTask::resume).
  virtual bool resumes() const { return false; }
  virtual Task<Result<AgentInfo>> info() = 0;
  // Fetches the pinned version through npm. `progress` gets lines for a person. Safe to repeat and
  // to interrupt.
  virtual Task<Result<void>> install(std::function<void(std::string_view)> progress) = 0;
  // What of the host must be visible inside. `unavailable` with the remedy when it is not
  // installed.
  virtual Task<Result<std::vector<ReadOnlyMount>>> mounts() = 0;
  virtual Result<AgentLaunch> launch(const AgentTask& task) = 0;
  // The same for a person at a terminal: its own screens and dialogues, without a prompt. It asks
  // the person itself ("ask"), or does without asking ("workspace"). To resume is to go on with the
  // latest session that HOME knows, whatever its id. `unsupported` when it has none; `unavailable`
  // with the remedy when that is not installed.
  virtual Result<AgentLaunch> launch_terminal(const AgentTask&) {
    return fail(ErrorCode::unsupported, "the agent {} has no terminal program", name());
  }
  virtual std::unique_ptr<AgentDriver> driver(const AgentTask& task) = 0;
};

}  // namespace corral::ports
