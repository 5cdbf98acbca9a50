// Processes as the host sees them, named so that a reused pid is never mistaken for the one that
// was meant.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/error.h"
#include "base/fd.h"

namespace corral::adapters::sandbox {

struct HostProcess {
  pid_t pid = 0;
  std::uint64_t start = 0;  // clock ticks since boot, /proc/<pid>/stat field 22
  auto operator<=>(const HostProcess&) const = default;
};

// The process that has this pid now; nothing when there is none, or only a zombie.
std::optional<HostProcess> find_process(pid_t pid);
bool is_alive(const HostProcess& process);
pid_t parent_of(pid_t pid);  // 0: none
// Every process in the same PID namespace, itself included; none when that may not be looked at.
std::vector<pid_t> in_namespace_of(const HostProcess& process);

// A descriptor that becomes readable when the process ends. `not_found` when it already has.
Result<Fd> watch_process(const HostProcess& process);
// Success when it is already gone.
Result<void> kill_process(const HostProcess& process);
// Blocks until the process has ended; false after `milliseconds`.
bool wait_for_end(const HostProcess& process, int milliseconds);

// Kills the process and everything below it: for workspaces without a PID namespace. The parent is
// stopped first, so that nothing is made behind the sweep.
void kill_tree(const HostProcess& root);
// Kills whatever runs as `uid`: for workspaces with a uid of their own. Repeats until nothing is
// left; false when something was.
bool kill_all_of(std::uint32_t uid);

// Changes with every boot of the machine: start times are only comparable within one.
std::string boot_id();

}  // namespace corral::adapters::sandbox
