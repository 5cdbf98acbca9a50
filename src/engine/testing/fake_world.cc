#include "engine/testing/fake_world.h"

#include <algorithm>
#include <csignal>

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "engine/testing/fake_agent.h"

namespace corral::engine::testing {
namespace {

constexpr std::size_t kDelivery = 11;  // bytes at once: odd, so that lines are cut anywhere

Task<void> yield() { co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable); }

class FakeWorkspace final : public ports::Workspace {
 public:
  FakeWorkspace(FakeWorld& world, FakeMachine& machine) : world_(world), machine_(machine) {}

  WorkspaceId id() const override { return machine_.id; }
  ports::Isolation isolation() const override { return world_.isolation; }
  bool gone() const override { return machine_.gone; }

  Task<Result<void>> start(ports::ProcessSpec spec) override {
    CORRAL_CO_CHECK(co_await call("start"));
    if (machine_.processes.contains(spec.id)) co_return Result<void>{};
    world_.started.push_back(spec.id);
    auto& process = machine_.processes[spec.id];
    process.spec = std::move(spec);
    world_.poke(machine_, process);
    co_await yield();
    co_return Result<void>{};
  }

  Task<Result<ports::ProcessExit>> wait(std::string name) override {
    CORRAL_CO_TRY(auto* process, co_await find("wait", name));
    for (;;) {
      WaitList::Place place(*machine_.changed, co_await asio::this_coro::executor);
      if (process->ended) co_return process->exit;
      if (machine_.gone) co_return lost();
      co_await place.wait();
    }
  }

  Task<Result<std::uint64_t>> read_output(std::string channel, std::uint64_t from,
                                          ports::OutputSink sink) override {
    const bool errors = channel.ends_with(".err");
    CORRAL_CO_TRY(
        auto* process,
        co_await find("read_output", errors ? channel.substr(0, channel.size() - 4) : channel));
    const std::string& text = errors ? process->errors : process->output;
    std::uint64_t at = from;
    for (;;) {
      while (at < text.size()) {
        const std::string piece = text.substr(at, kDelivery);
        CORRAL_CO_CHECK(co_await sink(at, piece));
        at += piece.size();
        co_await yield();
      }
      WaitList::Place place(*machine_.changed, co_await asio::this_coro::executor);
      if (at < text.size()) continue;
      if (process->ended) co_return at;
      if (machine_.gone) co_return lost();
      co_await place.wait();
    }
  }

  Task<Result<void>> input(std::string name, std::string input_id, std::string bytes) override {
    CORRAL_CO_TRY(auto* process, co_await find("input", name));
    if (process->ended) co_return fail(ErrorCode::conflict, "{} has ended", name);
    if (std::ranges::find(process->input_ids, input_id) == process->input_ids.end()) {
      process->input_ids.push_back(input_id);
      process->input += bytes;
      world_.poke(machine_, *process);
    }
    co_return Result<void>{};
  }

  Task<Result<std::uint64_t>> type(std::string name, std::string source, std::uint64_t offset,
                                   std::string bytes) override {
    CORRAL_CO_TRY(auto* process, co_await find("type", name));
    auto& end = process->typed[source];
    if (offset > end && !bytes.empty()) co_return fail(ErrorCode::invalid, "a gap");
    if (offset + bytes.size() <= end) co_return end;
    process->input += bytes.substr(end - offset);
    end = offset + bytes.size();
    world_.poke(machine_, *process);
    co_return end;
  }

  Task<Result<void>> close_input(std::string name) override {
    CORRAL_CO_TRY(auto* process, co_await find("close_input", name));
    process->input_closed = true;
    world_.poke(machine_, *process);
    co_return Result<void>{};
  }

  Task<Result<void>> resize(std::string, ports::TerminalSize) override {
    co_return fail(ErrorCode::unsupported, "no terminals here");
  }

  Task<Result<void>> signal(std::string name, int number) override {
    CORRAL_CO_TRY(auto* process, co_await find("signal", name));
    if (process->ended) co_return Result<void>{};
    process->signals.push_back(number);
    if (number == SIGKILL) process->end(128 + SIGKILL);
    world_.poke(machine_, *process);
    co_return Result<void>{};
  }

