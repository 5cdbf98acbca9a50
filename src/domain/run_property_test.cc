// Random graphs with random fates, carried out as a driver does: by what the plan says. Whatever
// happens, the run ends, by legal transitions, and its stored events tell all of it.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "domain/scope.h"
#include "domain/testing/story.h"

namespace corral::domain {
namespace {

class Chance {
 public:
  explicit Chance(std::uint64_t seed) : engine_(seed) {}
  // Uniform in [0, count).
  std::size_t below(std::size_t count) { return engine_() % count; }
  bool one_in(std::size_t count) { return below(count) == 0; }

 private:
  std::mt19937_64 engine_;
};

Request random_request(Chance& chance) {
  static constexpr std::array<std::string_view, 9> kConditions{
      "", "", "", "", "always()", "failure()", "inputs.checks", "cancelled()", "1 / 0"};
  std::vector<StepDefinition> steps;
  const auto count = 1 + chance.below(8), at_end = chance.below(3);
  for (std::size_t i = 0; i < count + at_end; ++i) {
    auto made = step("s" + std::to_string(i));
    made.at_end = i >= count;
    for (std::size_t need = made.at_end ? count : 0; need < i; ++need)
      if (chance.one_in(3)) made.needs.push_back("s" + std::to_string(need));
    made.condition = kConditions[chance.below(kConditions.size())];
    made.continue_on_error = chance.one_in(5);
    made.retry.attempts = static_cast<int>(1 + chance.below(3));
    if (chance.one_in(6)) made.retry.on = {"invalid", "unavailable"};
    if (chance.one_in(4)) {
      const auto width = static_cast<std::int64_t>(chance.below(5));
      made.matrix = {{"x", fmt::format("${{{{ range({}) }}}}", width)}};
      if (chance.one_in(5)) made.matrix["y"] = "${{ inputs.prompt }}";  // no list
      made.max_parallel = static_cast<int>(chance.below(3));
    }
    steps.push_back(std::move(made));
  }
  // The order of the definition says nothing about the graph.
  for (std::size_t i = count; i-- > 1;) std::swap(steps[i], steps[chance.below(i + 1)]);
  auto request = request_of(std::move(steps));
  request.timeout = chance.one_in(3) ? std::chrono::seconds(30) : std::chrono::hours(1);
  return request;
}

// What must hold after every event.
void check_state(const domain::Run& run) {
  for (const auto& step : run.steps) {
    const auto& name = step.definition.name;
    if (!step.of.empty()) {
      const auto* whole = run.find(step.of);
      ASSERT_NE(whole, nullptr) << name;
      ASSERT_TRUE(whole->expanded) << name;
      const bool joined = has_ended(whole->status) && !has_ended(run.status);
      ASSERT_FALSE(joined && is_under_way(step.status)) << name << " goes on after its whole";
      if (!run.cancel_reason) ASSERT_FALSE(joined && step.status == StepStatus::pending) << name;
    }
    if (has_ended(run.status)) ASSERT_FALSE(is_under_way(step.status)) << name;
    if (has_ended(step.status)) ASSERT_FALSE(step.wakes_at) << name;
  }
}

class Drive {
 public:
  explicit Drive(std::uint64_t seed) : chance_(seed), story_(random_request(chance_)) {}

  void to_the_end() {
    for (int retries = 0;; ++retries) {
      ASSERT_NO_FATAL_FAILURE(once());
      if (story_.run.status != RunStatus::failed || retries == 3) break;
      const auto& steps = story_.run.steps;
      const auto& chosen = steps[chance_.below(steps.size())];
      tell(Retry{chance_.one_in(2) && chosen.of.empty() ? chosen.definition.name : ""});
    }
    fold_anew();
  }

  RunStatus status() const { return story_.run.status; }

