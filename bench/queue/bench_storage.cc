// The store's commits and the log's appends, as figures to compare from release to release.
//   bench_storage FOLDER
#include <fstream>

#include <fcntl.h>
#include <unistd.h>

#include "adapters/store/sqlite/sqlite_store.h"
#include "measure.h"
#include "session/log_store.h"

namespace corral::bench {
namespace {

// ---- commits: an event, a document, as a step's end has them ----

Task<void> commit_many(ports::Store& store, int producer, int& left, Latencies& latencies) {
  const auto name = fmt::format("run/{}", producer);
  for (std::uint64_t version = 0; left > 0; ++version) {
    --left;
    ports::Transaction transaction;
    transaction.changes.emplace_back(ports::Append{
        name,
        version,
        {{"run.step.completed",
          json::object{{"step", "agent"}, {"attempt", 1}, {"note", std::string(200, 'n')}},
          {.actor = "worker"}}}});
    const auto begin = Clock::now();
    need(co_await store.commit(std::move(transaction)));
    latencies.micros.push_back(Micros(Clock::now() - begin).count());
  }
}

void commits(const char* parent, int producers) {
  Folder folder(parent);
  const auto store = need(adapters::store::open_sqlite_store(folder.path / "corral.db"));
  int left = producers == 1 ? 4'000 : 60'000;
  const int all = left;
  Latencies latencies;
  std::vector<Task<void>> tasks;
  for (int i = 0; i < producers; ++i) tasks.push_back(commit_many(*store, i, left, latencies));
  const double seconds = run_all(std::move(tasks));
  fmt::print("commits, {:>3} producers      {:8.0f} /s   p50 {:6.0f} us   p99 {:6.0f} us\n",
             producers, all / seconds, latencies.at(0.5), latencies.at(0.99));
}

// append + fdatasync by hand: what the disk can do.
void floor_of_the_disk(const char* parent) {
  Folder folder(parent);
  const Fd file(::open((folder.path / "file").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  const std::string block(4096, 'b');
  Latencies latencies;
  for (int i = 0; i < 1'000; ++i) {
    const auto begin = Clock::now();
    need(write_all(file.get(), block));
    ::fdatasync(file.get());
    latencies.micros.push_back(Micros(Clock::now() - begin).count());
  }
  fmt::print("disk: append 4 KiB + fdatasync          p50 {:6.0f} us   p99 {:6.0f} us\n",
             latencies.at(0.5), latencies.at(0.99));
}

// ---- claims with a long queue, most of it in groups that are full ----

Task<void> claim_many(ports::Store& store, int waiting, int claims) {
  constexpr ports::QueueLimits kLimits{.per_group = 5, .total = 100};
  for (int done = 0; done < waiting;) {
    ports::Transaction transaction;
    for (int i = 0; i < 1'000; ++i, ++done)
      transaction.changes.emplace_back(
          ports::NewJob{.kind = "noop",
                        .key = fmt::format("{}", done),
                        .payload = json::object{{"n", done}},
                        .group = done % 10 == 9 ? fmt::format("small-{}", done % 97) : "large"});
    need(co_await store.commit(std::move(transaction)));
  }
  Latencies latencies;
  for (int i = 0; i < claims; ++i) {
    const auto begin = Clock::now();
    const auto jobs = need(co_await store.claim({.owner = "bench",
                                                 .now = SystemClock::instance().now(),
                                                 .lease = Duration{600'000},
                                                 .limits = kLimits}));
    latencies.micros.push_back(Micros(Clock::now() - begin).count());
    // The large group stays full: it is at the head of the queue in every claim that follows.
    if (jobs.empty() || jobs[0].group == "large") continue;
    ports::Transaction transaction;
    transaction.changes.emplace_back(ports::CompleteJob{jobs[0].id, "bench"});
    need(co_await store.commit(std::move(transaction)));
  }
  fmt::print(
      "claim, {:>6} jobs wait, their largest group full     p50 {:6.0f} us   p99 {:6.0f} us\n",
      waiting, latencies.at(0.5), latencies.at(0.99));
}

void claims(const char* parent) {
  for (const int waiting : {1'000, 100'000}) {
    Folder folder(parent);
    const auto store = need(adapters::store::open_sqlite_store(folder.path / "corral.db"));
    run_one(claim_many(*store, waiting, 500));
  }
}

// ---- logs ----

Task<void> append_many(std::shared_ptr<session::Log> log, std::string source, std::size_t chunk,
                       std::uint64_t bytes, Latencies& latencies) {
  for (std::uint64_t at = 0; at < bytes; at += chunk) {
    const auto begin = Clock::now();
    need(co_await log->append(source, at, std::string(chunk, 'x')));
    latencies.micros.push_back(Micros(Clock::now() - begin).count());
  }
}

Task<void> open_log(session::LogStore& logs, std::string name, std::shared_ptr<session::Log>& log) {
  log = need(co_await logs.open(std::move(name), session::LogStore::Open::create));
}

Task<void> read_log(std::shared_ptr<session::Log> log) {
  for (std::uint64_t at = 0; at < log->end();)
    at += need(co_await log->read(at, 256 * 1024)).size();
}

long resident_kb() {
  long pages = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident;
  return resident * 4;
}

void log_appends(const char* parent, int sources, std::size_t chunk, std::uint64_t bytes) {
  Folder folder(parent);
  BlockingPool pool(4);
  const auto logs = session::make_file_log_store(folder.path, pool, asio::system_executor());
  std::shared_ptr<session::Log> log;
  run_one(open_log(*logs, "log", log));
  Latencies latencies;
  std::vector<Task<void>> tasks;
  for (int i = 0; i < sources; ++i)
    tasks.push_back(append_many(log, fmt::format("s{}", i), chunk,
                                bytes / static_cast<std::uint64_t>(sources), latencies));
  const double seconds = run_all(std::move(tasks));
  fmt::print(
      "log, {:>2} sources x {:>3} KiB    {:8.1f} MB/s {:8.0f} appends/s   p50 {:6.0f} us   p99 "
      "{:6.0f} us\n",
      sources, chunk / 1024, static_cast<double>(bytes) / 1e6 / seconds,
      static_cast<double>(latencies.micros.size()) / seconds, latencies.at(0.5),
      latencies.at(0.99));
}

void large_log(const char* parent) {
  Folder folder(parent);
  BlockingPool pool(4);
  constexpr std::uint64_t kBytes = 1u << 30;
  std::shared_ptr<session::Log> log;
  auto logs = session::make_file_log_store(folder.path, pool, asio::system_executor());
  run_one(open_log(*logs, "log", log));
  Latencies latencies;
  const double writing = run_one(append_many(log, "s", 1 << 20, kBytes, latencies));
  log.reset();
  logs = session::make_file_log_store(folder.path, pool, asio::system_executor());
  const long before = resident_kb();
  const double opening = run_one(open_log(*logs, "log", log));
  const long after = resident_kb();
  const double reading = run_one(read_log(log));
  fmt::print(
      "log of 1 GiB: write {:.0f} MB/s, open {:.1f} ms (+{} KB of memory), read {:.0f} MB/s\n",
      static_cast<double>(kBytes) / 1e6 / writing, opening * 1e3, after - before,
      static_cast<double>(kBytes) / 1e6 / reading);
}

}  // namespace
}  // namespace corral::bench

int main(int argc, char** argv) {
  using namespace corral::bench;
  if (argc != 2) {
    std::fprintf(stderr, "usage: bench_storage FOLDER\n");
    return 2;
  }
  floor_of_the_disk(argv[1]);
  for (const int producers : {1, 16, 256}) commits(argv[1], producers);
  claims(argv[1]);
  log_appends(argv[1], 1, 4 << 10, 8 << 20);
  log_appends(argv[1], 16, 4 << 10, 64 << 20);
  log_appends(argv[1], 1, 64 << 10, 128 << 20);
  large_log(argv[1]);
}
