// Runs seeds until the time is up: sim [--seconds N] [--seed S] [--seeds N] [--jobs N]. Exit 1 when
// a violation was found.
#include <algorithm>
#include <chrono>
#include <mutex>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "base/log.h"
#include "simulation.h"

int main(int argc, char** argv) {
  using namespace corral;
  double seconds = 60;
  std::uint64_t first = 1, seeds = 0;
  unsigned jobs = std::max(1u, std::thread::hardware_concurrency());
  CLI::App app{"The engine under a virtual clock, with faults by seed"};
  app.add_option("--seconds", seconds, "how long (60)")->check(CLI::PositiveNumber);
  app.add_option("--seed", first, "the first seed (1)");
  app.add_option("--seeds", seeds, "that many seeds, however long it takes");
  app.add_option("--jobs", jobs, "seeds at once (one for each core)")->check(CLI::Range(1, 64));
  CLI11_PARSE(app, argc, argv);
  log::set_level(log::Level::error);

  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  std::mutex mutex;  // guards what follows
  std::uint64_t next = first, done = 0, runs = 0, events = 0, crashes = 0, faults = 0,
                violations = 0;
  const auto work = [&] {
    for (;;) {
      std::uint64_t seed = 0;
      {
        std::scoped_lock lock(mutex);
        const bool over =
            seeds > 0 ? next >= first + seeds : std::chrono::steady_clock::now() >= end;
        if (over || violations >= 5) return;
        seed = next++;
      }
      auto outcome = sim::simulate(seed);
      // A life is the same each time it is lived: otherwise a seed would show nothing.
      if (!outcome.violation && seed % 50 == 0 &&
          sim::simulate(seed).fingerprint != outcome.fingerprint)
        outcome.violation = "lived twice, it is not the same life";
      std::scoped_lock lock(mutex);
      ++done;
      runs += outcome.runs;
      events += outcome.events;
      crashes += outcome.crashes;
      faults += outcome.faults;
      if (!outcome.violation) continue;
      ++violations;
      fmt::print("seed {}: {}\n{}", seed, *outcome.violation, outcome.story);
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < jobs; ++i) threads.emplace_back(work);
  for (auto& thread : threads) thread.join();
  fmt::print("{} events, {} crashes, {} failed calls\n", events, crashes, faults);
  fmt::print("runs {} seeds {} violations {}\n", runs, done, violations);
  return violations > 0 ? 1 : 0;
}
