#include "engine/workers.h"

#include "base/log.h"

namespace corral::engine {
namespace {

constexpr std::uint32_t kKeepCompleted = 100, kKeepFailed = 50;
constexpr std::uint64_t kTrimEvery = 50;
constexpr Duration kSweepEvery{30'000};
constexpr Duration kStoreRetry{1'000};
constexpr Duration kLongestRetry{60'000};
constexpr Duration kLeaveFor{300}, kLongestLeave{5'000}, kPoliteness{50};

Task<void> wait_for_job(ports::Store& store, Duration timeout) {
  (void)co_await store.wait_for_job(timeout);
}

}  // namespace

ports::ClaimQuery Workers::query() const {
  return {.owner = core_.options.worker,
          .now = core_.deps.clock.now(),
          .lease = core_.options.lease,
          .limits = {.per_group = core_.options.per_project, .total = core_.options.running}};
}

// The job before it may still have its place here for a moment, but not in the store.
void Workers::take_on(std::vector<ports::Job> jobs) {
  for (auto& job : jobs) {
    ++active_;
    scope_.start("run", work_on(std::move(job)));
  }
}

Task<void> Workers::claim_jobs() {
  for (;;) {
    const auto seen = core_.job_news;
    if (active_ >= core_.options.running) {
      co_await core_.jobs.wait();
      continue;
    }
    if (core_.deps.clock.now() < polite_until_) co_await core_.deps.clock.sleep(kPoliteness);
    auto claimed = co_await core_.deps.store.claim(query());
    if (!claimed) {
      log::warning("queue.unavailable", {{"why", claimed.error().describe()}});
      co_await core_.deps.clock.sleep(kStoreRetry);
    } else if (claimed->empty()) {
      co_await wait_for_work(seen);
    } else {
      take_on(*std::move(claimed));
    }
  }
}

Task<void> Workers::sweep() {
  for (;;) {
    co_await core_.deps.clock.sleep(kSweepEvery);
    // Also those of runs whose end was committed without anybody hearing of it.
    auto leftovers = core_.leftovers;
    const std::map<WorkspaceId, WorkspaceOwner> owners(core_.owners.begin(), core_.owners.end());
    for (const auto& [id, owner] : owners)
      if (const auto run = co_await core_.runs.load(owner.run); run && run->workspace != id)
        leftovers.insert(id);
    for (const auto id : leftovers) co_await core_.destroy_workspace(id);
  }
}

Task<void> Workers::wait_for_work(std::uint64_t seen) {
  if (core_.job_news != seen) co_return;
  co_await wait_or(core_.jobs, wait_for_job(core_.deps.store, core_.options.idle_wait));
}

void Workers::done() {
  --active_;
  core_.announce_jobs();
}

Task<void> Workers::work_on(ports::Job job) {
  auto outcome = co_await until(drive(job), keep_lease(job));
  if (!outcome) {
    // Another worker drives it now, or will: nothing more of it may be done here.
    core_.figures.lease_lost();
    log::warning("job.lease_lost", {{"job", job.key}});
  } else if (!*outcome) {
    co_await release(job, outcome->error());
  } else {
    troubles_.erase(job.key);
  }
  done();
  if (++finished_ % kTrimEvery == 0)
    (void)co_await core_.deps.store.trim_jobs(kKeepCompleted, kKeepFailed);
}

Task<Result<void>> Workers::drive(const ports::Job& job) {
  if (job.kind == kScheduleKind) co_return co_await schedules_.fire(job);
  const auto run = RunId::parse(find_string(job.payload, {"run"}));
  if (!run) co_return fail(ErrorCode::corrupt, "job {} names no run", job.key);
  CORRAL_CO_TRY(const auto now, co_await core_.runs.load(*run));
  if (const auto ours = co_await homes_.check(now); !ours) {
    if (ours.error().code == ErrorCode::conflict) co_return co_await leave(job);
    co_return ours;
  }
  NextJobs& next = *this;
  auto driver = std::make_unique<RunDriver>(core_, *run, job, next);
  co_return co_await driver->drive();
}

// To the server that the run lives on, which hears of the job as everyone does. So that it gets
// there first, this one holds back a little for as long as there are such jobs.
Task<Result<void>> Workers::leave(const ports::Job& job) {
  const Time now = core_.deps.clock.now();
  if (now >= polite_until_) left_.clear();
  const int times = ++left_[job.key];
  const Duration wait = std::min(kLongestLeave, kLeaveFor * (1 << std::min(times - 1, 10)));
  polite_until_ = std::max(polite_until_, now + wait + kLongestLeave);
  co_return co_await core_.commit(ports::ReleaseJob{.id = job.id,
                                                    .owner = core_.options.worker,
                                                    .due = now + wait,
                                                    .error = {},
                                                    .keep_attempt = true});
}

// Ends when the lease is no longer ours, or can no longer be known to be.
Task<void> Workers::keep_lease(const ports::Job& job) {
  Time held_until = job.lease_until;
  for (;;) {
    co_await core_.deps.clock.sleep(core_.options.heartbeat);
    const Time until_then = core_.deps.clock.now() + core_.options.lease;
    const auto kept = co_await core_.deps.store.heartbeat(job.id, core_.options.worker, until_then);
    if (kept) {
      held_until = until_then;
      if (const auto run = RunId::parse(find_string(job.payload, {"run"})))
        core_.drivers.renewed(*run, until_then);
      continue;
    }
    if (kept.error().code == ErrorCode::conflict || core_.deps.clock.now() >= held_until) co_return;
  }
}

// Trouble of our own (a full disk, say) is no failure of the run: it goes on where it stands,
// later.
Task<void> Workers::release(const ports::Job& job, const Error& why) {
  const int times = ++troubles_[job.key];
  const Duration wait = std::min(kLongestRetry, kStoreRetry * (1 << std::min(times - 1, 10)));
  log::warning("run.paused",
               {{"job", job.key}, {"why", why.describe()}, {"again_in_ms", wait.count()}});
  // When even that cannot be written the lease runs out by itself.
  (void)co_await core_.commit(ports::ReleaseJob{.id = job.id,
                                                .owner = core_.options.worker,
                                                .due = core_.deps.clock.now() + wait,
                                                .error = why.describe(),
                                                .keep_attempt = true});
}

}  // namespace corral::engine
