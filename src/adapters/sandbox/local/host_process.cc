#include "adapters/sandbox/local/host_process.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <filesystem>

#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/files.h"

namespace corral::adapters::sandbox {
namespace {

struct Stat {
  char state = 0;
  pid_t parent = 0;
  std::uint64_t start = 0;
};

std::optional<Stat> read_stat(pid_t pid) {
  const auto text = read_file(fmt::format("/proc/{}/stat", pid), 4096);
  if (!text) return std::nullopt;
  // The name may hold spaces and brackets: the fields begin after the last one.
  const auto after_name = text->rfind(") ");
  if (after_name == std::string::npos) return std::nullopt;
  std::string_view rest = std::string_view(*text).substr(after_name + 2);
  Stat stat;
  for (int field = 3; !rest.empty(); ++field) {
    const auto word = rest.substr(0, rest.find(' '));
    if (field == 3) stat.state = word.front();
    if (field == 4) std::from_chars(word.data(), word.data() + word.size(), stat.parent);
    if (field == 22) {
      std::from_chars(word.data(), word.data() + word.size(), stat.start);
      return stat;
    }
    rest.remove_prefix(std::min(word.size() + 1, rest.size()));
  }
  return std::nullopt;
}

std::vector<pid_t> all_pids() {
  std::vector<pid_t> pids;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    const auto name = entry.path().filename().string();
    pid_t pid = 0;
    if (std::from_chars(name.data(), name.data() + name.size(), pid).ptr ==
        name.data() + name.size())
      pids.push_back(pid);
  }
  return pids;
}

Fd open_pidfd(pid_t pid) { return Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))); }

void pause_ms(long milliseconds) {
  const timespec pause{0, milliseconds * 1'000'000};
  ::nanosleep(&pause, nullptr);
}

}  // namespace

std::optional<HostProcess> find_process(pid_t pid) {
  const auto stat = read_stat(pid);
  if (!stat || stat->state == 'Z' || stat->state == 'X') return std::nullopt;
  return HostProcess{pid, stat->start};
}

bool is_alive(const HostProcess& process) {
  const auto now = find_process(process.pid);
  return now && *now == process;
}

pid_t parent_of(pid_t pid) {
  const auto stat = read_stat(pid);
  return stat ? stat->parent : 0;
}

std::vector<pid_t> in_namespace_of(const HostProcess& process) {
  const auto name_of = [](pid_t pid) {
    std::error_code error;
    return std::filesystem::read_symlink(fmt::format("/proc/{}/ns/pid_for_children", pid), error)
        .string();
  };
  std::vector<pid_t> pids;
  // The runner itself may not be looked into; its namespace is that of its children.
  std::string wanted;
  for (const auto pid : all_pids())
    if (parent_of(pid) == process.pid && wanted.empty()) wanted = name_of(pid);
  if (wanted.empty()) return pids;
  for (const auto pid : all_pids())
    if (name_of(pid) == wanted) pids.push_back(pid);
  return pids;
}

Result<Fd> watch_process(const HostProcess& process) {
  auto fd = open_pidfd(process.pid);
  // Looked at after the descriptor exists: from then on the pid cannot change its owner unseen.
  if (!fd || !is_alive(process))
    return fail(ErrorCode::not_found, "process {} has ended", process.pid);
  return fd;
}

Result<void> kill_process(const HostProcess& process) {
  const auto fd = watch_process(process);
  if (!fd) return {};
  if (::syscall(SYS_pidfd_send_signal, fd->get(), SIGKILL, nullptr, 0) != 0 && errno != ESRCH)
    return std::unexpected(errno_error(errno, fmt::format("cannot kill process {}", process.pid)));
  return {};
}

bool wait_for_end(const HostProcess& process, int milliseconds) {
  const auto fd = watch_process(process);
  if (!fd) return true;
  pollfd wait{fd->get(), POLLIN, 0};
  while (::poll(&wait, 1, milliseconds) < 0)
    if (errno != EINTR) return false;
  return (wait.revents & POLLIN) != 0;
}

void kill_tree(const HostProcess& root) {
  const auto root_fd = watch_process(root);
  if (!root_fd) return;
  ::syscall(SYS_pidfd_send_signal, root_fd->get(), SIGSTOP, nullptr, 0);
  // The runner is the reaper of its descendants: while it lives, each of them is found below it.
  for (int round = 0; round < 500; ++round) {
    std::vector<pid_t> family{root.pid}, all = all_pids();
    std::vector<std::pair<pid_t, pid_t>> parents;
    for (const auto pid : all) parents.emplace_back(parent_of(pid), pid);
    for (std::size_t at = 0; at < family.size(); ++at)
      for (const auto& [parent, pid] : parents)
        if (parent == family[at] && std::ranges::find(family, pid) == family.end())
          family.push_back(pid);
    bool any = false;
    for (std::size_t at = 1; at < family.size(); ++at) {
      if (!find_process(family[at])) continue;
      any = true;
      ::kill(family[at], SIGKILL);
    }
    if (!any) break;
    pause_ms(2);
  }
  ::syscall(SYS_pidfd_send_signal, root_fd->get(), SIGKILL, nullptr, 0);
}

bool kill_all_of(std::uint32_t uid) {
  for (int round = 0; round < 500; ++round) {
    bool any = false;
    for (const auto pid : all_pids()) {
      const auto fd = open_pidfd(pid);
      struct stat info{};
      if (!fd || ::stat(fmt::format("/proc/{}", pid).c_str(), &info) != 0 || info.st_uid != uid ||
          !find_process(pid))
        continue;
      any = true;
      ::syscall(SYS_pidfd_send_signal, fd.get(), SIGKILL, nullptr, 0);
    }
    if (!any) return true;
    pause_ms(2);
  }
  return false;
}

std::string boot_id() {
  auto text = read_file("/proc/sys/kernel/random/boot_id", 256);
  if (!text) return "";
  return text->substr(0, text->find('\n'));
}

}  // namespace corral::adapters::sandbox