  Task<Result<std::string>> read_file(std::string path, std::size_t max_bytes) override {
    CORRAL_CO_CHECK(co_await call("read_file"));
    const auto at = machine_.files.find(path);
    if (at == machine_.files.end()) co_return fail(ErrorCode::not_found, "there is no {}", path);
    if (at->second.size() > max_bytes) co_return fail(ErrorCode::exhausted, "{} is large", path);
    co_return at->second;
  }
  Task<Result<void>> write_file(std::string path, std::string bytes,
                                std::optional<unsigned>) override {
    CORRAL_CO_CHECK(co_await call("write_file"));
    machine_.files[path] = std::move(bytes);
    co_return Result<void>{};
  }
  Task<Result<ports::FolderListing>> list_folder(std::string path,
                                                 std::size_t max_entries) override {
    using Type = ports::FolderEntry::Type;
    CORRAL_CO_CHECK(co_await call("list_folder"));
    std::map<std::string, ports::FolderEntry> entries;
    for (const auto& [name, content] : machine_.files) {
      if (!name.starts_with(path + "/")) continue;
      const auto rest = name.substr(path.size() + 1);
      const auto slash = rest.find('/');
      auto& entry = entries[rest.substr(0, slash)];
      entry.name = rest.substr(0, slash);
      entry.type = slash == std::string::npos ? Type::file : Type::folder;
      entry.size_bytes = slash == std::string::npos ? content.size() : 0;
    }
    ports::FolderListing listing{.entries = {}, .truncated = entries.size() > max_entries};
    for (auto& [name, entry] : entries)
      if (listing.entries.size() < max_entries) listing.entries.push_back(std::move(entry));
    co_return listing;
  }

 private:
  static std::unexpected<Error> lost() {
    return fail(ErrorCode::unavailable, "the runner is gone");
  }

  Task<Result<void>> call(std::string_view name) {
    co_await yield();
    if (world_.faults)
      if (auto error = world_.faults(name)) co_return std::unexpected(*std::move(error));
    if (machine_.gone) co_return lost();
    co_return Result<void>{};
  }
  Task<Result<FakeProcess*>> find(std::string_view name, std::string process) {
    CORRAL_CO_CHECK(co_await call(name));
    const auto at = machine_.processes.find(process);
    if (at == machine_.processes.end())
      co_return fail(ErrorCode::not_found, "there is no process {}", process);
    co_return &at->second;
  }

  FakeWorld& world_;
  FakeMachine& machine_;
};

class FakeLauncher final : public ports::Launcher {
 public:
  explicit FakeLauncher(FakeWorld& world) : world_(world) {}

  Task<Result<ports::LauncherStatus>> check() override {
    co_return ports::LauncherStatus{.isolation = world_.isolation};
  }

  Task<Result<std::shared_ptr<ports::Workspace>>> create(ports::WorkspaceSpec spec) override {
    CORRAL_CO_CHECK(co_await call("create"));
    const auto id = spec.id;
    if (const auto known = world_.machines.find(id); known != world_.machines.end()) {
      if (known->second.gone) co_return fail(ErrorCode::conflict, "the workspace is gone");
    } else {
      auto& machine = world_.machines[id];
      machine.id = id;
      machine.spec = std::move(spec);
    }
    co_await yield();
    co_return std::make_shared<FakeWorkspace>(world_, world_.machines[id]);
  }

  Task<Result<std::shared_ptr<ports::Workspace>>> attach(WorkspaceId id) override {
    CORRAL_CO_CHECK(co_await call("attach"));
    const auto at = world_.machines.find(id);
    if (at == world_.machines.end() || at->second.gone)
      co_return fail(ErrorCode::not_found, "there is no living workspace {}", id.to_string());
    co_return std::make_shared<FakeWorkspace>(world_, at->second);
  }

  Task<Result<void>> destroy(WorkspaceId id) override {
    CORRAL_CO_CHECK(co_await call("destroy"));
    if (world_.machines.contains(id)) {
      world_.lose(id);
      world_.destroyed.insert(id);
    }
    co_return Result<void>{};
  }

  Task<Result<std::vector<WorkspaceId>>> list() override {
    CORRAL_CO_CHECK(co_await call("list"));
    std::vector<WorkspaceId> ids;
    for (const auto& [id, machine] : world_.machines)
      if (!world_.destroyed.contains(id)) ids.push_back(id);
    co_return ids;
  }

 private:
  Task<Result<void>> call(std::string_view name) {
    co_await yield();
    if (world_.faults)
      if (auto error = world_.faults(name)) co_return std::unexpected(*std::move(error));
    co_return Result<void>{};
  }
  FakeWorld& world_;
};

class FakeMirrors final : public ports::Mirrors {
 public:
  explicit FakeMirrors(FakeWorld& world) : world_(world) {}

