#include "simulation.h"

#include <algorithm>
#include <csignal>
#include <functional>

#include "base/log.h"
#include "invariants.h"
#include "scenario.h"

namespace corral::sim {
namespace {

using engine::testing::FakeMachine;
using engine::testing::FakeProcess;
using engine::testing::Harness;

constexpr int kRuns = 10, kSessions = 10;
constexpr int kWildTicks = 6'000;    // with faults
constexpr int kCalmTicks = 400'000;  // for everything to come to its end
constexpr int kLookEvery = 64;

class Simulation {
 public:
  explicit Simulation(std::uint64_t seed) : dice_(seed), h_(seed), invariants_(h_) {
    // How rough the life is, is a part of it.
    fault_rate_ = chance(dice_, 0.3) ? 0 : 0.02 * pick(dice_, 0, 5) / 5;
    crash_rate_ = chance(dice_, 0.3) ? 0 : 0.004 * pick(dice_, 1, 5) / 5;
    h_.options.running = 4;
    h_.options.per_project = 3;
    h_.options.longest_park = std::chrono::years(5000);  // a wake that is lost shows
    h_.store_faults = [this](std::string_view, ports::fakes::FakeStore::Moment) { return fault(); };
    const auto world = h_.world.faults;
    h_.world.faults = [this, world](std::string_view call) {
      auto dead = world(call);
      return dead ? dead : fault();
    };
    const auto logs = h_.logs.faults;
    h_.logs.faults = [this, logs] {
      auto dead = logs();
      return dead ? dead : fault();
    };
    const auto outside = h_.http.faults;
    h_.http.faults = [this, outside] {
      h_.http.takes = some_time(120'000);
      auto dead = outside();
      return dead ? dead : fault();
    };
    h_.http.answer = [this](const ports::HttpRequest&) { return answer_of_a_server(); };
    const auto models = h_.models.faults;
    h_.models.faults = [this, models] {
      h_.models.takes = some_time(60'000);
      auto dead = models();
      return dead ? dead : fault();
    };
    h_.models.answer = [this](const ports::LlmRequest&) -> Result<ports::fakes::FakeLlm::Answer> {
      if (chance(dice_, 0.1)) return {{.head = {.status = 529, .headers = {}}, .body = "{}"}};
      return ports::fakes::FakeLlm::says(fmt::format("answer {}", h_.models.requests.size()));
    };
    h_.cache_faults = [this] { return fault(); };
    const auto usual = h_.world.act;
    h_.world.act = [this, usual](FakeMachine& machine, FakeProcess& process) {
      act(usual, machine, process);
    };
  }

  Outcome live() {
    boot();
    save_child();
    for (int tick = 0; tick < kWildTicks && !outcome_.violation; ++tick) {
      if (started_ < kRuns && chance(dice_, 0.01)) start_run();
      if (chance(dice_, 0.003)) meddle();
      if (chance(dice_, 0.02)) read_a_run();
      if (chance(dice_, 0.0005)) lose_a_workspace();
      if (chance(dice_, 0.0005)) h_.clock.advance(h_.options.lease * pick(dice_, 1, 4));
      if (chance(dice_, crash_rate_)) crash();
      if (answers_in_ > 0 && --answers_in_ == 0)
        for (const auto& [id, run] : invariants_.runs()) answer(run, true);
      if (!step() && started_ == kRuns) break;
      if (tick % kLookEvery == 0 && !outcome_.violation) outcome_.violation = invariants_.look();
    }
    if (!outcome_.violation) settle_everything();
    if (outcome_.violation) tell_story();
    outcome_.runs = invariants_.runs().size();
    outcome_.events = invariants_.events();
    outcome_.fingerprint = invariants_.fingerprint();
    return outcome_;
  }

 private:
  std::optional<Error> fault() {
    if (!wild_ || !chance(dice_, fault_rate_)) return std::nullopt;
    ++outcome_.faults;
    return Error{chance(dice_, 0.2) ? ErrorCode::exhausted : ErrorCode::unavailable, "by chance",
                 nullptr};
  }

  Duration some_time(int most) {
    return Duration(pick(dice_, 0, 3) == 0 ? pick(dice_, 0, most) : 0);
  }
  ports::HttpResponse answer_of_a_server() {
    if (chance(dice_, 0.1)) return {.status = 503, .headers = {{"retry-after", "40"}}};
    return {.status = chance(dice_, 0.9) ? 200 : 409};
  }

  // ---- processes: each takes its time, and ends as its id and the seed say ----
  struct Work {
    WorkspaceId workspace;
    std::string process;
    Time ends;
    int code;
  };

  void act(const std::function<void(FakeMachine&, FakeProcess&)>& usual, FakeMachine& machine,
           FakeProcess& process) {
    if (process.spec.env.contains("CORRAL_GIT")) return usual(machine, process);
    if (!process.signals.empty()) return process.end(128 + process.signals.back());
    if (!process.output.empty()) return;
    process.print("at work\n");
    work_.push_back({machine.id, process.spec.id, h_.clock.now() + some_time(200'000),
                     chance(dice_, 0.2) ? 1 : 0});
  }

  std::optional<Time> next_end() const {
    const auto next = std::ranges::min_element(work_, {}, &Work::ends);
    return next == work_.end() ? std::nullopt : std::optional(next->ends);
  }
  void end_work() {
    for (std::size_t i = 0; i < work_.size();) {
      if (work_[i].ends > h_.clock.now()) {
        ++i;
        continue;
      }
      const auto done = work_[i];
      work_.erase(work_.begin() + static_cast<std::ptrdiff_t>(i));
      const auto machine = h_.world.machines.find(done.workspace);
      if (machine == h_.world.machines.end()) continue;
      auto& process = machine->second.processes.at(done.process);
      if (!process.ended && !machine->second.gone) {
        process.end(done.code);
        machine->second.changed->wake_all();
      }
    }
  }

  // Whatever can happen now; otherwise the next thing in time. False: nothing ever will.
  bool step() {
    h_.context().restart();
    if (h_.context().poll_one() > 0) return true;
    const auto work = next_end();
    const auto wake = h_.clock.next_wake();
    if (!work && !wake) return false;
    if (work && (!wake || *work <= *wake)) {
      h_.clock.advance_to(*work);
      end_work();
    } else {
      h_.clock.advance_to(*wake);
    }
    return true;
  }

  // ---- lives of the server ----
  void boot() {
    for (;;) {
      h_.boot();
      std::optional<bool> up;
      ask<Result<void>>(h_.engine().start(),
                        [&up](const Result<void>& result) { up = result.has_value(); });
      for (int i = 0; i < 100'000 && !up; ++i) step();
      if (up.value_or(false)) return;
      h_.crash();
    }
  }
  void crash() {
    ++outcome_.crashes;
    h_.crash();
    boot();
    // People come back as soon as the server does: while it takes its runs up.
    if (chance(dice_, 0.5)) answers_in_ = pick(dice_, 1, 150);
  }

  template <class T>
  void ask(Task<T> task, std::function<void(const T&)> then) {
    asio::co_spawn(h_.context(), std::move(task),
                   [then = std::move(then), asking = asking_](const std::exception_ptr& thrown,
                                                              const T& value) {
                     if (!thrown) then(value);
                   });
  }
  template <class T>
  void ask(Task<T> task) {
    ask<T>(std::move(task), [](const T&) {});
  }

  void save_child() {
    const bool wild = std::exchange(wild_, false);
    h_.call(h_.engine().save_workflow(child_definition(), "user:ann")).value();
    wild_ = wild;
  }

  // ---- people ----
  void start_run() {
    const auto key = fmt::format("start-{}", started_++);
    auto request = h_.request("");
    request.git_url = chance(dice_, 0.5) ? "/srv/one" : "/srv/two";
    request.definition = random_definition(dice_);
    request.priority = pick(dice_, 0, 2);
    if (chance(dice_, 0.1))
      request.not_before = h_.clock.now() + Duration(pick(dice_, 0, 3'600'000));
    // Whoever gets no answer asks again, with the same key.
    for (int times = chance(dice_, 0.2) ? 2 : 1; times > 0; --times)
      ask<Result<json::value>>(h_.engine().start_run(request, {"user:ann", key}),
                               [this](const Result<json::value>& run) {
                                 if (!run) return;
                                 const auto id = RunId::parse(find_string(*run, {"id"})).value();
                                 read_at_least(id, find_int(*run, {"version"}));
                                 if (std::ranges::find(accepted_, id) == accepted_.end())
                                   accepted_.push_back(id);
                               });
  }

  void meddle() {
    if (invariants_.runs().empty()) return;
    auto at = invariants_.runs().begin();
    std::advance(at, pick(dice_, 0, static_cast<int>(invariants_.runs().size()) - 1));
    const auto& run = at->second;
    auto& engine = h_.engine();
    const engine::Caller ann("user:ann",
                             chance(dice_, 0.3) ? fmt::format("key-{}", pick(dice_, 0, 20)) : "");
    switch (pick(dice_, 0, 9)) {
      case 0: ask(engine.cancel_run(run.id, "by chance", ann)); break;
      case 1: ask(engine.pause_run(run.id, "", ann)); break;
      case 2: ask(engine.resume_run(run.id, ann)); break;
      case 3: ask(engine.retry_run(run.id, "", ann)); break;
      case 4:
        ask(engine.retry_run(run.id,
                             run.steps[static_cast<std::size_t>(
                                           pick(dice_, 0, static_cast<int>(run.steps.size()) - 1))]
                                 .definition.name,
                             ann));
        break;
      case 5:
        if (forks_++ < 3 && !run.request.parent)
          ask(engine.fork_run(run.id, run.steps.front().definition.name, ann));
        break;
      case 6: stop_a_session(); break;
      case 7: open_a_session(run, ann); break;
      default: answer(run, chance(dice_, 0.8)); break;
    }
  }
  // Beside the run's steps where that can be, now and then with a run of its own.
  void open_a_session(const domain::Run& run, engine::Caller by) {
    const bool beside = run.workspace_ready && !domain::has_ended(run.status);
    if ((!beside && chance(dice_, 0.7)) || opened_++ >= kSessions) return;
    engine::NewSession asked{.command = {"work"}};
    (beside ? asked.run : asked.git_url) = beside ? run.id.to_string() : "/srv/one";
    if (chance(dice_, 0.3)) asked.idle_s = pick(dice_, 10, 100);
    ask(h_.engine().sessions().create_session(std::move(asked), std::move(by)));
  }
  void stop_a_session() {
    const auto& sessions = invariants_.sessions();
    if (sessions.empty()) return;
    auto at = sessions.begin();
    std::advance(at, pick(dice_, 0, static_cast<int>(sessions.size()) - 1));
    ask(h_.engine().sessions().stop_session(at->first, "by chance", "user:ann"));
  }
  void answer(const domain::Run& run, bool allow) {
    for (const auto& approval : run.approvals)
      if (approval.open()) ask(h_.engine().decide_approval(approval.id, allow, "", "", "user:ann"));
  }

  // Whatever way a document takes to its reader: nobody gets one from before what was committed
  // when he asked, or from before what he was answered.
  void read_a_run() {
    if (invariants_.runs().empty()) return;
    auto at = invariants_.runs().begin();
    std::advance(at, pick(dice_, 0, static_cast<int>(invariants_.runs().size()) - 1));
    read_at_least(at->first, find_int(h_.run(at->first), {"version"}));
  }
  void read_at_least(RunId id, std::int64_t version) {
    ask<Result<json::value>>(
        h_.engine().get_run(id), [this, id, version](const Result<json::value>& run) {
          if (run && find_int(*run, {"version"}) < version && !outcome_.violation)
            outcome_.violation =
                fmt::format("run {} was read as it was at version {}, after version {} was there",
                            id.to_string(), find_int(*run, {"version"}), version);
        });
  }

  void lose_a_workspace() {
    std::vector<WorkspaceId> alive;
    for (const auto& [id, machine] : h_.world.machines)
      if (!machine.gone && !h_.world.destroyed.contains(id)) alive.push_back(id);
    if (!alive.empty())
      h_.world.lose(
          alive[static_cast<std::size_t>(pick(dice_, 0, static_cast<int>(alive.size()) - 1))]);
  }

  // ---- the end: nothing fails any more, and people do what they are asked for ----
  void settle_everything() {
    wild_ = false;
    for (int tick = 0; tick < kCalmTicks; ++tick) {
      if (tick % 500 == 0) {
        if ((outcome_.violation = invariants_.look())) return;
        bool over = true;
        for (const auto& [id, run] : invariants_.runs()) {
          over = over && domain::has_ended(run.status);
          if (run.paused && !domain::has_ended(run.status))
            ask(h_.engine().resume_run(id, "user:ann"));
          answer(run, true);
        }
        for (const auto& [id, session] : invariants_.sessions())
          over = over && session.status == domain::SessionStatus::ended;
        if (over && work_is_over()) break;
      }
      if (!step()) break;
    }
    h_.settle();
    outcome_.violation = invariants_.look_at_the_end(accepted_);
  }
  // What a person has asked for and got no answer to may still start something anew.
  bool is_asking() const { return asking_.use_count() > 1; }
  bool work_is_over() {
    return !is_asking() && h_.jobs("claimed").empty() && h_.jobs("ready").empty() &&
           h_.world.living_processes() == 0 && all_destroyed();
  }
  bool all_destroyed() const {
    return std::ranges::all_of(h_.world.machines, [this](const auto& entry) {
      return h_.world.destroyed.contains(entry.first);
    });
  }

  void tell_story() {
    for (const auto& [id, run] : invariants_.runs()) {
      if (!outcome_.violation->contains(id.to_string())) continue;
      for (const auto& event : h_.events(id))
        outcome_.story += fmt::format("  {:4} {} {} {}\n", event.version, to_rfc3339(event.time),
                                      event.type, json::serialize(event.data).substr(0, 300));
      for (const auto& [workspace, machine] : h_.world.machines) {
        outcome_.story +=
            fmt::format("  machine {}{}:", workspace.to_string(), machine.gone ? " (gone)" : "");
        for (const auto& [name, process] : machine.processes) outcome_.story += " " + name;
        outcome_.story += "\n";
      }
    }
  }

  Dice dice_;
  Harness h_;
  Invariants invariants_;
  Outcome outcome_;
  std::vector<RunId> accepted_;
  std::vector<Work> work_;
  double fault_rate_ = 0, crash_rate_ = 0;
  std::shared_ptr<char> asking_ = std::make_shared<char>();  // shared with each call under way
  bool wild_ = true;
  int started_ = 0, forks_ = 0, opened_ = 0, answers_in_ = 0;
};

}  // namespace

Outcome simulate(std::uint64_t seed) { return Simulation(seed).live(); }

}  // namespace corral::sim
