#include "adapters/sandbox/local/launch/launch.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "adapters/sandbox/local/launch/bwrap_arguments.h"
#include "adapters/sandbox/local/launch/launch_spec.h"
#include "adapters/sandbox/local/launch/replace_file.h"
#include "adapters/sandbox/local/launch/view.h"
#include "base/files.h"

namespace corral::adapters::sandbox {
namespace {

constexpr int kSpecFd = 3;
constexpr int kFilterFd = 4;
constexpr std::size_t kMaxSpecBytes = 4u << 20;

Result<std::string> read_all(int fd) {
  std::string text;
  char buffer[16 * 1024];
  for (;;) {
    const auto got = ::read(fd, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(errno_error(errno, "cannot read the launch spec"));
    if (got == 0) return text;
    if (text.size() + static_cast<std::size_t>(got) > kMaxSpecBytes)
      return fail(ErrorCode::invalid, "the launch spec is too large");
    text.append(buffer, static_cast<std::size_t>(got));
  }
}

// The pid stays the same through every exec; with its start time it cannot be mistaken for a later
// process.
Result<void> record_launch(const std::string& folder) {
  CORRAL_TRY(const auto stat, read_file("/proc/self/stat", 4096));
  // Field 22, counted from after the name, which may itself hold spaces and brackets.
  const auto after_name = stat.rfind(')');
  std::string_view rest = std::string_view(stat).substr(after_name + 2);
  for (int field = 3; field < 22; ++field) rest.remove_prefix(rest.find(' ') + 1);
  const json::object record{{"pid", ::getpid()},
                            {"start", std::string(rest.substr(0, rest.find(' ')))}};
  return replace_file(folder + "/" + kLaunchedFile, json::serialize(record));
}

Result<void> enter_cgroups(const std::vector<std::string>& files) {
  for (const auto& file : files) {
    const Fd fd(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
    if (!fd) return std::unexpected(errno_error(errno, "cannot open " + file));
    if (auto written = write_all(fd.get(), "0"); !written)
      return wrap(std::move(written).error(), "cannot enter " + file);
  }
  return {};
}

Result<void> limit(int resource, std::uint64_t value, const char* what) {
  rlimit now{};
  ::getrlimit(static_cast<__rlimit_resource_t>(resource), &now);
  const rlimit wanted{std::min<rlim_t>(value, now.rlim_max), std::min<rlim_t>(value, now.rlim_max)};
  if (::setrlimit(static_cast<__rlimit_resource_t>(resource), &wanted) != 0)
    return std::unexpected(errno_error(errno, std::string("cannot limit ") + what));
  return {};
}

Result<void> set_limits(const LaunchSpec& spec) {
  CORRAL_CHECK(limit(RLIMIT_CORE, 0, "core dumps"));
  if (spec.file_size_bytes != 0)
    CORRAL_CHECK(limit(RLIMIT_FSIZE, spec.file_size_bytes, "the size of files"));
  if (spec.open_files != 0) CORRAL_CHECK(limit(RLIMIT_NOFILE, spec.open_files, "open files"));
  // bubblewrap itself is two of them.
  if (spec.processes != 0) CORRAL_CHECK(limit(RLIMIT_NPROC, spec.processes + 2, "processes"));
  CORRAL_CHECK(limit(RLIMIT_MEMLOCK, 8u << 20, "locked memory"));
  CORRAL_CHECK(limit(RLIMIT_MSGQUEUE, 819'200, "message queues"));
  return {};
}

Result<void> drop_all_capabilities() {
  for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability) >= 0; ++capability)
    ::prctl(PR_CAPBSET_DROP, capability);
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[2] = {};
  if (::syscall(SYS_capset, &header, none) != 0)
    return std::unexpected(errno_error(errno, "cannot drop capabilities"));
  return {};
}

Result<void> drop_privileges(const LaunchSpec& spec) {
  if (spec.uid) {
    if (::setgroups(0, nullptr) != 0 || ::setresgid(*spec.uid, *spec.uid, *spec.uid) != 0 ||
        ::setresuid(*spec.uid, *spec.uid, *spec.uid) != 0)
      return std::unexpected(errno_error(errno, fmt::format("cannot become uid {}", *spec.uid)));
  } else if (spec.drop_capabilities) {
    CORRAL_CHECK(drop_all_capabilities());
  }
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return std::unexpected(errno_error(errno, "cannot set no_new_privs"));
  return {};
}

// Moves a descriptor out of the range that has a meaning, keeping close-on-exec.
Result<Fd> aside(Fd fd) {
  Fd moved(::fcntl(fd.get(), F_DUPFD_CLOEXEC, kFirstFreeFd));
  if (!moved) return std::unexpected(errno_error(errno, "cannot move a descriptor"));
  return moved;
}

Result<void> place(const Fd& fd, int number) {
  if (::dup2(fd.get(), number) < 0)
    return std::unexpected(errno_error(errno, "cannot place a descriptor"));
  return {};
}

Result<Fd> config_file(const std::string& line) {
  Fd fd(::memfd_create("corral-config", MFD_CLOEXEC));
  if (!fd) return std::unexpected(errno_error(errno, "cannot make a memory file"));
  CORRAL_CHECK(write_all(fd.get(), line));
  ::lseek(fd.get(), 0, SEEK_SET);
  return aside(std::move(fd));
}

Error exec_failed(const std::string& program) {
  return errno_error(errno, "cannot start " + program);
}

Result<void> become(const std::string& program, std::vector<std::string> words) {
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  ::execv(program.c_str(), argv.data());
  return std::unexpected(exec_failed(program));
}

Result<void> launch() {
  CORRAL_TRY(const auto text, read_all(kSpecFd));
  CORRAL_TRY(const auto spec, parse_launch_spec(text));
  CORRAL_TRY(auto filter, aside(Fd(kFilterFd)));
  ::close_range(kSpecFd, kFirstFreeFd - 1, 0);
  ::umask(022);
  CORRAL_CHECK(record_launch(spec.folder));
  CORRAL_CHECK(enter_cgroups(spec.cgroups));
  // All that needs root or the host's view, before both are given up.
  CORRAL_TRY(auto info, aside(Fd(::open((spec.folder + "/" + kInfoFile).c_str(),
                                        O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600))));
  CORRAL_TRY(auto config, config_file(spec.config));
  CORRAL_TRY(auto view, spec.mode == LaunchMode::sandbox ? make_view(spec) : make_plain_view(spec));
  CORRAL_TRY(const auto door, aside(std::move(view.door)));
  CORRAL_TRY(const auto spool, aside(std::move(view.spool)));
  CORRAL_CHECK(set_limits(spec));
  CORRAL_CHECK(drop_privileges(spec));

  std::string program = view.runner;
  std::vector<std::string> argv =
      spec.command.empty() ? std::vector<std::string>{view.runner, "serve"} : spec.command;
  if (spec.mode == LaunchMode::sandbox) {
    // bubblewrap inherits these two and does not pass them on.
    ::fcntl(filter.get(), F_SETFD, 0);
    ::fcntl(info.get(), F_SETFD, 0);
    program = spec.bwrap;
    argv = bwrap_arguments(spec, view, filter.get(), info.get());
  } else if (!spec.command.empty()) {
    program = spec.command.front();
  }
  if (spec.command.empty()) {
    CORRAL_CHECK(place(door, kDoorFd));
    CORRAL_CHECK(place(spool, kSpoolFd));
    CORRAL_CHECK(place(config, kConfigFd));
  }
  return become(program, std::move(argv));
}

}  // namespace

int launch_main() {
  const auto launched = launch();
  std::fprintf(stderr, "corral-runner launch: %s\n", launched.error().describe().c_str());
  return 1;
}

}  // namespace corral::adapters::sandbox