  Task<Result<Fetched>> fetch(ProjectId, std::string, std::string branch) override {
    CORRAL_CO_CHECK(co_await call("fetch"));
    ++world_.fetches;
    co_return Fetched{world_.base_commit, branch.empty() ? world_.base_branch : branch};
  }
  Task<Result<void>> serve(ProjectId, std::string, Fd) override {
    co_return fail(ErrorCode::unsupported, "not here");
  }
  Task<Result<std::string>> resolve(ProjectId, std::string ref) override {
    CORRAL_CO_CHECK(co_await call("resolve"));
    // A commit by its hash, when it is in the mirror.
    const bool pushed =
        std::ranges::any_of(world_.refs, [&](const auto& known) { return known.second == ref; });
    if (pushed || (ref == world_.base_commit && world_.fetches > 0)) co_return ref;
    const auto at = world_.refs.find(ref);
    if (at == world_.refs.end()) co_return fail(ErrorCode::not_found, "there is no {}", ref);
    co_return at->second;
  }
  Task<Result<std::string>> diff(ProjectId, std::string base, std::string head) override {
    CORRAL_CO_CHECK(co_await call("diff"));
    co_return fmt::format("diff {}..{}\n", base, head);
  }
  Task<Result<std::string>> patch(ProjectId, std::string base, std::string head) override {
    co_return fmt::format("patch {}..{}\n", base, head);
  }
  Task<Result<ports::DiffStat>> diff_stat(ProjectId, std::string, std::string) override {
    CORRAL_CO_CHECK(co_await call("diff_stat"));
    co_return ports::DiffStat{1, 2, 3};
  }
  Task<Result<std::vector<ports::Commit>>> commits(ProjectId, std::string, std::string) override {
    co_return std::vector<ports::Commit>{};
  }
  Task<Result<void>> publish(ProjectId, std::string branch, std::string repository) override {
    CORRAL_CO_CHECK(co_await call("publish"));
    world_.published.push_back(repository + " " + branch);
    co_return Result<void>{};
  }
  Task<Result<void>> remove(ProjectId) override { co_return co_await call("remove"); }

 private:
  Task<Result<void>> call(std::string_view name) {
    co_await yield();
    if (world_.faults)
      if (auto error = world_.faults(name)) co_return std::unexpected(*std::move(error));
    co_return Result<void>{};
  }
  FakeWorld& world_;
};

}  // namespace

FakeWorld::FakeWorld() {
  act = [this](FakeMachine&, FakeProcess& process) {
    if (process.ended) return;
    if (process.spec.argv.front() == kFakeAgentProgram) return act_as_agent(process);
    if (process.spec.env.contains("CORRAL_GIT")) return act_as_git(*this, process);
    process.print("output of " + process.spec.id + "\n");
    const auto code = exit_codes.find(process.spec.id);
    process.end(code == exit_codes.end() ? 0 : code->second);
  };
}

void act_as_git(FakeWorld& world, FakeProcess& process) {
  const auto& env = process.spec.env;
  process.print("git for " + process.spec.id + "\n");
  if (const auto code = world.exit_codes.find(process.spec.id); code != world.exit_codes.end())
    return process.end(code->second);
  if (process.spec.id.ends_with(".snapshot")) {
    world.refs[env.at("CORRAL_SNAPSHOT_REF")] = fmt::format("{:0>40}", ++world.commits);
  } else if (process.spec.argv.back().find("git commit") != std::string::npos &&
             world.agent_changes_files) {
    world.refs[env.at("CORRAL_REF")] = fmt::format("{:0>40}", ++world.commits);
  }
  process.end(0);
}

void FakeWorld::poke(FakeMachine& machine, FakeProcess& process) {
  if (!machine.gone) act(machine, process);
  machine.changed->wake_all();
}

void FakeWorld::lose(WorkspaceId id) {
  auto& machine = machines.at(id);
  machine.gone = true;
  machine.changed->wake_all();
}

FakeProcess* FakeWorld::find_process(std::string_view id) {
  for (auto& [workspace, machine] : machines)
    for (auto& [name, process] : machine.processes)
      if (name == id) return &process;
  return nullptr;
}

std::size_t FakeWorld::living_processes() const {
  std::size_t alive = 0;
  for (const auto& [id, machine] : machines)
    for (const auto& [name, process] : machine.processes)
      if (!machine.gone && !process.ended) ++alive;
  return alive;
}

int FakeWorld::times_started(std::string_view id) const {
  return static_cast<int>(std::ranges::count(started, id));
}

std::unique_ptr<ports::Launcher> FakeWorld::launcher() {
  return std::make_unique<FakeLauncher>(*this);
}
std::unique_ptr<ports::Mirrors> FakeWorld::mirrors() {
  return std::make_unique<FakeMirrors>(*this);
}

}  // namespace corral::engine::testing
