#include "adapters/sandbox/local/machine.h"

#include <charconv>
#include <sstream>

#include <linux/capability.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapters/sandbox/local/launch/confine.h"
#include "adapters/sandbox/local/seccomp_filter.h"
#include "base/files.h"
#include "base/subprocess.h"

namespace corral::adapters::sandbox {
namespace {

std::string find_on_path(const std::string& name) {
  const auto env = inherited_env();
  const auto path = env.find("PATH");
  std::istringstream folders(path != env.end() ? path->second : "/usr/local/bin:/usr/bin:/bin");
  for (std::string folder; std::getline(folders, folder, ':');) {
    const auto candidate = folder + "/" + name;
    if (candidate.starts_with('/') && ::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return "";
}

bool has_capabilities(std::initializer_list<int> wanted) {
  const auto status = read_file("/proc/self/status", 64 * 1024);
  if (!status) return false;
  const auto at = status->find("CapEff:\t");
  if (at == std::string::npos) return false;
  std::uint64_t have = 0;
  std::from_chars(status->data() + at + 8, status->data() + status->size(), have, 16);
  for (const int capability : wanted)
    if ((have & (1ull << capability)) == 0) return false;
  return true;
}

// Whether the user namespace of this process has the range: in a rootless container it may not.
// Then a piece of what it has: the upper half of its largest part, where system users are not.
std::optional<UidRange> usable(UidRange wanted) {
  const auto map = read_file("/proc/self/uid_map", 64 * 1024);
  if (!map) return std::nullopt;
  UidRange best;
  std::istringstream lines(*map);
  for (std::uint64_t inside, outside, count; lines >> inside >> outside >> count;) {
    if (wanted.first >= inside && wanted.first + std::uint64_t{wanted.count} <= inside + count)
      return wanted;
    if (count > best.count)
      best = UidRange{static_cast<std::uint32_t>(inside), static_cast<std::uint32_t>(count)};
  }
  if (best.count < 4096) return std::nullopt;
  return UidRange{best.first + best.count / 2, best.count / 4};
}

bool in_container() {
  return ::access("/.dockerenv", F_OK) == 0 || ::access("/run/.containerenv", F_OK) == 0;
}

std::string sysctl_value(const char* file) {
  const auto text = read_file(file, 256);
  return text ? text->substr(0, text->find('\n')) : "";
}

}  // namespace

Result<Machine> Machine::look(ports::Isolation isolation, UidRange wanted) {
  Machine machine;
  machine.cgroups = Cgroups::discover();
  machine.bwrap = find_on_path("bwrap");
  machine.landlock = landlock_abi();
  machine.root = ::geteuid() == 0;
  // The sandbox of another uid is bound together in a mount namespace, which takes CAP_SYS_ADMIN.
  const bool may_mount =
      isolation != ports::Isolation::sandbox || has_capabilities({CAP_SYS_ADMIN});
  if (machine.root && may_mount &&
      has_capabilities({CAP_SETUID, CAP_SETGID, CAP_CHOWN, CAP_KILL, CAP_DAC_OVERRIDE}))
    machine.uids = usable(wanted);
  CORRAL_TRY(machine.filter, make_seccomp_filter(filter_kind(isolation)));
  return machine;
}

bool Machine::reachable_by_all(const std::string& path) {
  for (auto at = path.find('/', 1);; at = path.find('/', at + 1)) {
    const auto part = path.substr(0, at);
    struct stat info{};
    if (::stat(part.c_str(), &info) != 0 || (info.st_mode & S_IXOTH) == 0) return false;
    if (at == std::string::npos) return true;
  }
}

Error explain_bwrap_failure(const std::string& said) {
  std::string why;
  if (sysctl_value("/proc/sys/kernel/unprivileged_userns_clone") == "0")
    why =
        "unprivileged user namespaces are switched off (sysctl kernel.unprivileged_userns_clone=1 "
        "allows them)";
  else if (sysctl_value("/proc/sys/user/max_user_namespaces") == "0")
    why = "user namespaces are switched off (sysctl user.max_user_namespaces is 0)";
  else if (sysctl_value("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1")
    why =
        "AppArmor forbids unprivileged user namespaces (sysctl "
        "kernel.apparmor_restrict_unprivileged_userns=0, or a profile that allows them for bwrap)";
  else if (in_container())
    why =
        "this is inside a container that may not make namespaces of its own (docker run "
        "--security-opt seccomp=unconfined --security-opt "
        "systempaths=unconfined --cap-add SYS_ADMIN gives it the right)";
  else
    why = "this kernel or its security policy does not allow the namespaces that a workspace needs";
  std::string words = said;
  while (!words.empty() && words.back() == '\n') words.pop_back();
  return Error{ErrorCode::unsupported,
               fmt::format("bubblewrap cannot make a sandbox here: {}. It said: {}", why,
                           words.empty() ? "nothing" : words),
               nullptr};
}

}  // namespace corral::adapters::sandbox
