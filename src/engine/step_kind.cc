#include "engine/step_kind.h"

#include <algorithm>

#include "domain/expression.h"

namespace corral::engine {

Task<Result<void>> StepKind::abandon(StepContext&) const { co_return Result<void>{}; }

Task<Result<bool>> StepKind::is_due(StepContext&) const { co_return false; }

StepKinds::StepKinds() = default;
StepKinds::~StepKinds() = default;
StepKinds::StepKinds(StepKinds&&) noexcept = default;

void StepKinds::add(std::unique_ptr<StepKind> kind) {
  rules_.push_back(kind->rules());
  CORRAL_ASSERT(find(rules_.back().name) == nullptr);
  kinds_.push_back(std::move(kind));
}

const StepKind* StepKinds::find(std::string_view name) const {
  for (std::size_t i = 0; i < kinds_.size(); ++i)
    if (rules_[i].name == name) return kinds_[i].get();
  return nullptr;
}

StepKinds standard_step_kinds() {
  StepKinds kinds;
  kinds.add(make_git_kind());
  kinds.add(make_agent_kind());
  kinds.add(make_command_kind());
  kinds.add(make_artifacts_kind());
  kinds.add(make_approval_kind());
  kinds.add(make_workflow_kind());
  kinds.add(make_http_kind());
  kinds.add(make_llm_kind());
  kinds.add(make_session_kind());
  return kinds;
}

Task<Result<void>> StepContext::tell(domain::Command command, Then then) {
  CORRAL_CO_CHECK(seat.check(core.deps.clock.now()));
  CORRAL_CO_TRY(auto after,
                co_await core.tell(run.id, std::move(command), "worker", {}, nullptr, then));
  if (after.version >= run.version) run = std::move(after);
  co_return Result<void>{};
}

Task<Result<void>> StepContext::reload() {
  CORRAL_CO_TRY(auto now, co_await core.runs.load(run.id));
  // A slower reader must not bring back an older state.
  if (now.version >= run.version) run = std::move(now);
  co_return Result<void>{};
}

Task<Result<void>> write_note(session::Log& log, std::string source, std::string text) {
  source = "corral/" + source;
  if (log.source_end(source) > 0) co_return Result<void>{};
  co_return co_await log.append(std::move(source), 0, std::move(text));
}

Task<Result<void>> StepContext::note(std::string source, std::string text) {
  co_return co_await write_note(*log, std::move(source), std::move(text));
}

namespace {
constexpr Duration kCleanUpTime = std::chrono::minutes(10);
}

Duration StepContext::time_left() const {
  const Time now = core.deps.clock.now();
  // Cleaning up has a time of its own.
  std::optional<Time> end = step().definition.at_end
                                ? std::optional(step().started_at.value_or(now) + kCleanUpTime)
                                : run.deadline();
  if (const auto own = step().definition.timeout; own.count() > 0 && step().started_at)
    end = end ? std::min(*end, *step().started_at + own) : *step().started_at + own;
  return end ? std::max(*end - now, Duration(1)) : Duration(0);
}

std::string StepContext::text(std::string_view key) const {
  const auto* value = with.if_contains(key);
  return value == nullptr ? std::string() : domain::as_text(*value);
}

std::vector<std::string> StepContext::texts(std::string_view key) const {
  std::vector<std::string> all;
  const auto* value = with.if_contains(key);
  if (value == nullptr) return all;
  if (!value->is_array()) return {domain::as_text(*value)};
  for (const auto& item : value->get_array()) all.push_back(domain::as_text(item));
  return all;
}

}  // namespace corral::engine
