// The queue: no-op jobs a second and the time from enqueueing to the start, on the store as Corral
// uses it (every commit synced). bullmq.mjs does the same on Redis, graphile_worker.mjs on
// PostgreSQL; `run` prints all.
//   bench_queue FOLDER JOBS [QUEUED…]  on SQLite, in a new folder below FOLDER; prints one line of
//                                      JSON
//   bench_queue URL JOBS [QUEUED…]     on an empty PostgreSQL database (postgres://…)
// For each QUEUED, in growing order: how fast the next thousand go while so many wait.
#include "adapters/store/postgres/postgres_store.h"
#include "adapters/store/sqlite/sqlite_store.h"
#include "measure.h"

namespace corral::bench {
namespace {

constexpr int kProducers = 10, kWorkers = 10, kSamples = 500;
constexpr Duration kLease{30'000};
constexpr ports::QueueLimits kLimits{.per_group = 1'000, .total = 1'000};

// A job as a run's: its key is the run's id.
ports::Transaction enqueue() {
  static SystemRandom random;
  const auto run = RunId::make(SystemClock::instance().now(), random);
  ports::Transaction transaction;
  transaction.changes.emplace_back(ports::NewJob{.kind = "noop",
                                                 .key = "run/" + run.to_string(),
                                                 .payload = json::object{{"n", 1}},
                                                 .group = "bench"});
  return transaction;
}
ports::Transaction complete(std::uint64_t job, std::string owner) {
  ports::Transaction transaction;
  transaction.changes.emplace_back(ports::CompleteJob{job, std::move(owner)});
  return transaction;
}

ports::ClaimQuery next_job(std::string owner) {
  return {.owner = std::move(owner),
          .now = SystemClock::instance().now(),
          .lease = kLease,
          .limits = kLimits};
}

Task<void> produce(ports::Store& store, int jobs) {
  for (int i = 0; i < jobs; ++i) need(co_await store.commit(enqueue()));
}

// Until `left` jobs have been done by all workers together.
Task<void> work(ports::Store& store, int worker, int& left) {
  const auto owner = fmt::format("worker-{}", worker);
  std::vector<ports::Job> jobs;
  while (left > 0) {
    if (jobs.empty()) {
      jobs = need(co_await store.claim(next_job(owner)));
      if (jobs.empty()) need(co_await store.wait_for_job(Duration{50}));
      continue;
    }
    // As the engine's workers do: the end of one job claims the next.
    jobs = need(co_await store.commit_and_claim(complete(jobs[0].id, owner), next_job(owner))).jobs;
    --left;
  }
  if (jobs.empty()) co_return;
  need(co_await store.commit(complete(jobs[0].id, owner)));
  --left;
}

// A worker that notes when each job starts, as an idle server would.
Task<void> start_jobs(ports::Store& store, std::vector<Clock::time_point>& started) {
  while (started.size() < kSamples) {
    const auto jobs = need(co_await store.claim(next_job("idle")));
    if (jobs.empty()) {
      need(co_await store.wait_for_job(Duration{5'000}));
      continue;
    }
    started.push_back(Clock::now());
    need(co_await store.commit(complete(jobs[0].id, "idle")));
  }
}

Task<void> enqueue_now_and_then(ports::Store& store, std::vector<Clock::time_point>& enqueued,
                                const std::vector<Clock::time_point>& started) {
  for (int i = 0; i < kSamples; ++i) {
    while (static_cast<int>(started.size()) < i)
      co_await SystemClock::instance().sleep(Duration{1});
    co_await SystemClock::instance().sleep(Duration{3});
    enqueued.push_back(Clock::now());
    need(co_await store.commit(enqueue()));
  }
}

Task<void> fill(ports::Store& store, int jobs) {
  while (jobs > 0) {
    ports::Transaction transaction;
    for (int i = 0; i < 1'000 && jobs > 0; ++i, --jobs)
      transaction.changes.push_back(std::move(enqueue().changes.front()));
    need(co_await store.commit(std::move(transaction)));
  }
}

double grown(ports::Store& store, int queued, int& waiting) {
  run_one(fill(store, queued - waiting));
  const int some = std::min(queued, 1'000);
  int left = some;
  std::vector<Task<void>> tasks;
  for (int i = 0; i < kWorkers; ++i) tasks.push_back(work(store, i, left));
  const double seconds = run_all(std::move(tasks));
  const int done = some - left;  // a few more than some: each worker ends the job that it has
  waiting = queued - done;
  return done / seconds;
}

void measure(ports::Store* store, int jobs, const std::vector<int>& queued) {
  std::vector<Task<void>> tasks;
  for (int i = 0; i < kProducers; ++i) tasks.push_back(produce(*store, jobs / kProducers));
  const double enqueuing = run_all(std::move(tasks));

  tasks.clear();
  int left = jobs / kProducers * kProducers;
  const int all = left;
  for (int i = 0; i < kWorkers; ++i) tasks.push_back(work(*store, i, left));
  const double working = run_all(std::move(tasks));
  run_one([](ports::Store& trimmed) -> Task<void> {
    need(co_await trimmed.trim_jobs(100, 50));
  }(*store));

  tasks.clear();
  std::vector<Clock::time_point> enqueued, started;
  tasks.push_back(start_jobs(*store, started));
  tasks.push_back(enqueue_now_and_then(*store, enqueued, started));
  run_all(std::move(tasks));
  Latencies latencies;
  for (std::size_t i = 0; i < started.size(); ++i)
    latencies.micros.push_back(Micros(started[i] - enqueued[i]).count());

  fmt::print(
      "{{\"enqueue_per_s\": {:.0f}, \"work_per_s\": {:.0f}, \"jobs_per_s\": {:.0f}, "
      "\"start_p50_us\": {:.0f}, \"start_p99_us\": {:.0f}",
      all / enqueuing, all / working, all / (enqueuing + working), latencies.at(0.5),
      latencies.at(0.99));
  int waiting = 0;
  for (const int many : queued)
    fmt::print(", \"queued_{}_per_s\": {:.0f}", many, grown(*store, many, waiting));
  fmt::print("}}\n");
}

}  // namespace
}  // namespace corral::bench

int main(int argc, char** argv) {
  if (argc < 3 || std::atoi(argv[2]) < corral::bench::kProducers) {
    std::fprintf(stderr, "usage: bench_queue FOLDER|URL JOBS [QUEUED...]\n");
    return 2;
  }
  using namespace corral;
  std::vector<int> queued;
  for (int i = 3; i < argc; ++i) queued.push_back(std::atoi(argv[i]));
  if (std::string_view(argv[1]).starts_with("postgres://")) {
    const auto store = bench::need(adapters::store::open_postgres_store(Secret(argv[1])));
    bench::measure(store.get(), std::atoi(argv[2]), queued);
  } else {
    const bench::Folder folder(argv[1]);
    const auto store = bench::need(adapters::store::open_sqlite_store(folder.path / "corral.db"));
    bench::measure(store.get(), std::atoi(argv[2]), queued);
  }
}
