// One process of the workspace, from its start until it, its descendants and its output have ended;
// afterwards it is remembered, so that starting it again changes nothing and its exit can be asked
// for at any time.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runner/channel.h"
#include "runner/input_queue.h"
#include "runner/start_process.h"

namespace corral::runner {

struct ProcessEnd {
  int exit_code = 0;  // 128 + signal
  bool timed_out = false;
  bool killed = false;  // the runner itself sent SIGKILL
};

class Process {
 public:
  // How it acts on its whole tree; implemented by the table, which knows all of them.
  class Tree {
   public:
    virtual ~Tree() = default;
    // Sends `number` to every living descendant of the process; how many there were.
    virtual std::size_t signal_tree(const Process& process, int number) = 0;
    virtual void on_ended(Process& process) = 0;
  };

  Process(Loop& loop, Tree& tree, std::string id)
      : loop_(loop), tree_(tree), id_(std::move(id)), input_(loop) {}
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // `errors` may be null.
  void begin(Started started, std::chrono::milliseconds timeout, Channel* output, Channel* errors);

  const std::string& id() const { return id_; }
  pid_t leader() const { return leader_; }  // also its session
  bool ended() const { return ended_; }
  const ProcessEnd& end() const { return end_; }
  InputQueue& input() { return input_; }

  // The leader was reaped.
  void leader_ended(int wait_status);
  Result<void> resize(WindowSize size);
  // To all of the tree. Nothing when it has ended.
  void signal(int number);
  // Called once it has ended; at once when it has.
  void when_ended(std::uint32_t request, std::function<void()> action);
  void forget_waiter(std::uint32_t request);
  // The link is gone, and with it those who wait.
  void forget_waiters();

 private:
  void on_timeout();
  void on_channel_ended();
  bool drained() const;
  void kill_rest();
  void finish();

  Loop& loop_;
  Tree& tree_;
  std::string id_;
  InputQueue input_;
  bool terminal_ = false;
  pid_t leader_ = 0;
  bool leader_alive_ = false;
  bool killing_ = false;
  bool ended_ = false;
  ProcessEnd end_;
  Channel* output_ = nullptr;  // owned by the table, which keeps them as long as the process
  Channel* errors_ = nullptr;
  Loop::Timer timeout_timer_ = 0, kill_timer_ = 0;
  int kill_rounds_ = 0;
  std::vector<std::pair<std::uint32_t, std::function<void()>>> waiting_;
};

}  // namespace corral::runner
