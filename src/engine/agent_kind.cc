#include "engine/agent_session.h"
#include "engine/attempts.h"
#include "engine/digest.h"
#include "engine/git_work.h"
#include "engine/run_token.h"

namespace corral::engine {
namespace {

class AgentKind final : public StepKind {
 public:
  domain::KindRules rules() const override {
    using domain::FieldRule, domain::FieldType;
    return {
        .name = "agent",
        .description = "lets a coding agent work on a task in the workspace",
        .fields = {{"prompt", FieldType::text, FieldRule::Need::required,
                    "what it is to do, for instance \"${{ inputs.prompt }}\""},
                   {"agent", FieldType::text, FieldRule::Need::optional,
                    "its name; otherwise the run's"},
                   {"model", FieldType::text, FieldRule::Need::optional,
                    "the model; otherwise the run's"},
                   {"attempts", FieldType::number, FieldRule::Need::optional,
                    "so many runs try it side by side, and one is taken"},
                   {"agents", FieldType::texts, FieldRule::Need::optional,
                    "of several attempts: their agents, in turn"},
                   {"models", FieldType::texts, FieldRule::Need::optional,
                    "of several attempts: their models, in turn"},
                   {"checks", FieldType::text, FieldRule::Need::optional,
                    "of several attempts: the command that each must pass; otherwise the run's"},
                   {"pick", FieldType::text, FieldRule::Need::optional,
                    "checks (the cheapest that passed) or person"}},
        .outputs = {"chosen", "run", "commit", "branch", "attempts"},
        .check = check_attempts};
  }

  Task<Result<bool>> is_due(StepContext& context) const override {
    if (!context.step().definition.with.contains("attempts")) co_return false;
    co_return co_await attempts_are_due(context);
  }
  Task<Result<void>> abandon(StepContext& context) const override {
    if (!context.step().definition.with.contains("attempts")) co_return Result<void>{};
    co_return co_await abandon_attempts(context);
  }

  Task<Result<StepEnd>> execute(StepContext& context) const override {
    if (attempts_of(context) > 1) co_return co_await execute_attempts(context);
    const std::string own = context.text("agent"), model = context.text("model");
    const std::string name = own.empty() ? context.run.request.agent : own;
    auto* agent = context.core.find_agent(name);
    if (agent == nullptr) {
      co_return StepEnd{
          .failure = domain::Failure{
              ErrorCode::not_found,
              fmt::format("there is no agent \"{}\"; corral agent list shows which there are",
                          name)}};
    }
    ports::AgentTask task;
    task.prompt = context.text("prompt");
    // Each attempt is a session of its own: an agent refuses a session id that it has seen.
    task.session_id =
        uuid_of(fmt::format("session/{}/{}", context.run.id.to_string(), context.process_id()))
            .to_string();
    task.gateway_url = context.workspace->gateway_url();
    task.gateway_token = make_run_token(context.run.id, context.core.deps.token_key);
    task.model = model.empty() ? context.run.request.model : model;
    task.permission_policy = std::string(to_string(context.run.request.permissions));
    task.command = context.run.request.command;

    auto session = std::make_unique<AgentSession>(context, *agent, std::move(task));
    CORRAL_CO_TRY(auto end, co_await session->run());
    // Kept in both cases: what a failed agent did can be looked at, and another attempt goes on
    // from it.
    if (context.workspace->gone() || context.must_stop()) co_return end;
    CORRAL_CO_TRY(auto unsaved, co_await take_snapshot(context));
    if (!end.failure) end.failure = std::move(unsaved);
    co_return end;
  }
};

}  // namespace

std::unique_ptr<StepKind> make_agent_kind() { return std::make_unique<AgentKind>(); }

}  // namespace corral::engine
