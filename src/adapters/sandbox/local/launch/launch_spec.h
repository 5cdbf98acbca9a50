// What the server tells `corral-runner launch`, as JSON on descriptor 3. Descriptor 4 is the
// seccomp filter (BPF, as seccomp_filter.h exports it). Both are memory files.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace corral::adapters::sandbox {

enum class LaunchMode {
  sandbox,  // becomes bubblewrap
  direct,   // becomes the runner: the reduced mode (its processes are confined one by one) and none
};

struct LaunchMount {
  std::string source;  // on the host
  std::string target;  // inside
};

struct LaunchSpec {
  LaunchMode mode = LaunchMode::sandbox;
  std::string folder;                 // the workspace's: holds work, home, spool, door
  std::string bwrap;                  // absolute path
  std::string etc;                    // the folder that becomes /etc
  std::string runner;                 // absolute path of corral-runner
  std::vector<std::string> command;   // what becomes the first process; empty: the runner
  std::string config;                 // the runner's configuration line: holds the link token
  std::vector<std::string> cgroups;   // files to write "0" into, to enter
  std::optional<std::uint32_t> uid;   // to become before anything runs; unset: stay who we are
  bool drop_capabilities = false;     // direct mode as a root that cannot become someone else
  std::uint64_t file_size_bytes = 0;  // 0: no limit
  std::uint64_t open_files = 0;
  std::uint64_t processes = 0;  // of the uid: only for a uid that nobody else has
  std::uint64_t tmp_bytes = 0;
  std::uint64_t shared_memory_bytes = 0;
  std::vector<LaunchMount> mounts;
};

// Files in LaunchSpec::folder.
constexpr const char* kWorkFolder = "work";
constexpr const char* kHomeFolder = "home";
constexpr const char* kSpoolFolder = "spool";
constexpr const char* kDoorFolder = "door";
constexpr const char* kTmpFolder = "tmp";  // direct mode only
constexpr const char* kLaunchedFile =
    "launched.json";  // {"pid","start"}: who became bubblewrap or the runner
constexpr const char* kInfoFile = "bwrap.json";  // {"child-pid"}: the runner, written by bubblewrap
constexpr const char* kLaunchLog = "launch.log";

// Where things are inside.
constexpr const char* kInsideRunner = "/corral/runner";
constexpr const char* kInsideWork = "/workspace";
constexpr const char* kInsideHome = "/home/agent";

// Folders of hundreds of public files in /etc: mounted from the host, where the rest of /etc is a
// copy.
constexpr const char* kEtcMounts[] = {"alternatives", "ssl/certs"};

// Descriptors of the runner.
constexpr int kDoorFd = 3;
constexpr int kSpoolFd = 4;
constexpr int kConfigFd = 5;
constexpr int kFirstFreeFd = 16;  // what the launch step opens lies from here on

std::string to_json_text(const LaunchSpec& spec);
Result<LaunchSpec> parse_launch_spec(std::string_view text);

}  // namespace corral::adapters::sandbox
