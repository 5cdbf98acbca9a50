#include "base/subprocess.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>

#include <fcntl.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace corral {
namespace {

struct Pipe {
  Fd read, write;
};

Result<Pipe> make_pipe() {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0)
    return std::unexpected(errno_error(errno, "cannot make a pipe"));
  return Pipe{Fd(fds[0]), Fd(fds[1])};
}

class FileActions {
 public:
  FileActions() { posix_spawn_file_actions_init(&actions_); }
  ~FileActions() { posix_spawn_file_actions_destroy(&actions_); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  posix_spawn_file_actions_t* get() { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (auto& text : strings) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

// Kills the process group and reaps the leader when it goes out of scope unreaped: a cancelled task
// leaves nothing behind.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ <= 0) return;
    kill_group();
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
  }
  void kill_group() { ::kill(-pid_, SIGKILL); }
  int reap() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }
  pid_t pid() const { return pid_; }
  bool ended() const {
    siginfo_t info{};
    return ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
           info.si_pid != 0;
  }

 private:
  pid_t pid_;
};

constexpr std::size_t kMaxErrorBytes = 64 * 1024;

// Reads to the end of file. Past `limit`: drops the oldest (keep_last) or sets `overflow` and
// drains.
Task<void> drain(asio::posix::stream_descriptor& pipe, std::string& into, std::size_t limit,
                 bool keep_last, bool& overflow) {
  char buffer[32 * 1024];
  for (;;) {
    boost::system::error_code error;
    const auto got = co_await pipe.async_read_some(
        asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return;
    if (into.size() + got > limit && !keep_last) {
      overflow = true;
      continue;
    }
    into.append(buffer, got);
    if (into.size() > 2 * limit) into.erase(0, into.size() - limit);
  }
}

Task<void> feed(asio::posix::stream_descriptor& pipe, const std::string& input) {
  boost::system::error_code ignored;  // EPIPE: the program did not want it
  co_await asio::async_write(pipe, asio::buffer(input),
                             asio::redirect_error(asio::use_awaitable, ignored));
  pipe.close(ignored);
}

Task<void> watch(asio::posix::stream_descriptor& pidfd, std::chrono::milliseconds timeout,
                 Child& child, bool& timed_out) {
  using namespace asio::experimental::awaitable_operators;
  asio::steady_timer timer(co_await asio::this_coro::executor, timeout);
  boost::system::error_code exit_error, timer_error;
  // Asio completes a wait for readiness without looking when an event of an earlier descriptor,
  // whose state this one took over, is still queued.
  do {
    const auto first =
        co_await (pidfd.async_wait(asio::posix::stream_descriptor::wait_read,
                                   asio::redirect_error(asio::use_awaitable, exit_error)) ||
                  timer.async_wait(asio::redirect_error(asio::use_awaitable, timer_error)));
    if (first.index() == 1) timed_out = true;
  } while (!timed_out && !exit_error && !child.ended());
  // The leader is gone or out of time: whoever of its group still holds the pipes goes too.
  child.kill_group();
}

}  // namespace

