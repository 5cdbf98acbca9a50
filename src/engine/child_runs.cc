#include "engine/child_runs.h"

#include <algorithm>

namespace corral::engine {
namespace {

constexpr int kMaxDepth = 8;  // of runs within runs

}  // namespace

StartRun request_of_child(const StepContext& context) {
  const auto& parent = context.run.request;
  const auto own = [&](std::string_view key, const std::string& otherwise) {
    return context.with.contains(key) ? context.text(key) : otherwise;
  };
  StartRun request;
  request.project = parent.project.to_string();
  request.agent = own("agent", parent.agent);
  request.model = own("model", parent.model);
  request.prompt = own("prompt", parent.prompt);
  request.checks = own("checks", parent.checks);
  if (request.agent == parent.agent) request.command = parent.command;
  request.permissions = std::string(to_string(parent.permissions));
  request.priority = parent.priority;
  request.author_name = parent.author_name;
  request.author_email = parent.author_email;
  // What is left of the parent's budget.
  if (parent.budget)
    request.budget_usd = std::max(1e-9, parent.budget->usd() - context.run.cost.usd());
  return request;
}

Task<Result<domain::Run>> child_run(StepContext& context, RunId id, StartRun request,
                                    void (*fill)(const domain::Run&, domain::Create&)) {
  auto there = co_await context.core.runs.load(id);
  if (there || there.error().code != ErrorCode::not_found) co_return there;
  const auto& parent = context.run;
  if (parent.request.depth >= kMaxDepth)
    co_return fail(ErrorCode::invalid,
                   "runs within runs go {} deep at most: does the workflow use itself?", kMaxDepth);
  CORRAL_CO_TRY(auto create,
                co_await new_run(context.core, std::move(request), parent.created_by, id));
  create.home = parent.home;
  create.request.parent = parent.id;
  create.request.parent_step = context.name;
  create.request.root = parent.request.root.value_or(parent.id);
  create.request.depth = parent.request.depth + 1;
  if (fill != nullptr) fill(parent, create);
  const auto workflow = create.request.workflow.name;
  CORRAL_CO_TRY(auto child,
                co_await create_run(context.core, std::move(create), parent.created_by, {}));
  CORRAL_CO_CHECK(co_await context.note("child/" + id.to_string(),
                                        fmt::format("run {} of {}\n", id.to_string(), workflow)));
  co_return child;
}

Task<Result<void>> cancel_child(StepContext& context, RunId id) {
  const auto child = co_await context.core.runs.load(id);
  if (!child || domain::has_ended(child->status)) co_return Result<void>{};
  std::vector<ports::Change> wake;
  wake.emplace_back(ports::WakeJob{run_job_key(id)});
  const auto told = co_await context.core.tell(
      id, domain::RequestCancel{"the run that waits for it is over"}, "worker", std::move(wake));
  // It ended meanwhile.
  if (!told && told.error().code != ErrorCode::conflict) co_return std::unexpected(told.error());
  co_return Result<void>{};
}

Task<Result<bool>> has_ended(StepContext& context, RunId id) {
  const auto child = co_await context.core.runs.load(id);
  co_return child&& domain::has_ended(child->status);
}

}  // namespace corral::engine
