#include "adapters/sandbox/local/cgroups.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <ctime>
#include <map>
#include <sstream>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapters/sandbox/local/host_process.h"
#include "base/fd.h"
#include "base/files.h"

namespace corral::adapters::sandbox {
namespace {

constexpr const char* kParentName = "corral";
constexpr const char* kServerLeaf = "corral-server";
constexpr const char* kMemory = "memory";
constexpr const char* kCpu = "CPU";
constexpr const char* kProcesses = "processes";
constexpr int kCpuPeriodUs = 100'000;

Result<void> write_value(const std::string& file, const std::string& value) {
  const Fd fd(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd) return std::unexpected(errno_error(errno, "cannot open " + file));
  if (::write(fd.get(), value.data(), value.size()) < 0)
    return std::unexpected(
        errno_error(errno, fmt::format("cannot write \"{}\" to {}", value, file)));
  return {};
}

// For what not every kernel has.
void write_if_there(const std::string& file, const std::string& value) {
  if (const auto written = write_value(file, value); !written) return;
}

bool make_folder(const std::string& folder) {
  return ::mkdir(folder.c_str(), 0755) == 0 || errno == EEXIST;
}

std::vector<std::string> words(std::string_view text, char separator) {
  std::vector<std::string> result;
  std::string word;
  std::istringstream stream{std::string(text)};
  while (std::getline(stream, word, separator))
    if (!word.empty()) result.push_back(word);
  return result;
}

std::string slurp(const std::string& file) {
  auto text = read_file(file, 1 << 20);
  return text ? *std::move(text) : std::string();
}

// Where each hierarchy is mounted, and which of its folders the mount shows.
struct Mount {
  std::string point, root;
};
struct Mounts {
  std::map<std::string, Mount> v1;  // by controller
  std::optional<Mount> v2;
};

Mounts find_mounts() {
  Mounts mounts;
  for (const auto& line : words(slurp("/proc/self/mountinfo"), '\n')) {
    // 36 35 98:0 /root /point options - type source superoptions
    const auto dash = line.find(" - ");
    if (dash == std::string::npos) continue;
    const auto front = words(line.substr(0, dash), ' '), back = words(line.substr(dash + 3), ' ');
    if (front.size() < 5 || back.size() < 3) continue;
    if (back[0] == "cgroup2" && !mounts.v2) mounts.v2 = Mount{front[4], front[3]};
    if (back[0] == "cgroup")
      for (const auto& option : words(back[2], ','))
        mounts.v1.try_emplace(option, Mount{front[4], front[3]});
  }
  return mounts;
}

// The folder of this process's own cgroup: the path of /proc/self/cgroup, seen through the mount.
std::string own_folder(const Mount& mount, const std::string& path) {
  std::string_view rest = path;
  if (mount.root != "/" && rest.starts_with(mount.root)) rest.remove_prefix(mount.root.size());
  auto folder = mount.point + (rest == "/" ? "" : std::string(rest));
  // Inside a container the path may name a folder that this mount does not show: its root is then
  // ours.
  return ::access(folder.c_str(), F_OK) == 0 ? folder : mount.point;
}

std::map<std::string, std::string> own_paths() {
  std::map<std::string, std::string> paths;  // by controller; "" for version 2
  for (const auto& line : words(slurp("/proc/self/cgroup"), '\n')) {
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const auto controllers = line.substr(first + 1, second - first - 1);
    if (controllers.empty()) paths[""] = line.substr(second + 1);
    for (const auto& controller : words(controllers, ','))
      paths[controller] = line.substr(second + 1);
  }
  return paths;
}

std::vector<pid_t> members_of(const std::string& folder) {
  std::vector<pid_t> pids;
  for (const auto& line : words(slurp(folder + "/cgroup.procs"), '\n')) {
    pid_t pid = 0;
    if (std::from_chars(line.data(), line.data() + line.size(), pid).ec == std::errc() && pid > 1)
      pids.push_back(pid);
  }
  return pids;
}

bool has_controllers(const std::string& folder, const char* file) {
  const auto have = words(slurp(folder + "/" + file), ' ');
  const auto has = [&](std::string_view name) {
    return std::ranges::any_of(
        have, [&](std::string_view word) { return word.substr(0, word.find('\n')) == name; });
  };
  return has("memory") && has("cpu") && has("pids");
}

constexpr const char* kEnableAll = "+memory +cpu +pids";

// Makes "<folder>/corral" with all three controllers passed on to it and to its children.
bool delegate_v2(const std::string& folder) {
  if (!has_controllers(folder, "cgroup.controllers")) return false;
  if (!has_controllers(folder, "cgroup.subtree_control") &&
      !write_value(folder + "/cgroup.subtree_control", kEnableAll))
    return false;
  const auto parent = folder + "/" + kParentName;
  return make_folder(parent) &&
         write_value(parent + "/cgroup.subtree_control", kEnableAll).has_value();
}

}  // namespace

std::vector<std::string> CgroupSet::folders() const {
  std::vector<std::string> result;
  for (const auto& folder : {memory, cpu, pids})
    if (!folder.empty() && std::ranges::find(result, folder) == result.end())
      result.push_back(folder);
  return result;
}

std::vector<std::string> CgroupSet::entry_files() const {
  auto files = folders();
  for (auto& file : files) {
    // Version 1 also takes one thread by itself, and for the writing thread without the lock over
    // all process groups of the machine, which costs a whole RCU grace period (3 to 15 ms).
    const auto by_thread = file + "/tasks";
    file = ::access(by_thread.c_str(), F_OK) == 0 ? by_thread : file + "/cgroup.procs";
  }
  return files;
}

std::vector<pid_t> CgroupSet::members() const {
  const auto all = folders();
  return all.empty() ? std::vector<pid_t>{} : members_of(all.front());
}

std::vector<std::string> Cgroups::problems() const {
  std::vector<std::string> texts;
  for (const auto& problem : problems_)
    texts.push_back(fmt::format("no limit on {}: {}", problem.what, problem.why));
  return texts;
}

std::vector<std::string> Cgroups::problems_but_processes() const {
  std::vector<std::string> texts;
  for (const auto& problem : problems_)
    if (problem.what != kProcesses)
      texts.push_back(fmt::format("no limit on {}: {}", problem.what, problem.why));
  return texts;
}

void Cgroups::miss(const char* what, std::string why) {
  problems_.push_back({what, std::move(why)});
}

void Cgroups::use(Parent& slot, const char* what, const std::string& folder, int version) {
  if (::access((folder + "/cgroup.procs").c_str(), W_OK) == 0) {
    slot = Parent{folder, version};
    return;
  }
  miss(what, fmt::format("cgroup folder {} may not be written{}", folder,
                         ::geteuid() == 0 ? ""
                                          : "; start the server as root, or in a delegated cgroup "
                                            "(systemd-run --user --scope -p Delegate=yes …)"));
}

void Cgroups::discover_v1() {
  const auto mounts = find_mounts().v1;
  const auto paths = own_paths();
  struct Wanted {
    Parent* slot;
    const char* controller;
    const char* what;
  };
  for (const auto& [slot, controller, what] :
       {Wanted{&memory_, "memory", kMemory}, Wanted{&cpu_, "cpu", kCpu},
        Wanted{&pids_, "pids", kProcesses}}) {
    const auto mount = mounts.find(controller);
    const auto path = paths.find(controller);
    if (mount == mounts.end() || path == paths.end()) {
      miss(what, fmt::format("there is no cgroup hierarchy with the controller {}", controller));
      continue;
    }
    const auto parent = own_folder(mount->second, path->second) + "/" + kParentName;
    make_folder(parent);
    use(*slot, what, parent, 1);
  }
}

void Cgroups::discover_v2() {
  const auto mount = *find_mounts().v2;
  const auto paths = own_paths();
  const auto path = paths.find("");
  // After an earlier start the server sits in its leaf; the cgroup to divide is the one above.
  auto own = own_folder(mount, path == paths.end() ? "/" : path->second);
  if (own.ends_with(std::string("/") + kServerLeaf)) own.resize(own.rfind('/'));
  std::string parent;
  if (delegate_v2(own)) {
    parent = own;
  } else if (const auto leaf = own + "/" + kServerLeaf; make_folder(leaf)) {
    // Works when the server is alone in a cgroup that was given to it; otherwise the others keep it
    // from being divided.
    if (write_value(leaf + "/cgroup.procs", "0") && delegate_v2(own)) {
      parent = own;
    } else {
      write_if_there(own + "/cgroup.procs", "0");
      ::rmdir(leaf.c_str());
    }
  }
  // Root may use the top, as container engines without systemd do.
  if (parent.empty() && ::geteuid() == 0 && delegate_v2(mount.point)) parent = mount.point;
  if (parent.empty()) parent = own;
  parent += std::string("/") + kParentName;
  for (const auto& [slot, what] :
       {std::pair{&memory_, kMemory}, std::pair{&cpu_, kCpu}, std::pair{&pids_, kProcesses}})
    use(*slot, what, parent, 2);
}

Cgroups Cgroups::discover() {
  Cgroups cgroups;
  const auto mounts = find_mounts();
  if (mounts.v1.contains("memory") || mounts.v1.contains("pids"))
    cgroups.discover_v1();
  else if (mounts.v2)
    cgroups.discover_v2();
  else
    for (const char* what : {kMemory, kCpu, kProcesses})
      cgroups.miss(what, "no cgroup hierarchy is mounted below /sys/fs/cgroup");
  return cgroups;
}

CgroupSet Cgroups::places(const std::string& name) const {
  const auto place = [&](const Parent& parent) {
    return parent.folder.empty() ? std::string() : parent.folder + "/" + name;
  };
  return CgroupSet{place(memory_), place(cpu_), place(pids_)};
}

Result<void> Cgroups::create(const std::string& name, const ports::Limits& limits) const {
  const auto set = places(name);
  for (const auto& folder : set.folders())
    if (!make_folder(folder))
      return std::unexpected(errno_error(errno, "cannot make cgroup " + folder));
  const auto memory = std::to_string(limits.memory_bytes);
  const auto quota =
      std::max<std::int64_t>(1000, static_cast<std::int64_t>(limits.cpus * kCpuPeriodUs));
  if (!set.memory.empty() && memory_.version == 1) {
    CORRAL_CHECK(write_value(set.memory + "/memory.limit_in_bytes", memory));
    // Only there when swap is accounted for.
    write_if_there(set.memory + "/memory.memsw.limit_in_bytes", memory);
  } else if (!set.memory.empty()) {
    CORRAL_CHECK(write_value(set.memory + "/memory.max", memory));
    write_if_there(set.memory + "/memory.swap.max", "0");
  }
  if (!set.cpu.empty() && cpu_.version == 1) {
    CORRAL_CHECK(write_value(set.cpu + "/cpu.cfs_period_us", std::to_string(kCpuPeriodUs)));
    CORRAL_CHECK(write_value(set.cpu + "/cpu.cfs_quota_us", std::to_string(quota)));
  } else if (!set.cpu.empty()) {
    CORRAL_CHECK(write_value(set.cpu + "/cpu.max", fmt::format("{} {}", quota, kCpuPeriodUs)));
  }
  if (!set.pids.empty())
    CORRAL_CHECK(write_value(set.pids + "/pids.max", std::to_string(limits.processes)));
  return {};
}

Result<void> Cgroups::remove(const CgroupSet& set) {
  for (const auto& folder : set.folders()) {
    // A process that has just ended may still be on its way out of the cgroup: the kernel answers
    // EBUSY until it is.
    for (int attempt = 0; ::rmdir(folder.c_str()) != 0; ++attempt) {
      if (errno == ENOENT) break;
      if (errno != EBUSY || attempt == 500)
        return std::unexpected(errno_error(errno, "cannot remove cgroup " + folder));
      const timespec pause{0, 2'000'000};
      ::nanosleep(&pause, nullptr);
    }
  }
  return {};
}

std::size_t kill_all(const CgroupSet& set) {
  std::size_t left = 0;
  for (int round = 0; round < 500; ++round) {
    left = 0;
    for (const auto& folder : set.folders()) {
      auto pids = members_of(folder);
      // A zombie waits for its parent, or for init: it has ended.
      std::erase_if(pids, [](pid_t pid) { return !find_process(pid); });
      left += pids.size();
      if (pids.empty() || write_value(folder + "/cgroup.kill", "1")) continue;
      for (const auto pid : pids) ::kill(pid, SIGKILL);
    }
    if (left == 0) return 0;
    const timespec pause{0, 2'000'000};
    ::nanosleep(&pause, nullptr);
  }
  return left;
}

std::uint64_t out_of_memory_kills(const CgroupSet& set) {
  if (set.memory.empty()) return 0;
  for (const char* file : {"/memory.events", "/memory.oom_control"}) {
    for (const auto& line : words(slurp(set.memory + file), '\n')) {
      std::uint64_t count = 0;
      if (!line.starts_with("oom_kill ")) continue;
      std::from_chars(line.data() + 9, line.data() + line.size(), count);
      return count;
    }
  }
  return 0;
}

}  // namespace corral::adapters::sandbox
