#include "engine/step_kind.h"

#include <algorithm>

namespace corral::engine {
namespace {

const auto& registry() {
  static const auto kinds = [] {
    std::array<std::unique_ptr<StepKind>, 4> made{make_git_kind(), make_agent_kind(),
                                                  make_command_kind(), make_artifacts_kind()};
    return made;
  }();
  return kinds;
}

}  // namespace

const StepKind* find_step_kind(std::string_view name) {
  for (const auto& kind : registry())
    if (kind->name() == name) return kind.get();
  return nullptr;
}

std::span<const std::string_view> step_kind_names() {
  static const auto names = [] {
    std::vector<std::string_view> all;
    for (const auto& kind : registry()) all.push_back(kind->name());
    return all;
  }();
  return names;
}

Task<Result<void>> StepContext::tell(domain::Command command) {
  CORRAL_CO_TRY(auto after, co_await core.tell(run.id, std::move(command), "worker"));
  if (after.version >= run.version) run = std::move(after);
  co_return Result<void>{};
}

Task<Result<void>> StepContext::reload() {
  CORRAL_CO_TRY(auto now, co_await core.runs.load(run.id));
  // A slower reader must not bring back an older state.
  if (now.version >= run.version) run = std::move(now);
  co_return Result<void>{};
}

Task<Result<void>> StepContext::note(std::string source, std::string text) {
  co_return co_await log->append("corral/" + source, 0, std::move(text));
}

Duration StepContext::time_left() const {
  const Time now = core.deps.clock.now();
  std::optional<Time> end = run.deadline();
  if (const auto own = step().definition.timeout; own.count() > 0 && step().started_at)
    end = end ? std::min(*end, *step().started_at + own) : *step().started_at + own;
  return end ? std::max(*end - now, Duration(1)) : Duration(0);
}

Task<Result<std::map<std::string, std::string, std::less<>>>> StepContext::inputs() {
  std::map<std::string, std::string, std::less<>> values{{"checks", run.request.checks},
                                                         {"prompt", run.request.prompt}};
  if (!run.request.prompt_blob.empty()) {
    CORRAL_CO_TRY(values["prompt"], co_await core.deps.blobs.get(run.request.prompt_blob));
  }
  co_return values;
}

}  // namespace corral::engine