 private:
  // As long as nothing ends a run, something goes on in it.
  void once() {
    for (int turns = 0; !has_ended(story_.run.status); ++turns) {
      ASSERT_LT(turns, 2'000) << "it never ends: " << states();
      somebody_else();
      if (has_ended(story_.run.status)) return;
      const auto plan = story_.plan();
      if (chance_.one_in(10)) fold_anew();
      if (chance_.one_in(10)) ASSERT_NO_FATAL_FAILURE(go_on_from_a_snapshot());
      bool moved = false;
      for (const auto& action : plan.actions) {
        const auto version = story_.run.version;
        act(action);
        ASSERT_NO_FATAL_FAILURE(check_state(story_.run));
        moved = moved || story_.run.version != version;
        // The rest of the plan was made for another state of the run.
        if (moved && chance_.one_in(2)) break;
        if (has_ended(story_.run.status)) break;
      }
      if (moved) continue;
      if (plan.wake && *plan.wake > story_.now) {
        story_.now = *plan.wake;
      } else if (story_.run.paused) {
        tell(Resume{});
      } else {
        ASSERT_FALSE(plan.actions.empty())
            << "nothing is to be done and nothing is awaited: " << states();
        story_.now += Duration(1'000);
      }
    }
  }

  std::string states() const {
    std::string all;
    for (const auto& step : story_.run.steps)
      all += fmt::format("{} {} ({}), ", step.definition.name, to_string(step.status),
                         fmt::join(step.definition.needs, " "));
    return all;
  }

  // A person, at any moment.
  void somebody_else() {
    if (chance_.one_in(30)) tell(Pause{"somebody"});
    if (chance_.one_in(15)) tell(Resume{});
    if (chance_.one_in(80)) tell(RequestCancel{"somebody"});
    if (chance_.one_in(10)) story_.now += Duration(500);
  }

  void act(const next::Action& action) {
    const bool must_run = story_.run.status == RunStatus::running;
    if (std::holds_alternative<next::BeginRun>(action)) return tell(Begin{});
    if (!must_run) return;
    if (const auto* start = std::get_if<next::StartStep>(&action)) return begin(start->step);
    if (const auto* skip = std::get_if<next::SkipStep>(&action)) {
      if (story_.status(skip->step) == StepStatus::pending)
        tell(SkipStep{skip->step, skip->reason});
    } else if (const auto* wide = std::get_if<next::ExpandStep>(&action)) {
      expand(wide->step);
    } else if (const auto* joined = std::get_if<next::JoinStep>(&action)) {
      const auto& whole = story_.at(joined->step);
      if (story_.run.must_stop(whole)) return tell(CancelStep{joined->step});
      if (joined->failure) return tell(FailStep{joined->step, whole.attempt, *joined->failure});
      tell(CompleteStep{joined->step, whole.attempt, {}, {}});
    } else if (const auto* on = std::get_if<next::WorkOn>(&action)) {
      work(on->step);
    } else if (std::holds_alternative<next::CancelRun>(action)) {
      tell(FinishCancel{});
    } else if (const auto* failed = std::get_if<next::FailRun>(&action)) {
      tell(Fail{failed->error});
    } else {
      tell(Complete{});
    }
  }

  void begin(const std::string& name) {
    const auto& step = story_.at(name);
    if (step.status != StepStatus::pending) return;
    ASSERT_LT(step.tries, step.definition.retry.attempts) << name;
    const bool matrix = !step.definition.matrix.empty();
    tell(StartStep{name});
    const auto& begun = story_.at(name);
    ASSERT_TRUE(processes_.insert(begun.process_id()).second) << begun.process_id();
    // What a driver finds when it looks at the condition again.
    if (!begun.of.empty()) return;
    if (const auto holds = condition_holds(story_.run, begun); !holds)
      return tell(FailStep{name, begun.attempt, {holds.error().code, holds.error().message}});
    ASSERT_FALSE(matrix) << name << " is not one step";
  }

  void expand(const std::string& name) {
    const auto& step = story_.at(name);
    if (step.status != StepStatus::pending) return;
    if (matrix_of(story_.run, step)) return tell(ExpandStep{name});
    EXPECT_EQ(story_.refused(ExpandStep{name}).code, ErrorCode::invalid);
    tell(StartStep{name});
    ASSERT_TRUE(processes_.insert(story_.at(name).process_id()).second);
    tell(FailStep{name, story_.at(name).attempt, {ErrorCode::invalid, "its matrix"}});
  }

  void work(const std::string& name) {
    const auto& step = story_.at(name);
    if (!is_under_way(step.status)) return;
    const int attempt = step.attempt;
    if (story_.run.must_stop(step)) return tell(CancelStep{name});
    if (step.status == StepStatus::waiting) {
      if (step.wakes_at && *step.wakes_at > story_.now) return;
      return tell(ResumeStep{name});
    }
    switch (chance_.below(8)) {
      case 0: return tell(FailStep{name, attempt, {ErrorCode::unavailable, "gone"}, 0.5});
      case 1: return tell(FailStep{name, attempt, {ErrorCode::conflict, "broken"}, 0.5});
      case 2: return tell(WaitStep{name, attempt, "time", story_.now + Duration(700)});
      case 3: return tell(WaitStep{name, attempt, "a person", {}});
      case 4: return;  // it takes its time
      default: return tell(CompleteStep{name, attempt, "", {{"n", attempt}}});
    }
  }

  void tell(const Command& command) {
    const auto events = decide(story_.run, command, story_.now);
    ASSERT_TRUE(events) << events.error().message;
    for (const auto& event : *events) {
      stored_.emplace_back(type_of(event.body), json::serialize(data_of(event)));
      std::map<std::string, StepStatus> was;
      for (const auto& step : story_.run.steps) was[step.definition.name] = step.status;
      const auto run_was = story_.run.status;
      apply(story_.run, event, "test");
      check_transitions(event, run_was, was);
    }
  }

  void check_transitions(const Event& event, RunStatus run_was,
                         const std::map<std::string, StepStatus>& was) {
    const bool retried = std::holds_alternative<RunRetried>(event.body);
    if (story_.run.status != run_was)
      EXPECT_TRUE(check_transition(run_was, story_.run.status)) << type_of(event.body);
    for (const auto& step : story_.run.steps) {
      const auto at = was.find(step.definition.name);
      if (at == was.end() || at->second == step.status) continue;
      // The whole of a matrix goes on when one of its steps is done again.
      if (retried && step.expanded && step.status == StepStatus::running) continue;
      EXPECT_TRUE(check_transition(step.definition.name, at->second, step.status))
          << type_of(event.body);
      const bool begins_anew = has_ended(at->second) && at->second != StepStatus::failed;
      EXPECT_FALSE(begins_anew && !retried) << step.definition.name << " had ended";
    }
  }

  // From what was stored, as another process would.
  void fold_anew() {
    domain::Run run;
    const auto created =
        decide({}, Create{kRun, story_.run.request, {}, {}, {}, {}, {}}, kNow).value();
    apply(run, event_from(type_of(created[0].body), data_of(created[0])).value(), "test");
    for (const auto& [type, text] : stored_) {
      const auto event = event_from(type, json::parse(text));
      ASSERT_TRUE(event) << event.error().message;
      apply(run, *event, "test");
    }
    EXPECT_EQ(run.version, story_.run.version);
    EXPECT_EQ(run.status, story_.run.status);
    EXPECT_EQ(json::serialize(to_json(run)), json::serialize(to_json(story_.run)));
    const auto one = next::plan(run, story_.now), other = story_.plan();
    EXPECT_EQ(one.wake, other.wake);
    ASSERT_EQ(one.actions.size(), other.actions.size());
    for (std::size_t i = 0; i < one.actions.size(); ++i)
      EXPECT_EQ(text_of(one.actions[i]), text_of(other.actions[i]));
  }

  // What is kept of it is all of it: the run goes on from that.
  void go_on_from_a_snapshot() {
    const auto kept = json::serialize(to_json(story_.run));
    domain::Run run;
    ASSERT_TRUE(from_json(json::parse(kept), run));
    ASSERT_EQ(json::serialize(to_json(run)), kept);
    story_.run = std::move(run);
  }

  Chance chance_;
  Story story_;
  std::vector<std::pair<std::string, std::string>> stored_;
  std::set<std::string> processes_;
};

TEST(RunProperty, EveryRunEndsByLegalTransitionsAndFoldsAnewIntoTheSame) {
  std::map<RunStatus, int> ends;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    Drive drive(seed);
    drive.to_the_end();
    ++ends[drive.status()];
    if (HasFailure()) return;
  }
  // The generator reaches them all.
  for (const auto end : {RunStatus::completed, RunStatus::failed, RunStatus::cancelled})
    EXPECT_GT(ends[end], 20) << to_string(end);
}

}  // namespace
}  // namespace corral::domain
