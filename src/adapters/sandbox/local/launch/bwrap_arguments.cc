#include "adapters/sandbox/local/launch/bwrap_arguments.h"

#include <filesystem>

namespace corral::adapters::sandbox {
namespace {

constexpr const char* kTopFolders[] = {"bin", "sbin", "lib", "lib32", "lib64", "libx32"};

class Arguments {
 public:
  template <class... Words>
  void add(Words&&... words) {
    (argv_.emplace_back(std::forward<Words>(words)), ...);
  }
  std::vector<std::string> take() { return std::move(argv_); }

 private:
  std::vector<std::string> argv_;
};

void show_system(Arguments& arguments) {
  arguments.add("--ro-bind", "/usr", "/usr");
  for (const char* name : kTopFolders) {
    const std::string path = std::string("/") + name;
    std::error_code error;
    if (const auto target = std::filesystem::read_symlink(path, error); !error)
      arguments.add("--symlink", target.string(), path);
    else
      arguments.add("--ro-bind-try", path, path);
  }
}

}  // namespace

std::vector<std::string> bwrap_arguments(const LaunchSpec& spec, const View& view, int filter,
                                         int info) {
  Arguments arguments;
  // No --die-with-parent: the workspace outlives the server. No --new-session: the runner makes a
  // session for each process, and the filter refuses what --new-session protects from.
  arguments.add(spec.bwrap, "--unshare-all", "--unshare-user", "--disable-userns", "--uid", "1000",
                "--gid", "1000", "--hostname", "corral", "--as-pid-1", "--cap-drop", "ALL",
                "--seccomp", std::to_string(filter), "--info-fd", std::to_string(info));
  show_system(arguments);
  arguments.add("--ro-bind", view.etc, "/etc");
  for (const char* place : kEtcMounts)
    arguments.add("--ro-bind-try", std::string("/etc/") + place, std::string("/etc/") + place);
  arguments.add("--proc", "/proc", "--dev", "/dev");
  arguments.add("--perms", "1777", "--size", std::to_string(spec.shared_memory_bytes), "--tmpfs",
                "/dev/shm");
  arguments.add("--perms", "1777", "--size", std::to_string(spec.tmp_bytes), "--tmpfs", "/tmp");
  arguments.add("--dir", "/run", "--dir", "/var", "--symlink", "../tmp", "/var/tmp", "--symlink",
                "../run", "/var/run", "--dir", "/root");
  arguments.add("--bind", view.home, kInsideHome, "--bind", view.work, kInsideWork);
  arguments.add("--ro-bind", view.runner, kInsideRunner);
  for (const auto& mount : view.mounts) arguments.add("--ro-bind", mount.source, mount.target);
  // Whatever bubblewrap made so far was in writable memory without a bound.
  arguments.add("--remount-ro", "/dev", "--remount-ro", "/");
  arguments.add("--chdir", kInsideWork, "--");
  if (spec.command.empty()) arguments.add(kInsideRunner, "serve");
  for (const auto& word : spec.command) arguments.add(word);
  return arguments.take();
}

}  // namespace corral::adapters::sandbox
