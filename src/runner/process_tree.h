// Who descends from this program, read from /proc.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

namespace corral::runner {

struct ProcessEntry {
  pid_t pid = 0;
  pid_t parent = 0;
  pid_t session = 0;
  std::uint64_t start_time = 0;  // since boot, in clock ticks: tells a reused pid from the old one
  bool zombie = false;
};

// All living descendants of this process, parents before their children. Orphans are among them,
// because this process is their reaper (PID 1, or PR_SET_CHILD_SUBREAPER). A snapshot: what forks
// meanwhile shows in the next one.
std::vector<ProcessEntry> descendants();

// The value of `name` in the environment that a process was started with; empty when it has none or
// cannot be read.
std::string initial_environment_value(pid_t pid, std::string_view name);

}  // namespace corral::runner
