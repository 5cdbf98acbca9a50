// Runs a program outside any sandbox, for Corral's own needs (git, npm, bubblewrap). posix_spawn
// underneath, so it is safe in the threaded server; no shell, ever. The child gets only the
// descriptors and environment given here.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/task.h"

namespace corral {

struct CommandSpec {
  std::vector<std::string> argv;              // argv[0] is looked up on PATH
  std::map<std::string, std::string> env;     // the whole environment; see inherited_env()
  std::string cwd;                            // empty: the caller's
  std::string input;                          // given on stdin
  std::size_t max_output_bytes = 64u << 20;   // of stdout; more is an `exhausted` error
  std::chrono::milliseconds timeout{60'000};  // then SIGKILL to its process group, `deadline`
};

struct CommandResult {
  int exit_code = 0;   // 128 + signal when it was killed
  std::string output;  // stdout
  std::string errors;  // stderr, its last 64 KiB
};

// Runs to the end. Cancelling kills the process group. `not_found` when the program is not
// installed. A non-zero exit is a result, not an error.
Task<Result<CommandResult>> run_command(CommandSpec spec);

// As run_command, but a non-zero exit becomes `unavailable` with the program's last words.
Task<Result<std::string>> run_checked(CommandSpec spec);

// PATH, HOME, LANG, TMPDIR, proxy settings and the places of certificates of this process, and
// nothing else.
std::map<std::string, std::string> inherited_env();

// Starts without waiting: stdin, stdout, stderr and `extra` (child fd → fd here) become the child's
// only descriptors. Puts it in a session of its own. The caller reaps it.
struct SpawnSpec {
  std::vector<std::string> argv;
  std::map<std::string, std::string> env;
  std::string cwd;
  int stdin_fd = -1;  // -1: /dev/null
  int stdout_fd = -1;
  int stderr_fd = -1;
  std::vector<std::pair<int, int>> extra;
};
Result<pid_t> spawn(const SpawnSpec& spec);

}  // namespace corral
