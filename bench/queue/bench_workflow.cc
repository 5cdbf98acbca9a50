// Workflows of five steps that do nothing, a second: Corral's own engine with its store, its logs
// and its blobs on the disk; only what no such step uses (workspaces, mirrors) is not there. Ten
// runs are driven at once while ten producers start them. dbos.mjs does the same on DBOS.
//   bench_workflow FOLDER RUNS [URL]     on SQLite in a new folder below FOLDER, or on an empty
//                                        PostgreSQL database; prints one line of JSON
#include "adapters/blob/fs/fs_blobs.h"
#include "adapters/cache/memory/memory_cache.h"
#include "adapters/store/postgres/postgres_store.h"
#include "adapters/store/sqlite/sqlite_store.h"
#include "base/random.h"
#include "engine/engine.h"
#include "engine/step_kind.h"
#include "engine/testing/fake_agent.h"
#include "engine/testing/fake_world.h"
#include "measure.h"
#include "ports/fakes/fake_http_client.h"
#include "ports/fakes/fake_llm.h"
#include "session/log_store.h"

namespace corral::bench {
namespace {

constexpr int kProducers = 10;

class NoopKind final : public engine::StepKind {
 public:
  domain::KindRules rules() const override {
    return {.name = "noop", .description = "nothing", .fields = {}, .outputs = {}};
  }
  bool needs_workspace() const override { return false; }
  Task<Result<engine::StepEnd>> execute(engine::StepContext&) const override {
    co_return engine::StepEnd{};
  }
};

constexpr const char* kFiveSteps = R"(name: five
steps:
  - {name: a, kind: noop}
  - {name: b, kind: noop, needs: [a]}
  - {name: c, kind: noop, needs: [b]}
  - {name: d, kind: noop, needs: [c]}
  - {name: e, kind: noop, needs: [d]}
)";

Task<void> start_runs(engine::Engine& engine, int runs) {
  for (int i = 0; i < runs; ++i) {
    engine::StartRun request;
    request.project = "bench";
    request.workflow = "five";
    request.agent = "fake";
    need(co_await engine.start_run(std::move(request), {"user:bench", ""}));
  }
}

Task<std::uint64_t> open_jobs(ports::Store& store) {
  const auto counts = need(co_await store.queue_counts(SystemClock::instance().now()));
  co_return counts.ready + counts.delayed + counts.claimed;
}

// `started` counts the producers that are done.
Task<void> wait_for_all(engine::Engine& engine, ports::Store& store, const int& started) {
  while (started < kProducers || co_await open_jobs(store) > 0)
    co_await SystemClock::instance().sleep(Duration{5});
  co_await engine.stop();
}

Task<void> produce(engine::Engine& engine, int runs, int& started) {
  co_await start_runs(engine, runs);
  ++started;
}

Task<void> prepare(engine::Engine& engine) {
  need(co_await engine.start());
  need(co_await engine.create_project("bench", "/srv/bench", "", {"user:bench", ""}));
  need(co_await engine.save_workflow(kFiveSteps, {"user:bench", ""}));
}

void run_tasks(asio::io_context& context, std::vector<Task<void>> tasks) {
  for (auto& task : tasks)
    asio::co_spawn(context, std::move(task), [](std::exception_ptr thrown) {
      if (thrown) std::rethrow_exception(thrown);
    });
  context.restart();
  context.run();
}

void measure(const std::filesystem::path& folder, ports::Store& store, int runs) {
  asio::io_context context(1);
  BlockingPool pool(4);
  engine::testing::FakeWorld world;
  const auto launcher = world.launcher();
  const auto mirrors = world.mirrors();
  const auto blobs = adapters::blob::make_fs_blobs(folder / "blobs", pool);
  const auto logs = session::make_file_log_store(folder / "logs", pool, context.get_executor());
  const auto cache = adapters::cache::make_memory_cache(SystemClock::instance());
  SystemRandom random;
  ports::fakes::FakeHttpClient http(SystemClock::instance());  // no step asks for either of these
  ports::fakes::FakeLlm models(SystemClock::instance());
  auto kinds = engine::standard_step_kinds();
  kinds.add(std::make_unique<NoopKind>());
  const auto engine = engine::make_engine({.executor = context.get_executor(),
                                           .store = store,
                                           .cache = *cache,
                                           .launcher = *launcher,
                                           .mirrors = *mirrors,
                                           .agents = {engine::testing::make_fake_agent()},
                                           .blobs = *blobs,
                                           .logs = *logs,
                                           .models = models,
                                           .http = http,
                                           .clock = SystemClock::instance(),
                                           .random = random,
                                           .token_key = Secret(std::string(32, 'k'))},
                                          {.running = 10, .per_project = 10}, std::move(kinds));
  int started = 0;
  std::vector<Task<void>> tasks;
  asio::co_spawn(context, prepare(*engine), [&context](std::exception_ptr thrown) {
    if (thrown) std::rethrow_exception(thrown);
    context.stop();
  });
  context.run();

  const int each = runs / kProducers;
  for (int i = 0; i < kProducers; ++i) tasks.push_back(produce(*engine, each, started));
  tasks.push_back(wait_for_all(*engine, store, started));
  const auto begin = Clock::now();
  run_tasks(context, std::move(tasks));
  fmt::print("{{\"workflows_per_s\": {:.0f}}}\n", each * kProducers / seconds_since(begin));
}

}  // namespace
}  // namespace corral::bench

int main(int argc, char** argv) {
  if (argc < 3 || argc > 4 || std::atoi(argv[2]) < corral::bench::kProducers) {
    std::fprintf(stderr, "usage: bench_workflow FOLDER RUNS [URL]\n");
    return 2;
  }
  using namespace corral;
  const bench::Folder folder(argv[1]);
  const auto store =
      argc == 4 ? bench::need(adapters::store::open_postgres_store(Secret(argv[3])))
                : bench::need(adapters::store::open_sqlite_store(folder.path / "corral.db"));
  bench::measure(folder.path, *store, std::atoi(argv[2]));
}
