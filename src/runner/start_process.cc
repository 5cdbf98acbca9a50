#include "runner/start_process.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>

#include <fcntl.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "runner/files.h"

namespace corral::runner {
namespace {

struct Pipe {
  Fd ours, theirs;
};

// Only our end is non-blocking: the flag belongs to the open file, and programs do not expect it on
// theirs.
Result<Pipe> make_pipe(bool we_read) {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0)
    return std::unexpected(errno_error(errno, "cannot make a pipe"));
  Pipe pipe{Fd(fds[we_read ? 0 : 1]), Fd(fds[we_read ? 1 : 0])};
  ::fcntl(pipe.ours.get(), F_SETFL, O_NONBLOCK | (we_read ? O_RDONLY : O_WRONLY));
  return pipe;
}

struct Terminal {
  Fd master;
  Fd slave;  // held until the child has it: a master whose slave was opened and closed again reads
             // as ended
  std::string name;
};

Result<Terminal> open_terminal(WindowSize size) {
  Terminal terminal;
  terminal.master = Fd(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
  char name[64];
  if (!terminal.master || ::grantpt(terminal.master.get()) != 0 ||
      ::unlockpt(terminal.master.get()) != 0 ||
      ::ptsname_r(terminal.master.get(), name, sizeof name) != 0)
    return std::unexpected(errno_error(errno, "cannot open a terminal"));
  terminal.name = name;
  terminal.slave = Fd(::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
  termios settings{};
  if (!terminal.slave || ::tcgetattr(terminal.slave.get(), &settings) != 0)
    return std::unexpected(errno_error(errno, "cannot open a terminal"));
  settings.c_iflag |= IUTF8;
  ::tcsetattr(terminal.slave.get(), TCSANOW, &settings);
  CORRAL_CHECK(set_window_size(terminal.master.get(), size));
  return terminal;
}

// execvp's search, on the child's PATH rather than ours.
Result<std::string> find_program(const StartSpec& spec) {
  const auto& name = spec.argv[0];
  if (name.contains('/')) return name;
  const auto path = spec.env.find("PATH");
  std::string_view rest =
      path == spec.env.end() ? std::string_view("/usr/bin:/bin") : std::string_view(path->second);
  bool forbidden = false;
  for (;;) {
    const auto folder = rest.substr(0, rest.find(':'));
    auto candidate = std::string(folder.empty() ? "." : folder) + "/" + name;
    if (!candidate.starts_with('/')) candidate = spec.cwd + "/" + candidate;
    struct stat info{};
    if (::stat(candidate.c_str(), &info) == 0 && S_ISREG(info.st_mode)) {
      if (::access(candidate.c_str(), X_OK) == 0) return candidate;
      forbidden = true;
    }
    if (folder.size() == rest.size()) break;
    rest.remove_prefix(folder.size() + 1);
  }
  if (forbidden)
    return fail(ErrorCode::forbidden, "\"{}\" is on PATH but may not be executed", name);
  return fail(ErrorCode::not_found, "there is no program \"{}\" on PATH ({})", name,
              path == spec.env.end() ? "/usr/bin:/bin" : path->second);
}

// When memory runs out, the kernel ends the workspace's programs before the runner, which holds
// what they said. They inherit it; none of them may lower it again. Not fatal: without it the
// kernel's own choice stands.
void prefer_as_victim(pid_t pid) {
  const Fd file(::open(fmt::format("/proc/{}/oom_score_adj", pid).c_str(), O_WRONLY | O_CLOEXEC));
  if (file) [[maybe_unused]]
    const auto written = ::write(file.get(), "500", 3);
}

class SpawnPlan {
 public:
  SpawnPlan() {
    posix_spawn_file_actions_init(&actions_);
    posix_spawnattr_init(&attributes_);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setflags(
        &attributes_,
        static_cast<short>(POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF));
  }
  ~SpawnPlan() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;

  void place(int from, int to) { posix_spawn_file_actions_adddup2(&actions_, from, to); }
  void open(const char* path, int to, int flags) {
    posix_spawn_file_actions_addopen(&actions_, to, path, flags, 0);
  }
  void enter(int folder) { posix_spawn_file_actions_addfchdir_np(&actions_, folder); }

  Result<pid_t> run(const std::string& program, const StartSpec& spec) {
    posix_spawn_file_actions_addclosefrom_np(&actions_, 3);
    std::vector<std::string> argv_text = spec.argv, env_text;
    for (const auto& [name, value] : spec.env) env_text.push_back(name + "=" + value);
    std::vector<char*> argv, env;
    for (auto& text : argv_text) argv.push_back(text.data());
    for (auto& text : env_text) env.push_back(text.data());
    argv.push_back(nullptr);
    env.push_back(nullptr);
    pid_t pid = -1;
    const int problem =
        posix_spawn(&pid, program.c_str(), &actions_, &attributes_, argv.data(), env.data());
    if (problem != 0)
      return std::unexpected(errno_error(problem, "cannot start \"" + spec.argv[0] + "\""));
    prefer_as_victim(pid);
    return pid;
  }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

}  // namespace

Result<Started> start_process(const StartSpec& spec) {
  CORRAL_TRY(const Fd folder, open_folder(spec.cwd));
  CORRAL_TRY(const auto program, find_program(spec));
  Started started;
  SpawnPlan plan;
  plan.enter(folder.get());
  if (spec.terminal) {
    CORRAL_TRY(auto terminal, open_terminal(*spec.terminal));
    // Opened by a session leader without O_NOCTTY, it becomes the controlling terminal.
    plan.open(terminal.name.c_str(), 0, O_RDWR);
    plan.place(0, 1);
    plan.place(0, 2);
    CORRAL_TRY(started.pid, plan.run(program, spec));
    started.output = std::move(terminal.master);
    return started;
  }
  Pipe input, errors;
  CORRAL_TRY(auto output, make_pipe(true));
  if (spec.input) {
    CORRAL_TRY(input, make_pipe(false));
    plan.place(input.theirs.get(), 0);
  } else {
    plan.open("/dev/null", 0, O_RDONLY);
  }
  plan.place(output.theirs.get(), 1);
  if (!spec.merge_errors) {
    CORRAL_TRY(errors, make_pipe(true));
  }
  plan.place(spec.merge_errors ? output.theirs.get() : errors.theirs.get(), 2);
  CORRAL_TRY(started.pid, plan.run(program, spec));
  started.input = std::move(input.ours);
  started.output = std::move(output.ours);
  started.errors = std::move(errors.ours);
  return started;
}

Result<void> set_window_size(int terminal, WindowSize size) {
  winsize window{};
  window.ws_col = size.columns;
  window.ws_row = size.rows;
  if (::ioctl(terminal, TIOCSWINSZ, &window) != 0)
    return std::unexpected(errno_error(errno, "cannot resize the terminal"));
  return {};
}

}  // namespace corral::runner
