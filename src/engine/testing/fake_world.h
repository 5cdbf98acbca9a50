// Everything outside the server, for tests: machines with workspaces and processes in them, mirrors
// of repositories. It outlives engines, as the real world outlives a crashed server, and remembers
// what was done to it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/wait_list.h"
#include "ports/git.h"
#include "ports/launcher.h"

namespace corral::engine::testing {

// A process acts when it is started, spoken to and signalled, at once.
struct FakeProcess {
  ports::ProcessSpec spec;
  std::string output, errors;
  std::vector<std::string> input_ids;
  std::string input;                           // all of stdin so far
  std::map<std::string, std::uint64_t> typed;  // by source: how much of it is in `input`
  bool input_closed = false;
  std::vector<int> signals;
  bool ended = false;
  ports::ProcessExit exit;

  // The fake agent's place in its script (fake_agent.h).
  std::size_t line = 0;
  std::set<std::string> answered;

  void print(std::string_view text) { output += text; }
  void end(int code) {
    ended = true;
    exit.exit_code = code;
  }
};

struct FakeMachine {
  WorkspaceId id;
  ports::WorkspaceSpec spec;
  bool gone = false;
  std::map<std::string, FakeProcess> processes;
  std::map<std::string, std::string> files;
  std::unique_ptr<WaitList> changed = std::make_unique<WaitList>();
};

class FakeWorld {
 public:
  FakeWorld();

  // What a process does on each occasion. The default understands the engine's git scripts and the
  // fake agent.
  std::function<void(FakeMachine&, FakeProcess&)> act;
  // Asked before each call of launcher, workspaces and mirrors, by its name: an Error is what the
  // caller gets.
  std::function<std::optional<Error>(std::string_view call)> faults;

  std::map<WorkspaceId, FakeMachine> machines;
  std::set<WorkspaceId> destroyed;
  std::map<std::string, std::string> refs;  // of the one mirror there is
  std::vector<std::string> started;         // every process ever started, by id
  std::vector<std::string> published;
  std::string base_branch = "main", base_commit = std::string(40, 'b');
  int fetches = 0, commits = 0;
  std::map<std::string, int> exit_codes;  // of processes, by id, instead of 0
  bool agent_changes_files = true;
  ports::Isolation isolation = ports::Isolation::sandbox;

  void poke(FakeMachine& machine, FakeProcess& process);
  void lose(WorkspaceId id);  // its runner dies
  FakeProcess* find_process(std::string_view id);
  std::size_t living_processes() const;
  int times_started(std::string_view id) const;

  std::unique_ptr<ports::Launcher> launcher();  // for one life of a server; the world outlives it
  std::unique_ptr<ports::Mirrors> mirrors();
};

void act_as_git(FakeWorld& world, FakeProcess& process);

}  // namespace corral::engine::testing
