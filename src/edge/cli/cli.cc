#include "edge/cli/cli.h"

#include <csignal>
#include <map>

#include "base/log.h"
#include "edge/cli/completion.h"
#include "edge/cli/session.h"

namespace corral::edge::cli {
namespace {

int completion_command(Session& session) {
  session.print(completion_script(command_tree(), session.args().shell).value_or(""));
  return kOk;
}

int openapi_command(Session& session) {
  session.print(session.hooks().openapi() + "\n");
  return kOk;
}

int version_command(Session& session) {
  if (session.args().json)
    session.print_json(json::object{{"version", session.hooks().version}});
  else
    session.print("corral " + session.hooks().version + "\n");
  return kOk;
}

int serve_command(Session& session) { return session.hooks().serve(session.args().serve); }

using Command = int (*)(Session&);
const std::map<std::string_view, Command> kCommands{
    {"serve", serve_command},
    {"run", run_command_line},
    {"runs list", runs_list},
    {"runs show", runs_show},
    {"runs logs", runs_logs},
    {"runs diff", runs_diff},
    {"runs cancel", runs_cancel},
    {"runs retry", runs_retry},
    {"runs pause", runs_pause},
    {"runs prompt", runs_steer},
    {"runs interrupt", runs_steer},
    {"runs mode", runs_steer},
    {"runs resume", runs_pause},
    {"runs fork", runs_fork},
    {"runs wait", runs_wait},
    {"runs approve", runs_decide},
    {"runs deny", runs_decide},
    {"runs artifacts", runs_artifacts},
    {"runs events", runs_events},
    {"project add", project_command},
    {"project list", project_command},
    {"project show", project_command},
    {"project remove", project_command},
    {"agent list", agent_command},
    {"agent install", agent_command},
    {"workflow validate", workflow_command},
    {"workflow graph", workflow_command},
    {"workflow run", run_command_line},
    {"workflow list", workflow_command},
    {"workflow show", workflow_command},
    {"workflow save", workflow_command},
    {"workflow delete", workflow_command},
    {"workflow schema", workflow_command},
    {"schedule create", schedule_command},
    {"schedule list", schedule_command},
    {"schedule show", schedule_command},
    {"schedule pause", schedule_command},
    {"schedule resume", schedule_command},
    {"schedule delete", schedule_command},
    {"queue show", queue_command},
    {"queue jobs", queue_command},
    {"queue pause", queue_command},
    {"queue resume", queue_command},
    {"queue drain", queue_command},
    {"queue retry", queue_command},
    {"queue discard", queue_command},
    {"session new", session_command},
    {"session list", session_command},
    {"session show", session_command},
    {"session stop", session_command},
    {"session rename", session_command},
    {"session log", session_command},
    {"session search", session_command},
    {"session screen", session_command},
    {"session revoke", session_command},
    {"files list", files_command},
    {"files get", files_command},
    {"files put", files_command},
    {"attach", session_command},
    {"share", session_command},
    {"doctor", doctor_command},
    {"store rebuild", store_rebuild},
    {"openapi", openapi_command},
    {"completion", completion_command},
    {"version", version_command},
};

// A server's log is its own; next to a run's output only what matters is shown.
void set_logging(const Arguments& args) {
  log::set_level(!args.log_level.empty()   ? args.log_level
                 : args.command == "serve" ? "info"
                                           : "error");
  log::set_format(args.log_format == "json"   ? log::Format::json
                  : args.log_format == "text" ? log::Format::text
                                              : log::Format::automatic);
}

}  // namespace

int cli_main(int argc, char** argv, const CliHooks& hooks) {
  // A reader that goes away (| head) shows as an error of write, also to a server in this process.
  std::signal(SIGPIPE, SIG_IGN);
  auto parsed = parse_arguments(std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc),
                                hooks.version);
  std::fputs(parsed.out.c_str(), stdout);
  std::fputs(parsed.err.c_str(), stderr);
  if (!parsed.arguments) return std::fflush(stdout) == 0 ? parsed.exit_code : int{kFailed};
  set_logging(*parsed.arguments);
  const auto command = kCommands.find(parsed.arguments->command);
  CORRAL_ASSERT(command != kCommands.end());
  Session session(std::move(*parsed.arguments), hooks);
  return command->second(session);
}

}  // namespace corral::edge::cli
