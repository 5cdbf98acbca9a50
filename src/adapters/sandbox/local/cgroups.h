// Limits on all processes of a workspace together, by cgroups: version 1 hierarchies, version 2, or
// neither.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/error.h"
#include "ports/launcher.h"

namespace corral::adapters::sandbox {

// The cgroups of one workspace: folders below /sys/fs/cgroup. Kept as text, so that a restarted
// server finds them again.
struct CgroupSet {
  std::string memory, cpu, pids;  // the same folder three times under version 2; empty: not limited

  std::vector<std::string> folders() const;  // each once
  // What a process of one thread writes "0" into to enter. They must exist.
  std::vector<std::string> entry_files() const;
  std::vector<pid_t> members() const;  // the processes in it; none when nothing is limited
};

// Blocking, but on kernel files only. Thread-safe.
class Cgroups {
 public:
  // Finds what this process may use. Under version 2 it may move the server into a leaf of its own
  // cgroup, because a cgroup that holds processes cannot pass controllers on.
  static Cgroups discover();

  // What cannot be limited here, and why; empty when memory, CPU and processes all can.
  std::vector<std::string> problems() const;
  // The same without the number of processes, for those who limit that by other means too.
  std::vector<std::string> problems_but_processes() const;

  // Where the cgroups of a workspace are, or will be.
  CgroupSet places(const std::string& name) const;

  // Makes them and sets the limits. Limits that problems() names are left out. What was made before
  // a failure stays: remove() takes it.
  Result<void> create(const std::string& name, const ports::Limits& limits) const;

  // Removes them; their processes must be gone. Absent is fine.
  static Result<void> remove(const CgroupSet& set);

 private:
  struct Parent {
    std::string folder;  // the cgroup "corral" in one hierarchy; empty: none
    int version = 0;
  };
  void discover_v1();
  void discover_v2();
  void use(Parent& slot, const char* what, const std::string& folder, int version);
  void miss(const char* what, std::string why);

  Parent memory_, cpu_, pids_;
  struct Problem {
    std::string what, why;
  };
  std::vector<Problem> problems_;
};

// Kills every process in the set, also those that are being made meanwhile. Returns how many were
// left (0: none).
std::size_t kill_all(const CgroupSet& set);

// How often the kernel killed a process of this set for lack of memory.
std::uint64_t out_of_memory_kills(const CgroupSet& set);

}  // namespace corral::adapters::sandbox