Result<pid_t> spawn(const SpawnSpec& spec) {
  if (spec.argv.empty()) return fail(ErrorCode::invalid, "no program to start");
  FileActions actions;
  const auto place = [&](int from, int to, int null_flags) {
    if (from < 0)
      posix_spawn_file_actions_addopen(actions.get(), to, "/dev/null", null_flags, 0);
    else
      posix_spawn_file_actions_adddup2(actions.get(), from, to);
  };
  // Sources that lie where a target will be are first moved out of the way.
  std::vector<Fd> moved;
  int next = 3;
  for (const auto& [child_fd, fd] : spec.extra) next = std::max(next, child_fd + 1);
  const auto safe = [&](int fd) -> int {
    if (fd < 0 || fd >= next) return fd;
    const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, next);
    moved.emplace_back(copy);
    return copy;
  };
  const int in = safe(spec.stdin_fd), out = safe(spec.stdout_fd), err = safe(spec.stderr_fd);
  std::vector<std::pair<int, int>> extra;
  for (const auto& [child_fd, fd] : spec.extra) extra.emplace_back(child_fd, safe(fd));
  place(in, 0, O_RDONLY);
  place(out, 1, O_WRONLY);
  place(err, 2, O_WRONLY);
  int highest = 2;
  for (const auto& [child_fd, fd] : extra) {
    posix_spawn_file_actions_adddup2(actions.get(), fd, child_fd);
    highest = std::max(highest, child_fd);
  }
  for (int fd = 3; fd <= highest; ++fd) {
    bool wanted = false;
    for (const auto& [child_fd, source] : extra) wanted = wanted || child_fd == fd;
    if (!wanted) posix_spawn_file_actions_addclose(actions.get(), fd);
  }
  posix_spawn_file_actions_addclosefrom_np(actions.get(), highest + 1);
  if (!spec.cwd.empty()) posix_spawn_file_actions_addchdir_np(actions.get(), spec.cwd.c_str());

  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(
      &attributes,
      static_cast<short>(POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF));

  std::vector<std::string> argv = spec.argv, env;
  for (const auto& [name, value] : spec.env) env.push_back(name + "=" + value);
  auto argv_pointers = pointers(argv);
  auto env_pointers = pointers(env);
  pid_t pid = -1;
  const int problem = posix_spawnp(&pid, argv[0].c_str(), actions.get(), &attributes,
                                   argv_pointers.data(), env_pointers.data());
  posix_spawnattr_destroy(&attributes);
  if (problem != 0) return std::unexpected(errno_error(problem, "cannot start " + argv[0]));
  return pid;
}

Task<Result<CommandResult>> run_command(CommandSpec spec) {
  using namespace asio::experimental::awaitable_operators;
  CORRAL_CO_TRY(auto in, make_pipe());
  CORRAL_CO_TRY(auto out, make_pipe());
  CORRAL_CO_TRY(auto err, make_pipe());
  SpawnSpec child_spec{spec.argv,       spec.env,        spec.cwd, in.read.get(),
                       out.write.get(), err.write.get(), {}};
  CORRAL_CO_TRY(const pid_t pid, spawn(child_spec));
  Child child(pid);
  in.read.reset();
  out.write.reset();
  err.write.reset();
  const int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (pidfd < 0) co_return std::unexpected(errno_error(errno, "cannot watch " + spec.argv[0]));

  auto executor = co_await asio::this_coro::executor;
  asio::posix::stream_descriptor exit_watch(executor, pidfd), input(executor, in.write.release()),
      output(executor, out.read.release()), errors(executor, err.read.release());
  CommandResult result;
  bool overflow = false, errors_overflow = false, timed_out = false;
  co_await (drain(output, result.output, spec.max_output_bytes, false, overflow) &&
            drain(errors, result.errors, kMaxErrorBytes, true, errors_overflow) &&
            feed(input, spec.input) && watch(exit_watch, spec.timeout, child, timed_out));
  result.exit_code = child.reap();
  if (timed_out)
    co_return fail(ErrorCode::deadline, "{} did not end within {} ms", spec.argv[0],
                   spec.timeout.count());
  if (overflow)
    co_return fail(ErrorCode::exhausted, "{} wrote more than {} bytes", spec.argv[0],
                   spec.max_output_bytes);
  co_return result;
}

Task<Result<std::string>> run_checked(CommandSpec spec) {
  std::string name;
  for (const auto& word : spec.argv) name += (name.empty() ? "" : " ") + word;
  CORRAL_CO_TRY(auto result, co_await run_command(std::move(spec)));
  if (result.exit_code == 0) co_return std::move(result.output);
  if (name.size() > 200) name = name.substr(0, 200) + "…";
  auto& words = result.errors;
  while (!words.empty() && words.back() == '\n') words.pop_back();
  if (words.size() > 2000) words = "…" + words.substr(words.size() - 2000);
  co_return fail(ErrorCode::unavailable, "'{}' ended with exit code {}: {}", name, result.exit_code,
                 words);
}

std::map<std::string, std::string> inherited_env() {
  std::map<std::string, std::string> env;
  for (const char* name :
       {"PATH", "HOME", "LANG", "TMPDIR", "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY",
        "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS"})
    if (const char* value = std::getenv(name); value != nullptr) env[name] = value;
  return env;
}

}  // namespace corral
