#include "engine/digest.h"
#include "engine/step_kind.h"

namespace corral::engine {
namespace {

constexpr std::string_view kContinue = "continue", kFail = "fail";

// Asks a person, and holds up what needs the step until there is an answer. Takes nobody's place
// meanwhile.
class ApprovalKind final : public StepKind {
 public:
  domain::KindRules rules() const override {
    using domain::FieldRule, domain::FieldType;
    constexpr auto optional = FieldRule::Need::optional;
    return {.name = "approval",
            .description = "waits until a person says yes or no",
            .fields = {{"message", FieldType::text, FieldRule::Need::required, "what is asked"},
                       {"approvers", FieldType::texts, optional,
                        "who may answer, as \"user:ann\"; otherwise anybody"},
                       {"choices", FieldType::texts, optional, "what can be chosen with a yes"},
                       {"default", FieldType::text, optional,
                        "allow or deny: the answer when the step's timeout is over (deny)"},
                       {"on_deny", FieldType::text, optional,
                        "fail or continue: what a no does to the step (fail)"}},
            .outputs = {"decision", "by", "message", "choice"},
            .check = check};
  }
  bool needs_workspace() const override { return false; }

  Task<Result<StepEnd>> execute(StepContext& context) const override {
    const auto id =
        uuid_of(fmt::format("approval/{}/{}/", context.run.id.to_string(), context.process_id()))
            .to_string();
    const auto& step = context.step();
    if (context.run.find_approval(id) == nullptr) {
      std::optional<Time> until;
      if (step.definition.timeout.count() > 0 && step.started_at)
        until = *step.started_at + step.definition.timeout;
      domain::RequestApproval request{.approval = id,
                                      .step = context.name,
                                      .text = context.text("message"),
                                      .choices = context.texts("choices"),
                                      .approvers = context.texts("approvers"),
                                      .until = until};
      CORRAL_CO_CHECK(co_await context.note(
          "ask/" + context.process_id(), fmt::format("waits for an answer: {}\n", request.text)));
      CORRAL_CO_CHECK(co_await context.tell(std::move(request)));
    }
    const auto* approval = context.run.find_approval(id);
    const auto now = context.core.deps.clock.now();
    if (!approval->decision && approval->until && now >= *approval->until) {
      const bool allow = context.text("default") == "allow";
      const std::string choice =
          allow && !approval->choices.empty() ? approval->choices.front() : "";
      CORRAL_CO_CHECK(co_await context.tell(
          domain::DecideApproval{id, allow, "nobody answered in time", choice, {}}));
      approval = context.run.find_approval(id);
    }
    if (!approval->decision) co_return StepEnd{.waits = StepWait{"approval", approval->until}};
    co_return answered(context, *approval->decision);
  }

 private:
  static std::vector<std::pair<std::string, std::string>> check(
      const domain::StepDefinition& step) {
    std::vector<std::pair<std::string, std::string>> problems;
    if (const auto value = step.text("default");
        !value.empty() && value != "allow" && value != "deny")
      problems.emplace_back(
          "default", fmt::format("`default:` of step \"{}\" must be allow or deny, not \"{}\"",
                                 step.name, value));
    if (const auto value = step.text("on_deny");
        !value.empty() && value != kFail && value != kContinue)
      problems.emplace_back(
          "on_deny", fmt::format("`on_deny:` of step \"{}\" must be fail or continue, not \"{}\"",
                                 step.name, value));
    if (step.with.contains("default") && step.timeout.count() == 0)
      problems.emplace_back(
          "default",
          fmt::format(
              "step \"{}\" has a default answer but no `timeout:` after which it would be given",
              step.name));
    return problems;
  }

  static StepEnd answered(const StepContext& context, const domain::Approval::Decision& decision) {
    StepEnd end;
    end.outputs = {{"decision", decision.allow ? "allow" : "deny"},
                   {"by", decision.by},
                   {"message", decision.message},
                   {"choice", decision.choice}};
    if (!decision.allow && context.text("on_deny") != kContinue)
      end.failure =
          domain::Failure{ErrorCode::forbidden,
                          fmt::format("denied by {}{}{}", decision.by,
                                      decision.message.empty() ? "" : ": ", decision.message)};
    return end;
  }
};

}  // namespace

std::unique_ptr<StepKind> make_approval_kind() { return std::make_unique<ApprovalKind>(); }

}  // namespace corral::engine
