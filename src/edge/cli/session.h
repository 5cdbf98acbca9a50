// One invocation: its arguments, where it prints, and the server it speaks to.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/json.h"
#include "edge/cli/arguments.h"
#include "edge/cli/cli.h"
#include "edge/cli/http_client.h"
#include "edge/cli/screen.h"

namespace corral::edge::cli {

class Session {
 public:
  Session(Arguments arguments, const CliHooks& hooks);
  ~Session();  // stops an embedded server
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  const Arguments& args() const { return args_; }
  const CliHooks& hooks() const { return hooks_; }
  const Screen& screen() const { return screen_; }  // of stdout
  const Screen& error_screen() const { return error_screen_; }

  void print(std::string_view text);                 // stdout, at once
  void print_json(const json::value& document);      // one line
  void note(std::string_view text);                  // a line on stderr
  bool output_gone() const { return output_gone_; }  // nobody reads stdout any more

  // Prints "corral: …" (a JSON object with --json) on stderr.
  int report(const Error& error);

  // The server: the one named or found, otherwise one that is started for this invocation. `read`:
  // the latter answers and takes commands, but drives no run.
  enum class Need { read, work };
  Result<HttpClient*> server(Need need);
  bool embedded() const { return embedded_.has_value(); }
  // Where it is now: a server that was restarted may have moved.
  Endpoint endpoint() const;

  // Gives a command that must not be carried out twice: under a key, and once more with the same
  // one when the answer got lost with the connection. After server().
  Result<json::value> post_once(const std::string& path, const json::value& body);

  // The full id for an id, the unique beginning of one, or "last".
  Result<std::string> run_id(const std::string& given);
  Result<std::string> session_id(const std::string& given);

 private:
  Result<std::string> full_id(std::string_view noun, const std::string& given);
  Arguments args_;
  const CliHooks& hooks_;
  Screen screen_, error_screen_;
  std::optional<HttpClient> client_;
  std::optional<EmbeddedServer> embedded_;
  bool output_gone_ = false;
};

// The elements of {"items": […]} or of an array; none of anything else.
const json::array& items_of(const json::value& page);

// ---- the commands; each returns the exit code ----

int run_command_line(Session& session);  // corral run, corral workflow run
int runs_list(Session& session);
int runs_show(Session& session);
int runs_logs(Session& session);
int runs_diff(Session& session);
int runs_cancel(Session& session);
int runs_retry(Session& session);
int runs_pause(Session& session);  // pause, resume
int runs_steer(Session& session);  // prompt, interrupt, mode
int runs_fork(Session& session);
int runs_wait(Session& session);
int runs_decide(Session& session);  // approve, deny
int runs_artifacts(Session& session);
int runs_events(Session& session);
int project_command(Session& session);   // add, list, show, remove
int agent_command(Session& session);     // list, install
int workflow_command(Session& session);  // all but run
int schedule_command(Session& session);
int queue_command(Session& session);
int session_command(
    Session& session);                // new, list, show, stop, rename, log, screen, attach, share…
int files_command(Session& session);  // list, get, put
int doctor_command(Session& session);
int store_rebuild(Session& session);

}  // namespace corral::edge::cli
