// The command line `corral`: what the composition root calls, and what it must provide.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace corral::edge::cli {

// What the program's exit code says; documented in docs/cli.md and in `corral --help`.
enum ExitCode : int {
  kOk = 0,
  kFailed = 1,         // the run failed or was cancelled, doctor found a problem, something broke
  kUsage = 2,          // the command line or a file given on it is wrong
  kUnreachable = 3,    // no server answers, or it is not ready
  kNotFound = 4,       // no such run, project, artifact
  kForbidden = 5,      // login needed, or not allowed
  kConflict = 6,       // the state of things does not allow it (cancelling a run that has ended)
  kInterrupted = 130,  // left by Ctrl-C; what was started goes on
};
int exit_code_of(ErrorCode code);

// Of `serve`, and of the server that `run` starts for itself.
struct ServeOptions {
  std::filesystem::path data;         // absolute
  std::string address = "127.0.0.1";  // IP literal
  std::uint16_t port = 8420;          // 0: a free one
  // Holds the login token; unset: the data folder's.
  std::optional<std::filesystem::path> token_file;
  std::optional<std::filesystem::path> record, replay;  // cassette; at most one of them
  std::string sandbox = "sandbox";                      // "sandbox" | "reduced" | "none"
  bool require_limits = false;  // refuse to start where a limit of the sandbox cannot be set
  std::string store;            // postgres://…; empty: as configured, or SQLite in the data folder
  std::vector<std::string> http_allow;  // HOST or HOST:PORT that `http` steps may call anyway
  std::uint32_t max_runs = 10;       // at work at once; 0: answers and takes commands, drives none
  std::uint32_t keep_logs_days = 0;  // after the end of a run or session; 0: for ever
  std::uint64_t logs_quota_bytes = 0;             // of all logs; the oldest ended go; 0: no limit
  std::uint64_t session_log_bytes = 10ull << 30;  // that a session may print; 0: no limit
  std::uint32_t lease_s =
      15;  // of a run: how long this server may be away before another takes over
};

struct EmbeddedServer {
  std::string url;    // http://127.0.0.1:PORT
  std::string token;  // for Authorization; may be empty
  // Blocks until it has stopped; runs that are not over go on at the next start.
  std::function<void()> stop;
};

struct DoctorOptions {
  std::filesystem::path data;
  std::string sandbox = "sandbox";
};

struct RebuildOptions {
  std::filesystem::path data;
  std::string store;  // as ServeOptions
  enum class Mode { repair, check } mode = Mode::repair;
};

// Each is called at most once, on the main thread. Errors are printed by the caller.
struct CliHooks {
  // Runs the server until SIGINT or SIGTERM; returns the exit code, having said on stderr what went
  // wrong.
  std::function<int(const ServeOptions&)> serve;
  // Starts a server on a thread of its own. SIGINT and SIGTERM stay with the caller.
  std::function<Result<EmbeddedServer>(const ServeOptions&)> start_embedded;
  // {"version","ok":bool,"isolation":"sandbox|reduced|none|unavailable",
  //  "checks":[{"name","status":"ok|warning|problem","detail","remedy"}],"agents":[as GET /agents]}
  std::function<Result<json::value>(const DoctorOptions&)> doctor;
  // Installs into `data`'s agents folder; returns {"name","version","wanted_version","problem"}.
  std::function<Result<json::value>(const std::string& name, const std::filesystem::path& data,
                                    std::function<void(std::string_view line)> progress)>
      agent_install;
  // The agents that `data` has, as GET /agents gives them, for when no server runs: an array.
  std::function<Result<json::value>(const std::filesystem::path& data)> agent_list;
  // Makes read models again from events, while no server runs:
  // {"runs","events","documents","changed","removed","differences":[text]}.
  std::function<Result<json::value>(const RebuildOptions&,
                                    std::function<void(std::string_view line)> progress)>
      store_rebuild;
  std::function<std::string()> openapi;  // the document, as JSON text
  std::string version;                   // "0.1.0 (abc1234)"
};

// Parses, does, and returns the exit code. Answers go to stdout, everything else to stderr.
int cli_main(int argc, char** argv, const CliHooks& hooks);

}  // namespace corral::edge::cli
