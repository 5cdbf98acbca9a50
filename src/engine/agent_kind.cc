#include "engine/agent_session.h"
#include "engine/attempts.h"
#include "engine/digest.h"
#include "engine/git_work.h"
#include "engine/run_token.h"

namespace corral::engine {
namespace {

constexpr std::string_view kGoOn =
    "The model could not be reached for a while, and can be again. Go on with the task where you "
    "stopped.";

bool waits_for_quota(const StepContext& context) {
  const auto& step = context.step();
  return step.status == domain::StepStatus::waiting && step.reason == kQuotaWait;
}

// A step that sleeps until a quota comes back is carried out meanwhile for any change of its run.
std::optional<StepWait> quota_wait(const StepContext& context) {
  const auto& step = context.step();
  if (!waits_for_quota(context) || !step.wakes_at ||
      context.core.deps.clock.now() >= *step.wakes_at)
    return std::nullopt;
  return StepWait{step.reason, step.wakes_at};
}

// As the last of the attempt's earlier processes was told, or else as the run asks.
domain::PermissionPolicy permissions_of(const StepContext& context) {
  auto policy = context.run.request.permissions;
  for (const auto& steering : context.run.steerings)
    if (steering.what == domain::SteeringKind::mode && steering.applied_at &&
        is_for_attempt(context, steering) && steering.process != context.process_id())
      CORRAL_ASSERT(domain::from_string(steering.text, policy));
  return policy;
}

// After a wait: the session so far, where the agent can take it up again; otherwise the task once
// more, in the workspace as it was left.
Task<Result<void>> go_on(StepContext& context, ports::Agent& agent, ports::AgentTask& task) {
  if (!agent.resumes()) co_return Result<void>{};
  CORRAL_CO_TRY(auto session, co_await session_of_earlier_rounds(context, agent, task));
  if (!session) co_return Result<void>{};
  task.session_id = *std::move(session);
  task.resume = true;
  task.prompt = kGoOn;
  co_return Result<void>{};
}

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
    task.permission_policy = std::string(to_string(permissions_of(context)));
    task.command = context.run.request.command;

    if (auto waits = quota_wait(context)) co_return StepEnd{.waits = std::move(waits)};
    // One that waits for a person goes on waiting.
    if (waits_for_quota(context))
      CORRAL_CO_CHECK(co_await context.tell(domain::ResumeStep{context.name}));
    if (context.step().round > 0) CORRAL_CO_CHECK(co_await go_on(context, *agent, task));
    auto session = std::make_unique<AgentSession>(context, *agent, std::move(task));
    CORRAL_CO_TRY(auto end, co_await session->run());
    if (end.waits) {
      CORRAL_CO_CHECK(co_await context.note(
          "quota/" + context.process_id(),
          fmt::format("the provider refuses model calls for now: {} goes on at {}\n", context.name,
                      end.waits->until ? to_rfc3339(*end.waits->until) : "some time")));
      co_return end;
    }
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
