#include "adapters/sandbox/local/limits_watch.h"

#include <sys/statvfs.h>

#include "base/log.h"

namespace corral::adapters::sandbox {
namespace {

constexpr Duration kWatchEvery{1'000};
constexpr Duration kMeasureAtLeastEvery{10'000};
constexpr Duration kMeasureUnchangedEvery{30'000};
constexpr int kMeasureShare = 20;  // at most one part in so many of the time goes into measuring

DiskUsage free_space(const std::filesystem::path& folder) {
  struct statvfs info{};
  if (::statvfs(folder.c_str(), &info) != 0) return {};
  return {.bytes = std::uint64_t{info.f_bavail} * info.f_frsize, .files = info.f_favail};
}

// Ends a workspace that is past a limit; its files stay until it is destroyed.
Task<void> end_for(std::shared_ptr<Registry> registry, std::shared_ptr<LiveWorkspace> live,
                   Error why) {
  log::warning("workspace.limit",
               {{"workspace", live->state.id.to_string()}, {"why", why.message}});
  live->ended_because = why;
  // Told before the processes are: otherwise an agent that was killed would seem to have failed by
  // itself.
  live->client->mark_gone(std::move(why));
  auto* const job = live.get();
  const auto ended = co_await registry->options.pool->run(
      [job] { return end_processes(job->folder, job->state); });
  if (!ended)
    log::error("workspace.not_ended",
               {{"workspace", live->state.id.to_string()}, {"why", ended.error().describe()}});
}

Task<void> watch_one(std::shared_ptr<Registry> registry, std::shared_ptr<LiveWorkspace> live) {
  auto& options = registry->options;
  const auto now = options.clock->now();
  const auto& limits = live->state.limits;
  if (now - live->state.created > limits.time) {
    co_await end_for(registry, live,
                     Error{ErrorCode::deadline,
                           fmt::format("workspace {} has lived for the {} s it may",
                                       live->state.id.to_string(), limits.time.count()),
                           nullptr});
    co_return;
  }
  const auto left = free_space(live->folder);
  // Space that vanishes fast may be this workspace's doing: look at once.
  const bool shrinking = left.bytes + limits.disk_bytes / 8 < live->free_when_measured.bytes ||
                         left.files + limits.files / 8 < live->free_when_measured.files;
  if (now - live->measured < live->measure_again && !shrinking) co_return;
  const auto began = std::chrono::steady_clock::now();
  auto* const job = live.get();
  const auto usage =
      co_await options.pool->run([job] { return check_disk(job->folder, job->state); });
  const auto took = std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - began);
  const auto before = std::exchange(live->measured, options.clock->now());
  // All workspaces together have that share; one in which nothing changes is looked at ever less.
  live->measure_again = std::clamp(took * kMeasureShare * std::ssize(registry->live), kWatchEvery,
                                   kMeasureAtLeastEvery);
  const bool unchanged = usage && usage->bytes == live->used_when_measured.bytes &&
                         usage->files == live->used_when_measured.files;
  live->unchanged_for =
      unchanged ? std::min(live->unchanged_for + (live->measured - before), kMeasureUnchangedEvery)
                : Duration{0};
  live->measure_again = std::max(live->measure_again, live->unchanged_for);
  if (usage) live->used_when_measured = *usage;
  live->free_when_measured = left;
  if (!usage && usage.error().code == ErrorCode::exhausted && !live->client->gone())
    co_await end_for(registry, live, usage.error());
}

}  // namespace

// One after the other: so a measurement never holds more than one tree's descriptors.
Task<void> watch_limits(std::shared_ptr<Registry> registry) {
  for (;;) {
    co_await registry->options.clock->sleep(kWatchEvery);
    const auto now_live = registry->live;
    for (const auto& [id, live] : now_live)
      if (live->client->linked() && !live->client->gone()) co_await watch_one(registry, live);
  }
}

}  // namespace corral::adapters::sandbox
