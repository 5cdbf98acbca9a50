#include "runner/process_table.h"

#include <algorithm>
#include <csignal>

#include <sys/wait.h>
#include <unistd.h>

namespace corral::runner {
namespace {

constexpr std::size_t kMaxProcesses = 10'000;  // ever started in one workspace
// Marks the descendants of a process, so that a daemon is known for whose it is.
constexpr const char* kMarker = "CORRAL_PROCESS";

bool valid_id(std::string_view id) {
  return !id.empty() && id.size() <= 64 && std::ranges::all_of(id, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  });
}

}  // namespace

std::map<std::string, std::string> ProcessTable::environment(const ProcessRequest& request) const {
  std::map<std::string, std::string> env{{"PATH", "/usr/local/bin:/usr/bin:/bin"},
                                         {"HOME", config_.home},
                                         {"LANG", "C.UTF-8"},
                                         {"TERM", request.terminal ? "xterm-256color" : "dumb"},
                                         {"USER", "agent"}};
  for (const auto& [name, value] : config_.env) env[name] = value;
  for (const auto& [name, value] : request.env) env[name] = value;
  env[kMarker] = request.id;
  return env;
}

Result<void> ProcessTable::start(const ProcessRequest& request) {
  if (!valid_id(request.id))
    return fail(ErrorCode::invalid, "\"{}\" is not a process id: 1 to 64 of a-z 0-9 . _ -",
                request.id);
  if (processes_.contains(request.id)) return {};
  // Channels are named after processes, "<id>" and "<id>.err", and must stay apart.
  if (find_channel(request.id) || (!request.merge_errors && find_channel(request.id + ".err")))
    return fail(ErrorCode::invalid,
                "process id \"{}\" is too close to another's: it is the name of a channel",
                request.id);
  if (processes_.size() >= kMaxProcesses)
    return fail(ErrorCode::exhausted, "a workspace starts at most {} processes", kMaxProcesses);
  if (request.argv.empty() || request.argv[0].empty())
    return fail(ErrorCode::invalid, "process \"{}\" has no program to start", request.id);
  CORRAL_TRY(auto started, start_process({.argv = request.argv,
                                          .env = environment(request),
                                          .cwd = map_path(config_, request.cwd),
                                          .terminal = request.terminal,
                                          .input = request.input,
                                          .merge_errors = request.merge_errors}));
  auto& process =
      *processes_
           .emplace(request.id, std::make_unique<Process>(loop_, static_cast<Process::Tree&>(*this),
                                                          request.id))
           .first->second;
  Channel& output = add_channel(request.id);
  Channel* errors = started.errors ? &add_channel(request.id + ".err") : nullptr;
  process.begin(std::move(started), request.timeout, &output, errors);
  return {};
}

Channel& ProcessTable::add_channel(std::string name) {
  const auto number = static_cast<std::uint32_t>(channels_.size() + 1);
  return *channels_.emplace_back(
      std::make_unique<Channel>(loop_, spool_, outlet_, number, std::move(name)));
}

Result<Process*> ProcessTable::find(std::string_view id) {
  const auto at = processes_.find(id);
  if (at == processes_.end())
    return fail(ErrorCode::not_found, "there is no process \"{}\" in this workspace", id);
  return at->second.get();
}

Result<Channel*> ProcessTable::find_channel(std::string_view name) {
  const auto at = std::ranges::find(
      channels_, name, [](const auto& channel) -> std::string_view { return channel->name(); });
  if (at == channels_.end())
    return fail(ErrorCode::not_found, "there is no channel \"{}\" in this workspace", name);
  return at->get();
}

Channel* ProcessTable::channel(std::uint32_t number) {
  return number >= 1 && number <= channels_.size() ? channels_[number - 1].get() : nullptr;
}

void ProcessTable::reap() {
  for (;;) {
    int status = 0;
    const pid_t pid = ::waitpid(-1, &status, WNOHANG);
    if (pid < 0 && errno == EINTR) continue;
    if (pid <= 0) return;
    for (const auto& [id, process] : processes_) {
      if (process->leader() != pid || process->ended()) continue;
      process->leader_ended(status);
      break;
    }
  }
}

void ProcessTable::room_was_made() {
  for (const auto& channel : channels_) channel->retry();
}

void ProcessTable::pump() {
  std::size_t idle = 0;
  while (idle < channels_.size()) {
    idle = channels_[next_pump_ % channels_.size()]->pump() ? 0 : idle + 1;
    ++next_pump_;
  }
}

void ProcessTable::on_link_lost() {
  for (const auto& [id, process] : processes_) process->forget_waiters();
  for (const auto& channel : channels_) channel->unsubscribe();
}

std::size_t ProcessTable::alive() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(processes_, [](const auto& entry) { return !entry.second->ended(); }));
}

const Process* ProcessTable::owner_of_orphan(const ProcessEntry& orphan) const {
  const auto marked = processes_.find(initial_environment_value(orphan.pid, kMarker));
  if (marked != processes_.end() && !marked->second->ended()) return marked->second.get();
  // It hides its origin. With one process at work there is no doubt; otherwise it ends with the
  // last of them.
  const Process* only = nullptr;
  for (const auto& [id, process] : processes_) {
    if (process->ended()) continue;
    if (only != nullptr) return nullptr;
    only = process.get();
  }
  return only;
}

std::vector<std::pair<ProcessEntry, const Process*>> ProcessTable::attribute() {
  std::map<pid_t, const Process*> by_session, by_pid;
  for (const auto& [id, process] : processes_)
    if (!process->ended()) by_session[process->leader()] = process.get();
  std::map<std::pair<pid_t, std::uint64_t>, const Process*> owners;
  std::vector<std::pair<ProcessEntry, const Process*>> result;
  for (const auto& entry : descendants()) {
    const Process* owner = nullptr;
    const std::pair key(entry.pid, entry.start_time);
    if (const auto session = by_session.find(entry.session); session != by_session.end())
      owner = session->second;
    else if (const auto known = owners_.find(key); known != owners_.end())
      owner = known->second;
    else if (const auto parent = by_pid.find(entry.parent); parent != by_pid.end())
      owner = parent->second;
    if (owner == nullptr && entry.parent == ::getpid() && !entry.zombie)
      owner = owner_of_orphan(entry);
    by_pid[entry.pid] = owner;
    if (owner != nullptr) owners[key] = owner;
    result.emplace_back(entry, owner);
  }
  owners_ = std::move(owners);
  return result;
}

std::size_t ProcessTable::signal_tree(const Process& process, int number) {
  std::size_t count = 0;
  for (const auto& [entry, owner] : attribute()) {
    if (owner != &process || entry.zombie) continue;
    ++count;
    ::kill(entry.pid, number);
  }
  return count;
}

void ProcessTable::on_ended(Process& process) {
  std::erase_if(owners_, [&](const auto& entry) { return entry.second == &process; });
  sweep();
}

// With the last process everything that hid goes too.
void ProcessTable::sweep() {
  loop_.cancel(sweep_timer_);
  if (alive() > 0 || kill_everything()) return;
  sweep_timer_ = loop_.after(std::chrono::milliseconds(20), [this] { sweep_timer_ = 0, sweep(); });
}

bool ProcessTable::kill_everything() {
  // As the init of a PID namespace that reaches all of it at once, and nothing else.
  if (::getpid() == 1) ::kill(-1, SIGKILL);
  bool left = false;
  for (const auto& entry : descendants()) {
    if (entry.zombie) continue;
    left = true;
    ::kill(entry.pid, SIGKILL);
  }
  return !left;
}

}  // namespace corral::runner
