#include "domain/fork.h"

#include <algorithm>
#include <set>

namespace corral::domain {

namespace {

// Each step is looked at once, however many ways lead to it.
bool comes_after(const Run& run, const std::string& name, const std::string& from,
                 std::set<std::string_view>& seen) {
  if (name == from) return true;
  const auto* step = run.find(name);
  if (step == nullptr || !seen.insert(step->definition.name).second) return false;
  return step->definition.at_end ||
         std::ranges::any_of(step->definition.needs, [&](const std::string& need) {
           return comes_after(run, need, from, seen);
         });
}

}  // namespace

bool comes_after(const Run& run, const std::string& step, const std::string& from) {
  std::set<std::string_view> seen;
  return comes_after(run, step, from, seen);
}

Result<Create> fork(const Run& old, const std::string& from, RunId id) {
  Create create{.run = id, .request = old.request};
  create.home = old.home;
  create.request.forked_from = old.id;
  create.request.forked_step = from;
  create.request.root = old.request.root.value_or(old.id);
  create.request.parent.reset();
  create.request.parent_step.clear();
  create.request.depth = 0;
  create.request.not_before = Time{};
  if (from.empty()) return create;
  const auto* chosen = old.find(from);
  if (chosen == nullptr) return fail(ErrorCode::not_found, "the run has no step \"{}\"", from);
  if (!chosen->of.empty())
    return fail(ErrorCode::invalid, "\"{}\" is one of a matrix: fork from \"{}\"", from,
                chosen->of);

  const Step* last = nullptr;
  for (const auto& step : old.steps) {
    const auto& whole = step.of.empty() ? step.definition.name : step.of;
    const bool well = step.status == StepStatus::completed || step.status == StepStatus::skipped;
    const auto* top = old.find(whole);
    const bool kept_whole =
        top->status == StepStatus::completed || top->status == StepStatus::skipped;
    if (!well || !kept_whole || comes_after(old, whole, from)) continue;
    create.kept.push_back({step.definition.name, step.status, step.summary, step.outputs, step.of,
                           step.matrix, step.snapshot, step.finished_at});
    if (!step.snapshot.empty() && step.finished_at &&
        (last == nullptr || *step.finished_at >= *last->finished_at))
      last = &step;
  }
  create.base_branch = old.base_branch;
  create.base_commit = old.base_commit;
  create.snapshot = last == nullptr ? old.base_snapshot : last->snapshot;
  return create;
}

}  // namespace corral::domain
