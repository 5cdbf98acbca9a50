#include "adapters/sandbox/local/launch/bwrap_arguments.h"

#include <cerrno>
#include <filesystem>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/files.h"

namespace corral::adapters::sandbox {
namespace {

// Made here rather than shown from the host: they would tell about it, and hold nothing that a workspace needs.
struct MadeFile {
  const char* path;
  std::string_view content;
};
constexpr MadeFile kMadeFiles[] = {
    {"/etc/passwd",
     "root:x:0:0:root:/root:/usr/sbin/nologin\n"
     "agent:x:1000:1000:Agent:/home/agent:/bin/bash\n"
     "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"},
    {"/etc/group", "root:x:0:\nagent:x:1000:\nnogroup:x:65534:\n"},
    {"/etc/hosts", "127.0.0.1 localhost corral\n::1 localhost\n"},
    {"/etc/hostname", "corral\n"},
    {"/etc/nsswitch.conf", "passwd: files\ngroup: files\nshadow: files\nhosts: files\nnetworks: files\nprotocols: files\nservices: files\n"},
};

// What tools under /usr cannot do without. Nothing here holds a secret: not /etc/ssl/private, not npmrc or pip.conf.
constexpr const char* kShownFromEtc[] = {
    "/etc/alternatives", "/etc/ca-certificates", "/etc/ca-certificates.conf", "/etc/bash.bashrc", "/etc/debian_version", "/etc/fonts",
    "/etc/inputrc", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime", "/etc/magic", "/etc/magic.mime",
    "/etc/maven", "/etc/mime.types", "/etc/perl", "/etc/pki", "/etc/protocols", "/etc/services", "/etc/ssl/certs", "/etc/ssl/openssl.cnf",
    "/etc/terminfo", "/etc/timezone",
};
// Configuration of language versions, by prefix: /etc/java-17-openjdk, /etc/python3.11.
constexpr std::string_view kShownPrefixes[] = {"java-", "python3"};

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

Result<Fd> memory_file(std::string_view content) {
  const Fd made(::memfd_create("corral", MFD_CLOEXEC));
  // Away from the numbers that have a meaning for the runner, and inherited.
  Fd fd(made ? ::fcntl(made.get(), F_DUPFD, kFirstFreeFd) : -1);
  if (!fd) return std::unexpected(errno_error(errno, "cannot make a memory file"));
  CORRAL_CHECK(write_all(fd.get(), content));
  ::lseek(fd.get(), 0, SEEK_SET);
  return fd;
}

void show_system(Arguments& arguments) {
  arguments.add("--ro-bind", "/usr", "/usr");
  for (const char* name : kTopFolders) {
    const std::string path = std::string("/") + name;
    std::error_code error;
    if (const auto target = std::filesystem::read_symlink(path, error); !error) arguments.add("--symlink", target.string(), path);
    else arguments.add("--ro-bind-try", path, path);
  }
}

Result<void> show_etc(Arguments& arguments, std::vector<Fd>& kept) {
  arguments.add("--dir", "/etc");
  for (const auto& file : kMadeFiles) {
    CORRAL_TRY(auto content, memory_file(file.content));
    arguments.add("--perms", "0444", "--file", std::to_string(content.get()), file.path);
    kept.push_back(std::move(content));
  }
  arguments.add("--symlink", "../usr/lib/os-release", "/etc/os-release", "--symlink", "../proc/self/mounts", "/etc/mtab");
  for (const char* path : kShownFromEtc) arguments.add("--ro-bind-try", path, path);
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/etc", ignored)) {
    const auto name = entry.path().filename().string();
    for (const auto prefix : kShownPrefixes)
      if (name.starts_with(prefix)) arguments.add("--ro-bind-try", entry.path().string(), entry.path().string());
  }
  return {};
}

}  // namespace

Result<BwrapCall> bwrap_call(const LaunchSpec& spec, const View& view, int filter, int info) {
  BwrapCall call;
  Arguments arguments;
  // No --die-with-parent: the workspace outlives the server. No --new-session: the runner makes a session for each
  // process, and the filter refuses what --new-session protects from.
  arguments.add(spec.bwrap, "--unshare-all", "--unshare-user", "--disable-userns", "--uid", "1000", "--gid", "1000", "--hostname", "corral",
                "--as-pid-1", "--cap-drop", "ALL", "--seccomp", std::to_string(filter), "--info-fd", std::to_string(info));
  show_system(arguments);
  CORRAL_CHECK(show_etc(arguments, call.kept));
  arguments.add("--proc", "/proc", "--dev", "/dev");
  arguments.add("--perms", "1777", "--size", std::to_string(spec.shared_memory_bytes), "--tmpfs", "/dev/shm");
  arguments.add("--perms", "1777", "--size", std::to_string(spec.tmp_bytes), "--tmpfs", "/tmp");
  arguments.add("--dir", "/run", "--dir", "/var", "--symlink", "../tmp", "/var/tmp", "--symlink", "../run", "/var/run", "--dir", "/root");
  arguments.add("--bind", view.home, kInsideHome, "--bind", view.work, kInsideWork);
  arguments.add("--ro-bind", view.runner, kInsideRunner);
  for (const auto& mount : view.mounts) arguments.add("--ro-bind", mount.source, mount.target);
  // Whatever bubblewrap made so far was in writable memory without a bound.
  arguments.add("--remount-ro", "/dev", "--remount-ro", "/");
  arguments.add("--chdir", kInsideWork, "--");
  if (spec.command.empty()) arguments.add(kInsideRunner, "serve");
  for (const auto& word : spec.command) arguments.add(word);
  call.argv = arguments.take();
  return call;
}

}  // namespace corral::adapters::sandbox
