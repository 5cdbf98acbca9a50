#include "engine/attempts.h"

#include <algorithm>

#include "engine/child_runs.h"
#include "engine/digest.h"
#include "engine/git_work.h"

namespace corral::engine {
namespace {

RunId attempt_run(const StepContext& context, int number) {
  return child_run_id(context.run.id, fmt::format("{}/{}", context.process_id(), number),
                      *context.step().started_at);
}

// They begin where this run began.
void begin_at_the_base(const domain::Run& parent, domain::Create& create) {
  create.base_branch = parent.base_branch;
  create.base_commit = parent.base_commit;
}

StartRun request_of(const StepContext& context, int number) {
  auto request = request_of_child(context);
  request.workflow = "task";
  const auto turn = [&](std::string_view key, std::string& out) {
    const auto all = context.texts(key);
    if (!all.empty()) out = all[static_cast<std::size_t>(number - 1) % all.size()];
  };
  turn("agents", request.agent);
  turn("models", request.model);
  if (request.agent != context.run.request.agent) request.command.clear();
  if (request.agent == "command") request.command = context.run.request.command;
  return request;
}

struct Attempt {
  int number;
  domain::Run run;
  bool passed() const {
    return run.status == domain::RunStatus::completed && run.commit.has_value();
  }
};

std::string describe(const Attempt& attempt) {
  const auto& stat = attempt.run.diff_stat;
  return fmt::format("{}: {}{}, {}{}", attempt.number, attempt.run.request.agent,
                     attempt.run.request.model.empty() ? "" : " " + attempt.run.request.model,
                     attempt.passed() ? fmt::format("+{} −{} lines", stat ? stat->insertions : 0,
                                                    stat ? stat->deletions : 0)
                                      : std::string(to_string(attempt.run.status)),
                     attempt.run.cost.nano_usd > 0 ? ", " + attempt.run.cost.to_string() : "");
}

// Of those that passed the checks: the cheapest, then the one that changes least, then the first.
const Attempt* best_of(const std::vector<Attempt>& all) {
  const Attempt* best = nullptr;
  const auto changes = [](const Attempt& attempt) {
    return attempt.run.diff_stat
               ? attempt.run.diff_stat->insertions + attempt.run.diff_stat->deletions
               : 0;
  };
  for (const auto& attempt : all) {
    if (!attempt.passed()) continue;
    if (best == nullptr || std::pair(attempt.run.cost.nano_usd, changes(attempt)) <
                               std::pair(best->run.cost.nano_usd, changes(*best)))
      best = &attempt;
  }
  return best;
}

// The attempt that a person chose; none yet: what is waited for is in `end`.
Task<Result<const Attempt*>> picked(StepContext& context, const std::vector<Attempt>& all,
                                    StepEnd& end) {
  const auto id =
      uuid_of(fmt::format("pick/{}/{}", context.run.id.to_string(), context.process_id()))
          .to_string();
  if (context.run.find_approval(id) == nullptr) {
    domain::RequestApproval ask{
        .approval = id, .step = context.name, .text = "Which attempt is to be taken?"};
    for (const auto& attempt : all) {
      ask.text += "\n" + describe(attempt);
      if (attempt.passed()) ask.choices.push_back(std::to_string(attempt.number));
    }
    CORRAL_CO_CHECK(co_await context.tell(std::move(ask)));
  }
  const auto& decision = context.run.find_approval(id)->decision;
  if (!decision) {
    end.waits = StepWait{"approval", std::nullopt};
    co_return nullptr;
  }
  for (const auto& attempt : all)
    if (decision->allow && std::to_string(attempt.number) == decision->choice) co_return &attempt;
  end.failure = domain::Failure{
      ErrorCode::forbidden, fmt::format("{} took none of the attempts{}{}", decision->by,
                                        decision->message.empty() ? "" : ": ", decision->message)};
  co_return nullptr;
}

json::object outputs_of(const std::vector<Attempt>& all, const Attempt& chosen) {
  json::array attempts;
  for (const auto& attempt : all)
    attempts.push_back(json::object{{"run", attempt.run.id.to_string()},
                                    {"status", std::string(to_string(attempt.run.status))},
                                    {"agent", attempt.run.request.agent},
                                    {"model", attempt.run.request.model},
                                    {"cost_usd", attempt.run.cost.usd()}});
  return {{"chosen", chosen.number},
          {"run", chosen.run.id.to_string()},
          {"commit", *chosen.run.commit},
          {"branch", chosen.run.request.branch},
          {"attempts", std::move(attempts)}};
}

}  // namespace

int attempts_of(const StepContext& context) {
  const auto* value = context.with.if_contains("attempts");
  return value != nullptr && value->is_int64()
             ? static_cast<int>(std::clamp<std::int64_t>(value->get_int64(), 1, kMaxAttempts))
             : 1;
}

std::vector<std::pair<std::string, std::string>> check_attempts(
    const domain::StepDefinition& step) {
  std::vector<std::pair<std::string, std::string>> problems;
  const auto* attempts = step.with.if_contains("attempts");
  const bool computed = attempts != nullptr && attempts->is_string();
  if (attempts != nullptr && !computed &&
      (!attempts->is_int64() || attempts->get_int64() < 1 || attempts->get_int64() > kMaxAttempts))
    problems.emplace_back(
        "attempts", fmt::format("`attempts:` of step \"{}\" must be a whole number from 1 to {}",
                                step.name, kMaxAttempts));
  for (const char* key : {"agents", "models", "pick", "checks"})
    if (step.with.contains(key) && attempts == nullptr)
      problems.emplace_back(
          key, fmt::format("`{}:` of step \"{}\" is for several attempts: add `attempts: 3`", key,
                           step.name));
  if (const auto pick = step.text("pick"); !pick.empty() && pick != "checks" && pick != "person")
    problems.emplace_back("pick",
                          fmt::format("`pick:` of step \"{}\" must be checks or person, not \"{}\"",
                                      step.name, pick));
  return problems;
}

Task<Result<StepEnd>> execute_attempts(StepContext& context) {
  std::vector<Attempt> all;
  for (int number = 1; number <= attempts_of(context); ++number) {
    auto child = co_await child_run(context, attempt_run(context, number),
                                    request_of(context, number), begin_at_the_base);
    if (!child && !retryable(child.error().code))
      co_return StepEnd{.failure = domain::failure_of(child.error())};
    CORRAL_CO_CHECK(child);
    all.push_back({number, *std::move(child)});
  }
  if (context.must_stop()) co_return StepEnd{};
  const auto left = std::ranges::count_if(
      all, [](const Attempt& attempt) { return !domain::has_ended(attempt.run.status); });
  if (left > 0)
    co_return StepEnd{.waits = StepWait{fmt::format("{} attempts", all.size()), std::nullopt}};
  if (best_of(all) == nullptr) {
    const auto& error = all.front().run.error;
    co_return StepEnd{
        .failure = domain::Failure{
            ErrorCode::conflict,
            fmt::format(
                "none of {} attempts changed something and passed the checks; the first: {}",
                all.size(), error ? error->message : "nothing changed")}};
  }
  StepEnd end;
  const auto* chosen = best_of(all);
  if (context.text("pick") == "person") {
    CORRAL_CO_TRY(chosen, co_await picked(context, all, end));
    if (chosen == nullptr) co_return end;
  }
  for (const auto& attempt : all)
    CORRAL_CO_CHECK(co_await context.note(
        fmt::format("attempt/{}/{}", context.process_id(), attempt.number),
        fmt::format("{} attempt {}\n", &attempt == chosen ? "✔" : " ", describe(attempt))));
  CORRAL_CO_TRY(end.failure, co_await take_over(context, *chosen->run.commit));
  if (!end.failure) {
    CORRAL_CO_TRY(end.failure, co_await take_snapshot(context));
  }
  end.summary = chosen->run.summary;
  end.outputs = outputs_of(all, *chosen);
  co_return end;
}

Task<Result<bool>> attempts_are_due(StepContext& context) {
  for (int number = 1; number <= kMaxAttempts; ++number) {
    const auto child = co_await context.core.runs.load(attempt_run(context, number));
    if (!child && child.error().code == ErrorCode::not_found) break;  // as many as there are
    if (!child || !domain::has_ended(child->status)) co_return false;
  }
  co_return true;
}

Task<Result<void>> abandon_attempts(StepContext& context) {
  // However many there are: what was asked for is not evaluated any more when a run ends.
  for (int number = 1; number <= kMaxAttempts; ++number)
    CORRAL_CO_CHECK(co_await cancel_child(context, attempt_run(context, number)));
  co_return Result<void>{};
}

}  // namespace corral::engine
