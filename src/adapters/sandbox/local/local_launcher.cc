#include "adapters/sandbox/local/local_launcher.h"

#include <cerrno>
#include <set>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adapters/sandbox/local/disk_usage.h"
#include "adapters/sandbox/local/etc_folder.h"
#include "adapters/sandbox/local/limits_watch.h"
#include "adapters/sandbox/local/live_workspace.h"
#include "adapters/sandbox/local/machine.h"
#include "adapters/sandbox/local/prepare.h"
#include "adapters/sandbox/local/seccomp_filter.h"
#include "adapters/sandbox/local/start_launch.h"
#include "base/log.h"

namespace corral::adapters::sandbox {
namespace {

using ports::Isolation;

constexpr Duration kReapWithin{1'000};
// In a user namespace of its own this counts the workspace's processes alone, cgroup or not.
void limit_processes(const HostProcess& runner, std::uint32_t processes) {
  const rlimit limit{processes, processes};
  ::prlimit(runner.pid, RLIMIT_NPROC, &limit, nullptr);
}

class LocalLauncher final : public ports::Launcher {
 public:
  explicit LocalLauncher(LocalLauncherOptions options) : scope_(options.executor) {
    registry_ = std::make_shared<Registry>();
    registry_->options = std::move(options);
    registry_->options.data_folder = std::filesystem::absolute(registry_->options.data_folder);
    registry_->options.runner_program =
        std::filesystem::absolute(registry_->options.runner_program);
  }
  ~LocalLauncher() override {
    scope_.cancel();
    for (auto& [id, live] : registry_->live) live->listener.reset();
  }
  LocalLauncher(const LocalLauncher&) = delete;
  LocalLauncher& operator=(const LocalLauncher&) = delete;

  Task<Result<ports::LauncherStatus>> check() override {
    CORRAL_CO_CHECK(co_await get_ready());
    // In a user namespace a resource limit counts the workspace's processes alone: there they are
    // bounded in any case.
    const bool own_namespace = options().isolation == Isolation::sandbox;
    ports::LauncherStatus status{
        options().isolation,
        own_namespace ? machine_->cgroups.problems_but_processes() : machine_->cgroups.problems()};
    const auto trial = "check-" + options().random->hex(8);
    if (const auto made = machine_->cgroups.create(trial, ports::Limits{}); !made)
      status.warnings.push_back(fmt::format("no limits: {}", made.error().describe()));
    if (const auto removed = Cgroups::remove(machine_->cgroups.places(trial)); !removed)
      status.warnings.push_back(removed.error().describe());
    if (options().require_limits && !status.warnings.empty())
      co_return fail(ErrorCode::unsupported, "limits are required, but cannot all be set here: {}",
                     fmt::join(status.warnings, "; "));
    switch (options().isolation) {
      case Isolation::sandbox: {
        CORRAL_CO_CHECK(co_await try_sandbox());
        if (machine_->root && !machine_->uids)
          status.warnings.push_back(
              "this root cannot give workspaces a uid of their own: outside its namespaces a "
              "workspace is this user");
        break;
      }
      case Isolation::reduced:
        if (machine_->landlock == 0)
          co_return fail(ErrorCode::unsupported,
                         "the reduced sandbox needs Landlock, which this kernel does not have (or "
                         "has switched off: boot option lsm=)");
        warn_reduced(status.warnings);
        break;
      case Isolation::none:
        status.warnings.push_back(
            "no isolation: agents run as this user, with all its files and the network");
        break;
    }
    co_return status;
  }

  Task<Result<std::shared_ptr<ports::Workspace>>> create(ports::WorkspaceSpec spec) override {
    CORRAL_CO_CHECK(co_await get_ready());
    CORRAL_CO_CHECK(validate(spec));
    if (std::filesystem::exists(folder_of(spec.id))) {
      auto living = co_await attach(spec.id);
      if (!living && living.error().code == ErrorCode::not_found)
        co_return fail(ErrorCode::conflict, "workspace {} existed and is gone",
                       spec.id.to_string());
      co_return living;
    }
    if (!busy_.insert(spec.id).second)
      co_return fail(ErrorCode::conflict, "workspace {} is being made or removed",
                     spec.id.to_string());
    const Busy busy(*this, spec.id);
    auto made = co_await make(spec);
    if (made) co_return std::move(made);
    if (auto removed = co_await remove(spec.id); !removed)
      log::warning("workspace.not_removed",
                   {{"workspace", spec.id.to_string()}, {"why", removed.error().describe()}});
    co_return std::unexpected(std::move(made).error());
  }

  Task<Result<std::shared_ptr<ports::Workspace>>> attach(WorkspaceId id) override {
    CORRAL_CO_CHECK(co_await get_ready());
    if (const auto known = registry_->live.find(id); known != registry_->live.end()) {
      if (known->second->client->gone())
        co_return fail(ErrorCode::not_found, "workspace {} has ended", id.to_string());
      co_return known->second->handle;
    }
    if (!busy_.insert(id).second)
      co_return fail(ErrorCode::conflict, "workspace {} is being made or removed", id.to_string());
    const Busy busy(*this, id);
    CORRAL_CO_TRY(auto state, load_state(folder_of(id)));
    const auto launched = find_launched(folder_of(id), state),
               runner = find_runner(folder_of(id), state);
    if (!runner)
      co_return fail(ErrorCode::not_found, "the runner of workspace {} is gone", id.to_string());
    // The server may be set to another isolation than the one that made it.
    const auto filter = state.isolation == options().isolation
                            ? Result<std::string>(machine_->filter)
                            : make_seccomp_filter(filter_kind(state.isolation));
    CORRAL_CO_CHECK(filter);
    CORRAL_CO_TRY(auto live,
                  listen_for_runner(options(), folder_of(id), std::move(state), *filter));
    live->launched = launched;
    live->runner = runner;
    adopt(live);
    CORRAL_CO_CHECK(co_await live->client->connected(options().link_timeout));
    co_return live->handle;
  }

  Task<Result<void>> destroy(WorkspaceId id) override {
    if (!busy_.insert(id).second)
      co_return fail(ErrorCode::conflict, "workspace {} is being made or removed", id.to_string());
    const Busy busy(*this, id);
    co_return co_await remove(id);
  }

  Task<Result<std::vector<WorkspaceId>>> list() override {
    const auto parent = workspaces();
    co_return co_await options().pool->run([parent]() -> Result<std::vector<WorkspaceId>> {
      std::vector<WorkspaceId> ids;
      std::error_code error;
      for (const auto& entry : std::filesystem::directory_iterator(parent, error))
        if (const auto id = WorkspaceId::parse(entry.path().filename().string()))
          ids.push_back(*id);
      if (error && error.value() != ENOENT)
        return std::unexpected(errno_error(error.value(), "cannot list " + parent.string()));
      return ids;
    });
  }

 private:
  // Marks an id as taken for as long as something is done with it.
  class Busy {
   public:
    Busy(LocalLauncher& launcher, WorkspaceId id) : launcher_(launcher), id_(id) {}
    ~Busy() { launcher_.busy_.erase(id_); }
    Busy(const Busy&) = delete;
    Busy& operator=(const Busy&) = delete;

   private:
    LocalLauncher& launcher_;
    WorkspaceId id_;
  };

  const LocalLauncherOptions& options() const { return registry_->options; }
  std::filesystem::path workspaces() const { return options().data_folder / "workspaces"; }
  std::filesystem::path folder_of(WorkspaceId id) const { return workspaces() / id.to_string(); }

  // Before the first workspace. Two callers at once do the same twice.
  Task<Result<void>> get_ready() {
    if (machine_) co_return Result<void>{};
    std::string etc;
    if (options().isolation == Isolation::sandbox) {
      const auto place = options().data_folder / "sandbox";
      CORRAL_CO_TRY(etc, co_await options().pool->run([place] { return make_etc_folder(place); }));
    }
    if (machine_) co_return Result<void>{};
    CORRAL_CO_CHECK(look());
    etc_ = std::move(etc);
    co_return Result<void>{};
  }

  Result<void> look() {
    CORRAL_TRY(machine_, Machine::look(options().isolation,
                                       UidRange{options().first_uid, options().uid_count}));
    if (options().isolation == Isolation::sandbox && machine_->bwrap.empty()) {
      machine_.reset();
      return fail(ErrorCode::unsupported,
                  "bubblewrap (bwrap) is not installed: apt install bubblewrap");
    }
    if (::access(options().runner_program.c_str(), X_OK) != 0) {
      machine_.reset();
      return fail(ErrorCode::unsupported, "there is no program {}: it belongs beside corral",
                  options().runner_program.string());
    }
    scope_.start("workspace limits", watch_limits(registry_));
    return {};
  }

  void warn_reduced(std::vector<std::string>& warnings) const {
    warnings.push_back(
        "reduced sandbox: agents see this machine's processes and share its network stack; "
        "Landlock and seccomp alone hold them");
    if (machine_->landlock < 4)
      warnings.push_back(
          "this kernel's Landlock cannot bound TCP ports: agents can reach the network");
    if (machine_->landlock < 6)
      warnings.push_back(
          "this kernel's Landlock cannot bound signals: agents can end other processes of their "
          "uid");
  }

  static Result<void> validate(const ports::WorkspaceSpec& spec) {
    if (spec.id.is_nil()) return fail(ErrorCode::invalid, "a workspace needs an id");
    for (const auto& mount : spec.mounts) {
      const auto target = std::filesystem::path(mount.target).lexically_normal();
      if (!mount.source.starts_with('/') || !target.is_absolute() ||
          target != std::filesystem::path(mount.target))
        return fail(ErrorCode::invalid, "mount \"{}\" on \"{}\": both must be plain absolute paths",
                    mount.source, mount.target);
      for (const char* own : {"/", "/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc", "/proc",
                              "/dev", "/corral", "/tmp"})
        if (target == own)
          return fail(ErrorCode::invalid, "mount target \"{}\" belongs to the sandbox itself",
                      mount.target);
    }
    return {};
  }

  // A uid that no living workspace has.
  std::uint32_t choose_uid(WorkspaceId id) const {
    std::uint64_t hash = 1469598103934665603ull;
    for (const auto byte : id.uuid.bytes) hash = (hash ^ byte) * 1099511628211ull;
    for (;; ++hash) {
      const auto uid =
          static_cast<std::uint32_t>(machine_->uids->first + hash % machine_->uids->count);
      const bool taken = std::ranges::any_of(
          registry_->live, [&](const auto& item) { return item.second->state.uid == uid; });
      if (!taken) return uid;
    }
  }

  std::optional<std::uint32_t> uid_for(const ports::WorkspaceSpec& spec) const {
    if (!machine_->uids || options().isolation == Isolation::none) return std::nullopt;
    if (options().isolation == Isolation::reduced) {
      // No mount namespace to show it what lies below closed folders.
      bool reachable = Machine::reachable_by_all(options().data_folder) &&
                       Machine::reachable_by_all(options().runner_program);
      for (const auto& mount : spec.mounts)
        reachable = reachable && Machine::reachable_by_all(mount.source);
      if (!reachable) return std::nullopt;
    }
    return choose_uid(spec.id);
  }

  Task<Result<std::shared_ptr<ports::Workspace>>> make(ports::WorkspaceSpec spec) {
    WorkspaceState state{.id = spec.id,
                         .token = Secret(options().random->hex(32)),
                         .isolation = options().isolation,
                         .uid = uid_for(spec),
                         .limits = spec.limits,
                         .mounts = spec.mounts,
                         .created = options().clock->now(),
                         .boot = boot_id()};
    const auto folder = folder_of(spec.id);
    auto* const state_place = &state;
    const auto* const cgroups = &machine_->cgroups;
    CORRAL_CO_CHECK(co_await options().pool->run([folder, state_place, cgroups] {
      return prepare_workspace(folder, *state_place, *cgroups);
    }));
    const auto launch = plan_launch(options(), *machine_, etc_, folder, state);
    CORRAL_CO_TRY(auto live,
                  listen_for_runner(options(), folder, std::move(state), machine_->filter));
    CORRAL_CO_TRY(live->launched, start_launch(launch, machine_->filter));
    adopt(live);
    CORRAL_CO_CHECK(co_await live->client->connected(options().link_timeout));
    live->runner = find_runner(folder, live->state);
    if (!live->runner)
      co_return fail(ErrorCode::unavailable, "the runner of workspace {} ended at once",
                     spec.id.to_string());
    live->state.runner = live->runner;
    if (live->state.isolation == Isolation::sandbox)
      limit_processes(*live->runner, spec.limits.processes);
    auto* const job = live.get();
    CORRAL_CO_CHECK(
        co_await options().pool->run([job] { return save_state(job->folder, job->state); }));
    co_return live->handle;
  }

  void adopt(const std::shared_ptr<LiveWorkspace>& live) {
    registry_->live[live->state.id] = live;
    scope_.start("workspace end", watch_end(live, options().executor));
  }

  // Ends and removes; the id is taken by the caller.
  Task<Result<void>> remove(WorkspaceId id) {
    const auto folder = folder_of(id);
    std::shared_ptr<LiveWorkspace> live;
    if (const auto known = registry_->live.find(id); known != registry_->live.end())
      live = known->second;
    if (live) {
      if (!live->ended_because)
        live->ended_because = Error{
            ErrorCode::cancelled, fmt::format("workspace {} was removed", id.to_string()), nullptr};
      live->client->mark_gone(*live->ended_because);
    }
    const auto done = co_await options().pool->run([folder]() -> Result<void> {
      const auto state = load_state(folder);
      if (state) {
        CORRAL_CHECK(end_processes(folder, *state));
        CORRAL_CHECK(Cgroups::remove(state->cgroups));
      } else if (state.error().code == ErrorCode::forbidden) {
        return std::unexpected(state.error());
      }
      return remove_hostile_tree(folder);
    });
    if (!done) co_return done;
    if (live && live->launched) co_await wait_until_reaped(*live);
    registry_->live.erase(id);
    co_return Result<void>{};
  }

  // So that destroy() leaves not even a zombie.
  static Task<void> wait_until_reaped(const LiveWorkspace& live) {
    const auto process = *live.launched;
    co_await wait_until_ended(process, kReapWithin);
    ::waitpid(process.pid, nullptr, WNOHANG);
  }

  // Runs `true` in a sandbox like any other.
  Task<Result<void>> try_sandbox() {
    const auto folder = workspaces() / (".check-" + options().random->hex(8));
    WorkspaceState state{.id = WorkspaceId::make(options().clock->now(), *options().random),
                         .isolation = Isolation::sandbox};
    if (machine_->uids) state.uid = choose_uid(state.id);
    auto* const state_place = &state;
    const Cgroups without;
    const auto* const cgroups = &without;
    auto outcome = co_await options().pool->run([folder, state_place, cgroups] {
      return prepare_workspace(folder, *state_place, *cgroups);
    });
    if (outcome) {
      auto launch = plan_launch(options(), *machine_, etc_, folder, state);
      launch.command = {"/usr/bin/true"};
      outcome = co_await run_trial(launch);
    }
    const auto removed =
        co_await options().pool->run([folder] { return remove_hostile_tree(folder); });
    if (outcome && !removed) co_return std::unexpected(removed.error());
    co_return outcome;
  }

  Task<Result<void>> run_trial(LaunchSpec launch) {
    CORRAL_CO_TRY(const auto process, start_launch(launch, machine_->filter));
    if (!co_await wait_until_ended(process, options().link_timeout)) {
      kill_tree(process);
      ::waitpid(process.pid, nullptr, 0);
      co_return fail(ErrorCode::unsupported, "a trial sandbox did not end within {} ms",
                     options().link_timeout.count());
    }
    int status = 0;
    ::waitpid(process.pid, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) co_return Result<void>{};
    co_return std::unexpected(explain_bwrap_failure(launch_words(launch.folder)));
  }

  std::shared_ptr<Registry> registry_;
  std::optional<Machine> machine_;
  std::string etc_;
  std::set<WorkspaceId> busy_;
  TaskScope scope_;
};

}  // namespace

std::unique_ptr<ports::Launcher> make_local_launcher(LocalLauncherOptions options) {
  CORRAL_ASSERT(options.pool != nullptr && options.clock != nullptr && options.random != nullptr);
  return std::make_unique<LocalLauncher>(std::move(options));
}

}  // namespace corral::adapters::sandbox
