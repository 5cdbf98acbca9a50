#include "runner/process.h"

#include <csignal>

#include <fcntl.h>
#include <sys/wait.h>

namespace corral::runner {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kTermGrace{
    5000};  // between SIGTERM and SIGKILL of a process that is out of time
constexpr milliseconds kOutputGrace{
    2000};  // for those that still hold the output when the leader has ended
constexpr milliseconds kKillAgain{10};
constexpr int kKillRounds = 500;  // what SIGKILL has not ended by then sits in the kernel

}  // namespace

Process::~Process() {
  loop_.cancel(timeout_timer_);
  loop_.cancel(kill_timer_);
}

void Process::begin(Started started, milliseconds timeout, Channel* output, Channel* errors) {
  leader_ = started.pid;
  leader_alive_ = true;
  output_ = output;
  errors_ = errors;
  terminal_ = ::isatty(started.output.get()) == 1;
  // A terminal is read and written through one open file, but watched apart.
  if (terminal_)
    input_.open(Fd(::fcntl(started.output.get(), F_DUPFD_CLOEXEC, 3)), InputQueue::Kind::terminal);
  else if (started.input)
    input_.open(std::move(started.input), InputQueue::Kind::pipe);
  output_->take(std::move(started.output), [this] { on_channel_ended(); });
  if (errors_ != nullptr) errors_->take(std::move(started.errors), [this] { on_channel_ended(); });
  if (timeout.count() > 0)
    timeout_timer_ = loop_.after(timeout, [this] { timeout_timer_ = 0, on_timeout(); });
}

void Process::on_timeout() {
  end_.timed_out = true;
  signal(SIGTERM);
  kill_timer_ = loop_.after(kTermGrace, [this] { kill_timer_ = 0, signal(SIGKILL); });
}

void Process::leader_ended(int wait_status) {
  leader_alive_ = false;
  end_.exit_code =
      WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
  loop_.cancel(timeout_timer_);
  loop_.cancel(kill_timer_);
  if (!terminal_) input_.stop();
  if (drained()) return kill_rest();
  kill_timer_ = loop_.after(kOutputGrace, [this] { kill_timer_ = 0, kill_rest(); });
}

bool Process::drained() const {
  return output_->ended() && (errors_ == nullptr || errors_->ended());
}

void Process::on_channel_ended() {
  if (!leader_alive_ && !killing_ && drained()) kill_rest();
}

// What the leader left behind ends with it, whether it holds the output or not.
void Process::kill_rest() {
  killing_ = true;
  loop_.cancel(kill_timer_);
  if (tree_.signal_tree(*this, SIGKILL) > 0 && ++kill_rounds_ < kKillRounds)
    kill_timer_ = loop_.after(kKillAgain, [this] { kill_timer_ = 0, kill_rest(); });
  else
    finish();
}

void Process::finish() {
  ended_ = true;
  input_.stop();
  output_->finish();
  if (errors_ != nullptr) errors_->finish();
  for (const auto& [request, action] : std::exchange(waiting_, {})) action();
  tree_.on_ended(*this);
}

Result<void> Process::resize(WindowSize size) {
  if (!terminal_) return fail(ErrorCode::conflict, "process \"{}\" has no terminal", id_);
  if (input_.descriptor() < 0) return {};  // it has ended
  return set_window_size(input_.descriptor(), size);
}

void Process::signal(int number) {
  if (ended_) return;
  if (number == SIGKILL && leader_alive_) end_.killed = true;
  tree_.signal_tree(*this, number);
  // A forking tree can slip past one look: SIGKILL is repeated until nothing is left of it.
  if (number != SIGKILL || !leader_alive_ || ++kill_rounds_ >= kKillRounds) return;
  loop_.cancel(kill_timer_);
  kill_timer_ = loop_.after(kKillAgain, [this] { kill_timer_ = 0, signal(SIGKILL); });
}

void Process::when_ended(std::uint32_t request, std::function<void()> action) {
  if (ended_) return action();
  waiting_.emplace_back(request, std::move(action));
}

void Process::forget_waiter(std::uint32_t request) {
  std::erase_if(waiting_, [&](const auto& entry) { return entry.first == request; });
}

void Process::forget_waiters() {
  waiting_.clear();
  input_.forget_waiter();
}

}  // namespace corral::runner
