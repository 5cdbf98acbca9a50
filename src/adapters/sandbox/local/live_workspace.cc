#include "adapters/sandbox/local/live_workspace.h"

#include <cerrno>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "adapters/sandbox/local/confined_workspace.h"
#include "adapters/sandbox/local/launch/launch_spec.h"
#include "adapters/sandbox/local/start_launch.h"
#include "base/log.h"

namespace corral::adapters::sandbox {
namespace {

constexpr int kEndMs = 10'000;
constexpr Duration kForever{std::chrono::hours(24 * 365)};

// Whether the kernel has killed for lack of memory lately. One such kill can end several processes:
// each is told so.
class MemoryWatch {
 public:
  explicit MemoryWatch(CgroupSet cgroups)
      : cgroups_(std::move(cgroups)), seen_(out_of_memory_kills(cgroups_)) {}
  bool operator()() {
    const auto now = std::chrono::steady_clock::now();
    if (const auto kills = out_of_memory_kills(cgroups_); kills > seen_) {
      seen_ = kills;
      last_ = now;
    }
    return last_ && now - *last_ < std::chrono::seconds(5);
  }

 private:
  CgroupSet cgroups_;
  std::uint64_t seen_;
  std::optional<std::chrono::steady_clock::time_point> last_;
};

Error end_reason(const LiveWorkspace& live) {
  if (live.ended_because) return *live.ended_because;
  const auto name = live.state.id.to_string();
  if (out_of_memory_kills(live.state.cgroups) > 0)
    return Error{
        ErrorCode::exhausted,
        fmt::format(
            "workspace {} ended: the kernel killed it for lack of memory ({} bytes allowed)", name,
            live.state.limits.memory_bytes),
        nullptr};
  const auto words = launch_words(live.folder);
  return Error{ErrorCode::unavailable,
               fmt::format("the runner of workspace {} has ended{}{}", name,
                           words.empty() ? "" : ": ", words),
               nullptr};
}

}  // namespace

Result<std::shared_ptr<LiveWorkspace>> listen_for_runner(const LocalLauncherOptions& options,
                                                         std::filesystem::path folder,
                                                         WorkspaceState state, std::string filter) {
  auto live = std::make_shared<LiveWorkspace>();
  live->folder = std::move(folder);
  live->state = std::move(state);
  runner::client::ClientOptions client{.workspace = live->state.id,
                                       .token = live->state.token.clone(),
                                       .isolation = live->state.isolation,
                                       .door = options.door,
                                       .out_of_memory = MemoryWatch(live->state.cgroups)};
  live->client = std::make_shared<runner::client::RunnerClient>(options.executor, *options.clock,
                                                                std::move(client));
  live->handle = live->client;
  if (live->state.isolation != ports::Isolation::sandbox) {
    ConfinedPlaces places{.runner = options.runner_program,
                          .work = live->folder / kWorkFolder,
                          .home = live->folder / kHomeFolder,
                          .tmp = live->folder / kTmpFolder,
                          .mounts = live->state.mounts,
                          .filter = std::move(filter),
                          .confined = live->state.isolation == ports::Isolation::reduced};
    live->handle = make_confined_workspace(live->client, std::move(places));
  }
  const auto door_path = live->folder / kDoorFolder;
  const Fd door(::open(door_path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!door) return std::unexpected(errno_error(errno, "cannot open " + door_path.string()));
  CORRAL_TRY(live->listener,
             runner::client::LinkListener::listen(options.executor, door.get(), live->client));
  return live;
}

Task<bool> wait_until_ended(HostProcess process, Duration timeout) {
  using namespace asio::experimental::awaitable_operators;
  auto fd = watch_process(process);
  // A zombie that nobody has reaped has ended, too.
  if (!fd) co_return true;
  const auto executor = co_await asio::this_coro::executor;
  asio::posix::stream_descriptor watch(executor, fd->release());
  asio::steady_timer timer(executor, timeout);
  boost::system::error_code ended, timed_out;
  const auto first =
      co_await (watch.async_wait(asio::posix::stream_descriptor::wait_read,
                                 asio::redirect_error(asio::use_awaitable, ended)) ||
                timer.async_wait(asio::redirect_error(asio::use_awaitable, timed_out)));
  co_return first.index() == 0 && !ended;
}

Task<void> watch_end(std::shared_ptr<LiveWorkspace> live, Executor) {
  if (live->launched) {
    while (!co_await wait_until_ended(*live->launched, kForever)) {
    }
    // Ours when this very server started it; otherwise init reaps it.
    ::waitpid(live->launched->pid, nullptr, WNOHANG);
  }
  // bubblewrap's outer half may have been killed alone.
  auto runner = live->runner;
  if (!runner) runner = find_runner(live->folder, live->state);
  if (runner)
    while (!co_await wait_until_ended(*runner, kForever)) {
    }
  const auto reason = end_reason(*live);
  if (!live->ended_because)
    log::warning("workspace.ended",
                 {{"workspace", live->state.id.to_string()}, {"why", reason.message}});
  live->client->mark_gone(reason);
  live->listener.reset();
}

Result<void> end_processes(const std::filesystem::path& folder, const WorkspaceState& state) {
  const auto launched = find_launched(folder, state);
  // The end of a PID namespace's first process is the end of all in it.
  if (const auto runner = find_runner(folder, state);
      runner && state.isolation == ports::Isolation::sandbox) {
    CORRAL_CHECK(kill_process(*runner));
    if (!wait_for_end(*runner, kEndMs))
      return fail(ErrorCode::unavailable, "workspace {} does not end", state.id.to_string());
  }
  if (launched) {
    // Whatever the launch step or bubblewrap had only begun with, or a workspace without
    // namespaces.
    kill_tree(*launched);
    if (!wait_for_end(*launched, kEndMs))
      return fail(ErrorCode::unavailable, "workspace {} does not end", state.id.to_string());
    ::waitpid(launched->pid, nullptr, WNOHANG);  // when it is ours
  }
  if (const auto left = kill_all(state.cgroups); left > 0)
    return fail(ErrorCode::unavailable, "{} processes of workspace {} do not end", left,
                state.id.to_string());
  if (state.uid && !kill_all_of(*state.uid))
    return fail(ErrorCode::unavailable, "processes of workspace {} (uid {}) do not end",
                state.id.to_string(), *state.uid);
  return {};
}

Result<DiskUsage> check_disk(const std::filesystem::path& folder, const WorkspaceState& state) {
  DiskUsage total;
  for (const char* part : {kWorkFolder, kHomeFolder, kTmpFolder}) {
    const auto place = folder / part;
    if (part == kTmpFolder && state.isolation == ports::Isolation::sandbox) continue;
    CORRAL_TRY(const auto usage, measure_tree(place, state.limits.disk_bytes, state.limits.files));
    total.bytes += usage.bytes;
    total.files += usage.files;
  }
  auto processes = state.cgroups.members();
  if (processes.empty() && state.runner) processes = in_namespace_of(*state.runner);
  const auto unlinked = measure_unlinked(processes, folder / kWorkFolder);
  total.bytes += unlinked.bytes;
  total.files += unlinked.files;
  if (total.bytes > state.limits.disk_bytes)
    return fail(ErrorCode::exhausted, "workspace {} uses more than the {} bytes of disk it may",
                state.id.to_string(), state.limits.disk_bytes);
  if (total.files > state.limits.files)
    return fail(ErrorCode::exhausted, "workspace {} has more than the {} files it may",
                state.id.to_string(), state.limits.files);
  return total;
}

}  // namespace corral::adapters::sandbox
