// Starts one program of the workspace: pipes or a PTY, a session of its own, nothing inherited but
// what is given.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/error.h"
#include "base/fd.h"

namespace corral::runner {

struct WindowSize {
  std::uint16_t columns = 80;
  std::uint16_t rows = 24;
};

struct StartSpec {
  std::vector<std::string> argv;
  std::map<std::string, std::string> env;  // the whole of it
  std::string cwd;
  std::optional<WindowSize> terminal;
  bool input = false;
  bool merge_errors = true;
};

// All descriptors are non-blocking.
struct Started {
  pid_t pid = 0;  // also its session
  Fd input;       // a pipe; empty without input, and with a terminal
  Fd output;      // a pipe, or the terminal's master side (then it takes input too)
  Fd errors;      // empty when merged, and with a terminal
};

// `not_found` when the program or the folder is not there, `forbidden` (also a folder behind a link
// of /proc), `exhausted` (no processes or descriptors left, arguments too long), with the kernel's
// reason.
Result<Started> start_process(const StartSpec& spec);

Result<void> set_window_size(int terminal, WindowSize size);

}  // namespace corral::runner
