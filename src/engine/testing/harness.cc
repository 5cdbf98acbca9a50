#include "engine/testing/harness.h"

#include "engine/run_repository.h"

namespace corral::engine::testing {

Harness::Harness(std::uint64_t seed)
    : store(clock),
      http(clock),
      models(clock),
      random(seed),
      agents{make_fake_agent(), make_fake_agent({.name = "command"})} {
  options.server = "server";
  const auto refuse = [this]() -> std::optional<Error> {
    if (!crashed_) return std::nullopt;
    return Error{ErrorCode::unavailable, "the server is dead", nullptr};
  };
  world.faults = [refuse](std::string_view) { return refuse(); };
  logs.faults = refuse;
  http.faults = refuse;
  models.faults = refuse;
  blobs.set_faults([refuse](std::string_view) { return refuse(); });
  store.set_faults([this, refuse](std::string_view call,
                                  ports::fakes::FakeStore::Moment moment) -> std::optional<Error> {
    if (auto dead = refuse()) return dead;
    return store_faults ? store_faults(call, moment) : std::nullopt;
  });
}

Harness::~Harness() {
  if (life_) crash();
}

void Harness::boot() {
  CORRAL_ASSERT(!life_);
  crashed_ = false;
  life_ = std::make_unique<Life>();
  cache = std::make_unique<ports::fakes::FakeCache>(clock);
  cache->set_faults(
      [this](std::string_view) { return cache_faults ? cache_faults() : std::nullopt; });
  life_->launcher = world.launcher();
  life_->mirrors = world.mirrors();
  life_->engine = make_engine({.executor = life_->context.get_executor(),
                               .store = store,
                               .cache = *cache,
                               .launcher = *life_->launcher,
                               .mirrors = *life_->mirrors,
                               .agents = agents,
                               .blobs = blobs,
                               .logs = logs,
                               .models = models,
                               .http = http,
                               .clock = clock,
                               .random = random,
                               .token_key = Secret("0123456789abcdef0123456789abcdef")},
                              options);
}

void Harness::end_life() {
  bool stopped = false;
  asio::co_spawn(life_->context, life_->engine->stop(),
                 [&stopped](std::exception_ptr) { stopped = true; });
  for (int i = 0; i < 1'000'000 && !stopped; ++i) step();
  CORRAL_ASSERT(stopped);
  life_->context.poll();
  life_->engine.reset();
  life_.reset();
}

void Harness::shut_down() { end_life(); }

void Harness::crash() {
  crashed_ = true;
  end_life();
  crashed_ = false;
}

bool Harness::step() {
  context().restart();
  if (context().poll_one() > 0) return true;
  const auto wake = clock.next_wake();
  if (!wake) return false;
  clock.advance_to(*wake);
  return true;
}

void Harness::settle() {
  context().restart();
  context().poll();
}

template <class T>
T Harness::ask_store(Task<T> task) {
  asio::io_context own;
  std::optional<T> result;
  asio::co_spawn(own, std::move(task),
                 [&result](std::exception_ptr, T value) { result.emplace(std::move(value)); });
  own.run();
  CORRAL_ASSERT(result);
  return std::move(*result);
}

StartRun Harness::request(std::string prompt) {
  StartRun request;
  request.git_url = "/srv/project";
  request.agent = "fake";
  request.prompt = std::move(prompt);
  return request;
}

RunId Harness::start(StartRun asked) {
  const auto document = call(engine().start_run(std::move(asked), {"user:ann", ""})).value();
  return RunId::parse(find_string(document, {"id"})).value();
}

json::value Harness::document(std::string kind, std::string id) {
  const auto faults = std::exchange(store_faults, {});
  const auto found = ask_store(store.get(std::move(kind), std::move(id))).value();
  store_faults = faults;
  return found ? found->body : json::value();
}
json::value Harness::run(RunId id) { return document("run", id.to_string()); }
json::value Harness::session(SessionId id) { return document("session", id.to_string()); }
std::string Harness::status(RunId id) { return std::string(find_string(run(id), {"status"})); }
bool Harness::ended(RunId id) {
  const auto now = status(id);
  return now == "completed" || now == "failed" || now == "cancelled";
}

std::string Harness::step_status(RunId id, std::string_view step) {
  const auto document = run(id);
  for (const auto& entry : document.at("steps").as_array())
    if (find_string(entry, {"name"}) == step) return std::string(find_string(entry, {"status"}));
  return "";
}

std::vector<ports::Event> Harness::events(RunId id) {
  return ask_store(store.read_stream(run_stream(id), 0, 10'000)).value();
}

std::vector<ports::Event> Harness::all_events(std::uint64_t after_position, std::uint32_t limit) {
  const auto faults = std::exchange(store_faults, {});
  auto events =
      ask_store(store.read_all({.after_position = after_position, .limit = limit})).value();
  store_faults = faults;
  return events;
}

std::vector<ports::Job> Harness::jobs(std::string state) {
  const auto faults = std::exchange(store_faults, {});
  auto found =
      ask_store(store.list_jobs(
                    {.state = std::move(state), .now = clock.now(), .limit = ports::kMaxListLimit}))
          .value();
  store_faults = faults;
  return found;
}

int Harness::count(RunId id, std::string_view type, std::string_view step) {
  int found = 0;
  for (const auto& event : events(id))
    if (event.type == type && (step.empty() || find_string(event.data, {"step"}) == step)) ++found;
  return found;
}

std::string Harness::log(RunId id) const { return logs.text("runs/" + id.to_string() + "/log"); }
std::string Harness::timeline(RunId id) const {
  return logs.text("runs/" + id.to_string() + "/timeline");
}

}  // namespace corral::engine::testing
