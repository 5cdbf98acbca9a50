// All processes of the workspace, living and ended, and all their channels.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "runner/config.h"
#include "runner/process.h"
#include "runner/process_tree.h"

namespace corral::runner {

struct ProcessRequest {
  std::string id;
  std::vector<std::string> argv;
  std::map<std::string, std::string> env;  // added to the base environment
  std::string cwd = "/workspace";
  std::optional<WindowSize> terminal;
  bool input = false;
  bool merge_errors = true;
  std::chrono::milliseconds timeout{0};
};

class ProcessTable final : private Process::Tree {
 public:
  // All outlive it.
  ProcessTable(Loop& loop, const Config& config, Spool& spool, Outlet& outlet)
      : loop_(loop), config_(config), spool_(spool), outlet_(outlet) {}
  ~ProcessTable() override { loop_.cancel(sweep_timer_); }

  // Success, and nothing more, when the id was started before. A start that failed leaves no trace.
  Result<void> start(const ProcessRequest& request);
  Result<Process*> find(std::string_view id);
  Result<Channel*> find_channel(std::string_view name);
  Channel* channel(std::uint32_t number);  // null when there is none

  // Reaps every child that has ended: leaders, and orphans that were left to this program.
  void reap();
  // The spool has room again.
  void room_was_made();
  // Sends what the outlet takes, a piece of each channel in turn.
  void pump();
  // The link is gone: nobody waits or reads any more.
  void on_link_lost();
  // SIGKILL to everything below this program, again and again; true once nothing is left.
  bool kill_everything();

 private:
  std::size_t signal_tree(const Process& process, int number) override;
  void on_ended(Process& process) override;
  std::map<std::string, std::string> environment(const ProcessRequest& request) const;
  // Whose each living descendant is; null when that cannot be told.
  std::vector<std::pair<ProcessEntry, const Process*>> attribute();
  const Process* owner_of_orphan(const ProcessEntry& orphan) const;
  Channel& add_channel(std::string name);
  void sweep();
  std::size_t alive() const;

  Loop& loop_;
  const Config& config_;
  Spool& spool_;
  Outlet& outlet_;
  std::map<std::string, std::unique_ptr<Process>, std::less<>> processes_;
  std::vector<std::unique_ptr<Channel>> channels_;  // channel n is at n - 1
  std::size_t next_pump_ = 0;
  Loop::Timer sweep_timer_ = 0;
  // What was once attributed stays so, wherever its parents go: (pid, start time) → owner.
  std::map<std::pair<pid_t, std::uint64_t>, const Process*> owners_;
};

}  // namespace corral::runner
