// A store that has grown large: how long each question takes with a million events, a hundred
// thousand documents and as many queued jobs, in few groups and in many.
//   bench_scale FOLDER [EVENTS]      on SQLite; prints a line for each question
//   bench_scale URL [EVENTS]         on an empty PostgreSQL database (postgres://…), where all jobs
//                                    are in many groups
// Exits with 1 when an answer's p99 is beyond the goal.
#include "adapters/store/postgres/postgres_store.h"
#include "adapters/store/sqlite/sqlite_store.h"
#include "measure.h"

namespace corral::bench {
namespace {

using ports::Store;

constexpr std::uint64_t kPerRun = 10, kProjects = 200;
constexpr int kCalls = 300;
constexpr Duration kLease{3'600'000};
constexpr ports::QueueLimits kLimits{.per_group = 2'000, .total = 2'000};

std::string run_id(std::uint64_t run) { return fmt::format("0193a5b0-{:08}", run); }
std::string project_id(std::uint64_t project) { return fmt::format("project-{:04}", project); }

// ---- filling ----

// A run's events and its document.
void add_run(ports::Transaction& transaction, std::uint64_t run) {
  ports::Append append{.stream = "run/" + run_id(run), .expected_version = 0, .events = {}};
  for (std::uint64_t i = 0; i < kPerRun; ++i)
    append.events.push_back(
        {.type = i == 0 ? (run % 1'000 == 0 ? "run.retried" : "run.created") : "run.step.completed",
         .data = json::object{{"step", "agent"}, {"attempt", i}, {"note", std::string(200, 'n')}},
         .origin = {.actor = "worker",
                    .cause = "job/run/" + run_id(run),
                    .correlation = run_id(run),
                    .trace = ""}});
  transaction.changes.emplace_back(std::move(append));
  ports::PutDocument put;
  put.document.kind = "run";
  put.document.id = run_id(run);
  put.document.parent = project_id(run % kProjects);
  put.document.state = run % 500 == 0 ? "running" : run % 20 == 0 ? "failed" : "completed";
  put.document.body = json::object{{"prompt", std::string(400, 'p')}};
  transaction.changes.emplace_back(std::move(put));
}

Task<void> fill_runs(Store& store, std::uint64_t runs) {
  for (std::uint64_t run = 0; run < runs;) {
    ports::Transaction transaction;
    for (int i = 0; i < 200 && run < runs; ++i, ++run) add_run(transaction, run);
    need(co_await store.commit(std::move(transaction)));
  }
}

struct Jobs {
  std::uint64_t count, groups;
  std::string slot;  // of all of them, with room for one; empty: none
};

Task<void> fill_jobs(Store& store, Jobs jobs) {
  const Time later = SystemClock::instance().now() + std::chrono::hours(24);
  for (std::uint64_t job = 0; job < jobs.count;) {
    ports::Transaction transaction;
    for (int i = 0; i < 1'000 && job < jobs.count; ++i, ++job) {
      ports::NewJob change{.kind = job % 5'000 == 0 ? "schedule" : "run",
                           .key = fmt::format("job-{}", job),
                           .payload = json::object{{"run", run_id(job)}},
                           .priority = static_cast<int>(job % 3),
                           .due = job % 4 == 0 ? later : Time{},
                           .group = project_id(job % jobs.groups),
                           .slots = {}};
      if (!jobs.slot.empty()) change.slots.push_back({jobs.slot, 1});
      transaction.changes.emplace_back(std::move(change));
    }
    need(co_await store.commit(std::move(transaction)));
  }
}

// ---- asking ----

constexpr double kGoalMicros = 20'000;
int g_missed = 0;

void report(const char* what, Latencies& latencies) {
  const bool missed = latencies.at(0.99) > kGoalMicros;
  if (missed) ++g_missed;
  fmt::print("  {:<52} p50 {:8.0f} us   p99 {:8.0f} us{}\n", what, latencies.at(0.5),
             latencies.at(0.99), missed ? "   beyond 20 ms" : "");
}

// `ask` makes the call number i.
template <class Ask>
Task<void> time_calls(Ask ask, Latencies& latencies) {
  for (std::uint64_t i = 0; i < kCalls; ++i) {
    const auto begin = Clock::now();
    need(co_await ask(i));
    latencies.micros.push_back(Micros(Clock::now() - begin).count());
  }
}

template <class Ask>
void question(const char* what, Ask ask) {
  Latencies latencies;
  run_one(time_calls(std::move(ask), latencies));
  report(what, latencies);
}

Task<void> first_time(Store& store, std::uint64_t position, Time& time) {
  time = need(co_await store.read_all({.after_position = position, .types = {}, .limit = 1}))
             .at(0)
             .time;
}

void ask_events(Store& store, std::uint64_t events) {
  const auto runs = events / kPerRun;
  Time middle, after;
  run_one(first_time(store, events / 2, middle));
  run_one(first_time(store, events / 2 + events / 20, after));
  question("read_stream", [&](std::uint64_t i) {
    return store.read_stream("run/" + run_id(i * 331 % runs), 0, 100);
  });
  question("read_all, 100 from somewhere", [&](std::uint64_t i) {
    return store.read_all({.after_position = i * 3'331 % events, .types = {}});
  });
  question("read_all, a type that is common", [&](std::uint64_t i) {
    return store.read_all({.after_position = i * 3'331 % events, .types = {"run.step.completed"}});
  });
  question("read_all, a type that is rare, and one that is not", [&](std::uint64_t i) {
    return store.read_all(
        {.after_position = i * 3'331 % events, .types = {"run.retried", "run.created"}});
  });
  question("read_all, a type there is none of",
           [&](std::uint64_t) { return store.read_all({.types = {"user.login"}}); });
  question("read_all, first page of a 5 % window of time", [&](std::uint64_t) {
    return store.read_all({.types = {}, .from = middle, .until = after});
  });
  question("read_all, from a time on, in the middle", [&](std::uint64_t i) {
    return store.read_all({.after_position = events / 2 + i * 100, .types = {}, .from = middle});
  });
  question("list_streams, 100 from somewhere", [&](std::uint64_t i) {
    return store.list_streams("run/", "run/" + run_id(i * 331 % runs), 100);
  });
}

void ask_documents(Store& store, std::uint64_t runs) {
  question("get", [&](std::uint64_t i) { return store.get("run", run_id(i * 331 % runs)); });
  question("list, (kind, state), 50 of the rare",
           [&](std::uint64_t) { return store.list({.kind = "run", .state = "running"}); });
  question("list, (kind, state), 50 of the common, deep", [&](std::uint64_t i) {
    return store.list({.kind = "run", .state = "completed", .before_id = run_id(runs / 2 + i)});
  });
  question("list, (kind, parent), 50", [&](std::uint64_t i) {
    return store.list({.kind = "run", .parent = project_id(i % kProjects)});
  });
}

Task<Result<std::uint64_t>> complete_all(Store& store, std::vector<ports::Job>& jobs) {
  ports::Transaction transaction;
  for (const auto& job : jobs)
    transaction.changes.emplace_back(ports::CompleteJob{job.id, "bench"});
  jobs.clear();
  co_return co_await store.commit(std::move(transaction));
}

Task<void> time_claims(Store& store, std::uint32_t most, Latencies& latencies) {
  std::vector<ports::Job> held;
  for (int i = 0; i < kCalls; ++i) {
    const auto begin = Clock::now();
    auto jobs = need(co_await store.claim({.owner = "bench",
                                           .now = SystemClock::instance().now(),
                                           .lease = kLease,
                                           .limits = kLimits,
                                           .most = most}));
    latencies.micros.push_back(Micros(Clock::now() - begin).count());
    for (auto& job : jobs) held.push_back(std::move(job));
    if (held.size() >= 100) need(co_await complete_all(store, held));
  }
  need(co_await complete_all(store, held));
}

void claims(Store& store, const char* what, std::uint32_t most) {
  Latencies latencies;
  run_one(time_claims(store, most, latencies));
  report(what, latencies);
}

void ask_queue(Store& store, std::uint64_t groups) {
  claims(store, "claim, 1 job", 1);
  claims(store, "claim, 16 jobs", 16);
  const auto now = SystemClock::instance().now();
  question("queue_counts", [&](std::uint64_t) { return store.queue_counts(now); });
  question("list_jobs, 50 newest", [&](std::uint64_t) { return store.list_jobs({.now = now}); });
  question("list_jobs, ready, deep", [&](std::uint64_t i) {
    return store.list_jobs({.state = "ready", .now = now, .before_id = 50'000 + i});
  });
  question("list_jobs, delayed",
           [&](std::uint64_t) { return store.list_jobs({.state = "delayed", .now = now}); });
  question("list_jobs, failed: there are none",
           [&](std::uint64_t) { return store.list_jobs({.state = "failed", .now = now}); });
  question("list_jobs, of a group", [&](std::uint64_t i) {
    return store.list_jobs({.group = project_id(i % groups), .now = now});
  });
  question("list_jobs, of a rare kind",
           [&](std::uint64_t) { return store.list_jobs({.kind = "schedule", .now = now}); });
  question("list_jobs, of a rare kind, delayed", [&](std::uint64_t) {
    return store.list_jobs({.state = "delayed", .kind = "schedule", .now = now});
  });
  question("list_jobs, of a rare kind, ready", [&](std::uint64_t) {
    return store.list_jobs({.state = "ready", .kind = "schedule", .now = now});
  });
  question("list_jobs, of a kind there is none of",
           [&](std::uint64_t) { return store.list_jobs({.kind = "backup", .now = now}); });
  question("list_jobs, claimed, of a group", [&](std::uint64_t i) {
    return store.list_jobs({.state = "claimed", .group = project_id(i % groups), .now = now});
  });
}

// `bytes` says how large the store is once it is full.
template <class Bytes>
void measure_all(Store& store, std::uint64_t events, Bytes bytes) {
  const auto runs = events / kPerRun;
  const double runs_s = run_one(fill_runs(store, runs));
  const double jobs_s = run_one(fill_jobs(store, {runs, 1'000, ""}));
  fmt::print("{} events and {} documents ({:.0f} s), {} jobs in 1,000 groups ({:.1f} s){}:\n",
             events, runs, runs_s, runs, jobs_s, bytes());
  ask_events(store, events);
  ask_documents(store, runs);
  ask_queue(store, 1'000);
}

void measure(const char* parent, std::uint64_t events) {
  const auto runs = events / kPerRun;
  {
    Folder folder(parent);
    const auto store = need(adapters::store::open_sqlite_store(folder.path / "corral.db"));
    measure_all(*store, events, [&] {
      return fmt::format(", {} MB",
                         std::filesystem::file_size(folder.path / "corral.db") / 1'000'000);
    });
  }
  for (const auto& jobs : {Jobs{runs, 1, ""}, Jobs{runs, 1'000, "deploy"}}) {
    Folder folder(parent);
    const auto store = need(adapters::store::open_sqlite_store(folder.path / "corral.db"));
    run_one(fill_jobs(*store, jobs));
    fmt::print("{} jobs in {} group{}:\n", jobs.count, jobs.groups,
               jobs.slot.empty() ? "" : "s, all with one slot of the same name");
    ask_queue(*store, jobs.groups);
  }
}

void measure_postgres(const char* url, std::uint64_t events) {
  const auto store = need(adapters::store::open_postgres_store(Secret(url)));
  measure_all(*store, events, [] {
    // A store does not grow like this within a minute: autovacuum has come by, as it does each.
    run_one(SystemClock::instance().sleep(std::chrono::seconds(100)));
    return ", vacuumed";
  });
}

}  // namespace
}  // namespace corral::bench

int main(int argc, char** argv) {
  const auto events = argc == 3 ? std::strtoull(argv[2], nullptr, 10) : 1'000'000;
  if (argc < 2 || argc > 3 || events < 10'000) {
    std::fprintf(stderr, "usage: bench_scale FOLDER|URL [EVENTS]\n");
    return 2;
  }
  if (std::string_view(argv[1]).starts_with("postgres://"))
    corral::bench::measure_postgres(argv[1], events);
  else
    corral::bench::measure(argv[1], events);
  return corral::bench::g_missed == 0 ? 0 : 1;
}
