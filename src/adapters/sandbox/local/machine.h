// What this machine offers for workspaces, found out once.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "adapters/sandbox/local/cgroups.h"
#include "adapters/sandbox/local/launch/launch_spec.h"
#include "base/error.h"
#include "ports/launcher.h"

namespace corral::adapters::sandbox {

struct UidRange {
  std::uint32_t first = 0, count = 0;
};

struct Machine {
  Cgroups cgroups;
  std::string bwrap;             // absolute path; empty: not installed
  std::string filter;            // seccomp, for the isolation that is wanted
  std::optional<UidRange> uids;  // set when workspaces get uids of their own
  bool root = false;
  int landlock = 0;  // ABI, 0: none

  // Looks at kernel files, makes the filter: a few milliseconds.
  static Result<Machine> look(ports::Isolation isolation, UidRange wanted);

  // Whether a process of another uid can get at `path`: every folder above it may be entered by
  // all.
  static bool reachable_by_all(const std::string& path);
};

// Why bubblewrap did not work here, in words that name the remedy, from what it said itself.
Error explain_bwrap_failure(const std::string& said);

}  // namespace corral::adapters::sandbox
