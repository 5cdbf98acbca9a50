#include "domain/scope.h"
#include "engine/child_runs.h"

namespace corral::engine {
namespace {

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
                       {"project", FieldType::text, optional,
                        "the project to run it on; otherwise this run's"},
                       {"git_url", FieldType::text, optional, "or a repository"},
                       {"prompt", FieldType::text, optional, "otherwise this run's"},
                       {"agent", FieldType::text, optional, "otherwise this run's"},
                       {"model", FieldType::text, optional, "otherwise this run's"},
                       {"checks", FieldType::text, optional, "otherwise this run's"}},
            .outputs = {"run", "status", "branch", "commit", "summary", "outputs", "cost_usd"}};
  }
  bool needs_workspace() const override { return false; }

  Task<Result<StepEnd>> execute(StepContext& context) const override {
    auto request = request_of_child(context);
    request.workflow = context.text("uses");
    if (context.with.contains("project") || context.with.contains("git_url")) {
      request.project = context.text("project");
      request.git_url = context.text("git_url");
    }
    if (const auto* inputs = context.with.if_contains("inputs");
        inputs != nullptr && inputs->is_object())
      request.inputs = inputs->get_object();
    const auto id = child_of(context);
    const auto child = co_await child_run(context, id, std::move(request), nullptr);
    // What was asked for is wrong: the step's failure. The rest is the engine's own trouble.
    if (!child && !retryable(child.error().code))
      co_return StepEnd{.failure = domain::failure_of(child.error())};
    CORRAL_CO_CHECK(child);
    if (context.must_stop()) co_return StepEnd{};
    if (!domain::has_ended(child->status))
      co_return StepEnd{.waits = StepWait{"run " + id.to_string(), std::nullopt}};
    co_return ended(*child);
  }

  Task<Result<bool>> is_due(StepContext& context) const override {
    co_return co_await has_ended(context, child_of(context));
  }
  Task<Result<void>> abandon(StepContext& context) const override {
    co_return co_await cancel_child(context, child_of(context));
  }

 private:
  static RunId child_of(const StepContext& context) {
    return child_run_id(context.run.id, context.process_id(), *context.step().started_at);
  }

  static StepEnd ended(const domain::Run& child) {
    StepEnd end;
    json::object outputs;
    for (const auto& [name, text] : child.request.workflow.outputs) {
      auto value = domain::evaluate_all({{name, text}}, domain::scope_of(child, nullptr));
      if (!value)
        return {.failure = domain::Failure{value.error().code,
                                           fmt::format("outputs.{}", value.error().message)}};
      outputs[name] = value->at(name);
    }
    end.summary = child.summary;
    end.outputs = {{"run", child.id.to_string()},
                   {"status", std::string(to_string(child.status))},
                   {"branch", child.request.branch},
                   {"commit", child.commit ? json::value(*child.commit) : json::value(nullptr)},
                   {"summary", child.summary},
                   {"outputs", std::move(outputs)},
                   {"cost_usd", child.cost.usd()}};
    if (child.status != domain::RunStatus::completed)
      // It has had its own attempts.
      end.failure = domain::Failure{
          ErrorCode::conflict,
          fmt::format("run {} {}{}{}", child.id.to_string(), to_string(child.status),
                      child.error ? ": " : "", child.error ? child.error->message : "")};
    return end;
  }
};

}  // namespace

std::unique_ptr<StepKind> make_workflow_kind() { return std::make_unique<WorkflowKind>(); }

}  // namespace corral::engine
