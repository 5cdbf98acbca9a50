#include "runner/serve.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>

#include <fcntl.h>
#include <malloc.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runner/runner.h"

namespace corral::runner {
namespace {

constexpr int kDoorFd = 3, kSpoolFd = 4, kConfigFd = 5;
constexpr std::size_t kMaxConfigBytes = 1 << 20;

Result<void> check_folder(int fd, const char* what) {
  struct stat info{};
  if (::fstat(fd, &info) != 0)
    return fail(ErrorCode::invalid,
                "descriptor {} ({}) is not open: corral-runner is started by a launcher", fd, what);
  if (!S_ISDIR(info.st_mode))
    return fail(ErrorCode::invalid, "descriptor {} ({}) is not a folder", fd, what);
  ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  return {};
}

Result<Config> read_config() {
  Fd fd(kConfigFd);
  ::fcntl(fd.get(), F_SETFD, FD_CLOEXEC);
  std::string text;
  char buffer[4096];
  for (;;) {
    const auto got = ::read(fd.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0)
      return std::unexpected(errno_error(errno, "cannot read the configuration from descriptor 5"));
    if (got == 0) break;
    if (text.size() + static_cast<std::size_t>(got) > kMaxConfigBytes)
      return fail(ErrorCode::invalid, "the configuration is longer than {} bytes", kMaxConfigBytes);
    text.append(buffer, static_cast<std::size_t>(got));
  }
  auto config = parse_config(text);
  ::explicit_bzero(text.data(), text.size());  // it holds the token
  ::explicit_bzero(buffer, sizeof buffer);
  return config;
}

std::string boot_name() {
  std::array<unsigned char, 16> bytes{};
  CORRAL_ASSERT(::getrandom(bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  std::string name;
  for (const auto byte : bytes) name += fmt::format("{:02x}", byte);
  return name;
}

// Whether a SIGTERM comes from somebody who may end the workspace. To the init of a PID namespace,
// a sender outside has no number; everything inside has one.
bool from_outside(const signalfd_siginfo& info) { return ::getpid() != 1 || info.ssi_pid == 0; }

Result<Fd> make_signal_fd() {
  sigset_t wanted;
  sigemptyset(&wanted);
  for (const int number : {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGXFSZ})
    sigaddset(&wanted, number);
  ::sigprocmask(SIG_BLOCK, &wanted, nullptr);
  sigset_t read;
  sigemptyset(&read);
  sigaddset(&read, SIGCHLD);
  sigaddset(&read, SIGTERM);
  Fd fd(::signalfd(-1, &read, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!fd) return std::unexpected(errno_error(errno, "cannot make a signal descriptor"));
  return fd;
}

void on_signals(int fd, Runner& runner) {
  bool child = false, terminate = false;
  signalfd_siginfo info{};
  while (::read(fd, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    child = child || info.ssi_signo == SIGCHLD;
    terminate = terminate || (info.ssi_signo == SIGTERM && from_outside(info));
  }
  if (child) runner.on_child();
  if (terminate) runner.shut_down();
}

Result<void> serve() {
  // First of all: nobody of the same user reads this memory, or opens these descriptors through
  // /proc.
  if (::prctl(PR_SET_DUMPABLE, 0) != 0 || ::prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
    return std::unexpected(errno_error(errno, "cannot set up the process"));
  // One thread, few bytes: large buffers go back to the system at once.
  ::mallopt(M_ARENA_MAX, 1);
  ::mallopt(M_MMAP_THRESHOLD, 64 * 1024);
  ::mallopt(M_TRIM_THRESHOLD, 64 * 1024);
  CORRAL_CHECK(check_folder(kDoorFd, "the door"));
  CORRAL_CHECK(check_folder(kSpoolFd, "the spool"));
  CORRAL_TRY(auto config, read_config());
  CORRAL_TRY(const auto signals, make_signal_fd());
  const auto boot = boot_name();
  CORRAL_TRY(auto spool, Spool::claim(Fd(kSpoolFd), config.spool_bytes, boot));
  CORRAL_TRY(const auto loop, Loop::make());
  Runner runner(*loop, kDoorFd, std::move(config), std::move(spool), boot);
  loop->watch(signals.get(), EPOLLIN, [&](std::uint32_t) { on_signals(signals.get(), runner); });
  CORRAL_CHECK(runner.begin());
  loop->run();
  return {};
}

}  // namespace

int serve_main() {
  const auto served = serve();
  if (served) return 0;
  std::fprintf(stderr, "corral-runner: %s\n", served.error().describe().c_str());
  return 2;
}

}  // namespace corral::runner
