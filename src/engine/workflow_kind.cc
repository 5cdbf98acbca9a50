#include "base/log.h"
#include "domain/scope.h"
#include "engine/catalog.h"
#include "engine/definitions.h"
#include "engine/digest.h"
#include "engine/new_run.h"
#include "engine/start_run.h"
#include "engine/step_kind.h"

namespace corral::engine {
namespace {

constexpr int kMaxDepth = 8;  // of runs within runs

// Runs a workflow as a run of its own, in a workspace of its own, and waits for its end. Takes
// nobody's place meanwhile.
class WorkflowKind final : public StepKind {
 public:
  domain::KindRules rules() const override {
    using domain::FieldRule, domain::FieldType;
    constexpr auto optional = FieldRule::Need::optional;
    return {.name = "workflow",
            .description = "runs another workflow, as a run of its own",
            .fields = {{"uses", FieldType::text, FieldRule::Need::required, "the workflow's name"},
                       {"inputs", FieldType::map, optional, "its inputs"},
                       {"project", FieldType::text, optional, "the project to run it on; otherwise this run's"},
                       {"git_url", FieldType::text, optional, "or a repository"},
                       {"prompt", FieldType::text, optional, "otherwise this run's"},
                       {"agent", FieldType::text, optional, "otherwise this run's"},
                       {"model", FieldType::text, optional, "otherwise this run's"},
                       {"checks", FieldType::text, optional, "otherwise this run's"}},
            .outputs = {"run", "status", "branch", "commit", "summary", "outputs", "cost_usd"}};
  }
  bool needs_workspace() const override { return false; }

  Task<Result<StepEnd>> execute(StepContext& context) const override {
    const auto id = child_of(context);
    auto child = co_await context.core.runs.load(id);
    if (!child && child.error().code == ErrorCode::not_found) {
      auto started = co_await start(context, id);
      // What was asked for is wrong: the step's failure. The rest is the engine's own trouble.
      if (!started && !retryable(started.error().code)) co_return StepEnd{.failure = domain::Failure{started.error().code, started.error().describe()}};
      CORRAL_CO_CHECK(started);
      CORRAL_CO_CHECK(co_await context.note("child/" + context.process_id(), fmt::format("run {} of {}\n", id.to_string(), context.text("uses"))));
      child = std::move(started);
    }
    CORRAL_CO_CHECK(child);
    if (context.must_stop()) co_return StepEnd{};
    if (!domain::has_ended(child->status)) co_return StepEnd{.waits = StepWait{"run " + id.to_string(), std::nullopt}};
    co_return ended(*child);
  }

  Task<Result<bool>> is_due(StepContext& context) const override {
    const auto child = co_await context.core.runs.load(child_of(context));
    co_return child && domain::has_ended(child->status);
  }

  Task<Result<void>> abandon(StepContext& context) const override {
    const auto id = child_of(context);
    const auto child = co_await context.core.runs.load(id);
    if (!child || domain::has_ended(child->status)) co_return Result<void>{};
    std::vector<ports::Change> wake;
    wake.emplace_back(ports::WakeJob{run_job_key(id)});
    const auto told = co_await context.core.tell(id, domain::RequestCancel{"the run that waits for it is over"}, "worker", std::move(wake));
    // It ended meanwhile.
    if (!told && told.error().code != ErrorCode::conflict) co_return std::unexpected(told.error());
    co_return Result<void>{};
  }

 private:
  static RunId child_of(const StepContext& context) { return child_run_id(context.run.id, context.process_id(), *context.step().started_at); }

  static Task<Result<domain::Run>> start(StepContext& context, RunId id) {
    const auto& parent = context.run;
    if (parent.request.depth >= kMaxDepth) co_return fail(ErrorCode::invalid, "runs within runs go {} deep at most: does the workflow use itself?", kMaxDepth);
    const auto own = [&](std::string_view key, const std::string& otherwise) { return context.with.contains(key) ? context.text(key) : otherwise; };
    StartRun request;
    request.project = context.text("project");
    request.git_url = context.text("git_url");
    if (request.project.empty() && request.git_url.empty()) request.project = parent.request.project.to_string();
    request.workflow = context.text("uses");
    request.agent = own("agent", parent.request.agent);
    request.model = own("model", parent.request.model);
    request.prompt = own("prompt", parent.request.prompt);
    request.checks = own("checks", parent.request.checks);
    if (request.agent == parent.request.agent) request.command = parent.request.command;
    if (const auto* inputs = context.with.if_contains("inputs"); inputs != nullptr && inputs->is_object()) request.inputs = inputs->get_object();
    request.permissions = std::string(to_string(parent.request.permissions));
    request.priority = parent.request.priority;
    request.author_name = parent.request.author_name;
    request.author_email = parent.request.author_email;
    // What is left of the parent's budget.
    if (parent.request.budget) request.budget_usd = std::max(1e-9, parent.request.budget->usd() - parent.cost.usd());
    CORRAL_CO_TRY(auto create, co_await new_run(context.core, std::move(request), parent.created_by, id));
    create.request.parent = parent.id;
    create.request.parent_step = context.name;
    create.request.root = parent.request.root.value_or(parent.id);
    create.request.depth = parent.request.depth + 1;
    co_return co_await create_run(context.core, std::move(create), parent.created_by, {});
  }

  static StepEnd ended(const domain::Run& child) {
    StepEnd end;
    json::object outputs;
    for (const auto& [name, text] : child.request.workflow.outputs) {
      auto value = domain::evaluate_all({{name, text}}, domain::scope_of(child, nullptr));
      if (!value) return {.failure = domain::Failure{value.error().code, fmt::format("outputs.{}", value.error().message)}};
      outputs[name] = value->at(name);
    }
    end.summary = child.summary;
    end.outputs = {{"run", child.id.to_string()}, {"status", std::string(to_string(child.status))}, {"branch", child.request.branch},
                   {"commit", child.commit ? json::value(*child.commit) : json::value(nullptr)}, {"summary", child.summary}, {"outputs", std::move(outputs)}, {"cost_usd", child.cost.usd()}};
    if (child.status != domain::RunStatus::completed)
      // It has had its own attempts.
      end.failure = domain::Failure{ErrorCode::conflict, fmt::format("run {} {}{}{}", child.id.to_string(), to_string(child.status), child.error ? ": " : "", child.error ? child.error->message : "")};
    return end;
  }
};

}  // namespace

std::unique_ptr<StepKind> make_workflow_kind() { return std::make_unique<WorkflowKind>(); }

}  // namespace corral::engine
