#include "engine/session_host.h"
#include "engine/step_kind.h"

namespace corral::engine {
namespace {

// A terminal for people in the run's workspace: the step lasts as long as the session does. Takes
// nobody's place meanwhile.
class SessionKind final : public StepKind {
 public:
  domain::KindRules rules() const override {
    using domain::FieldRule, domain::FieldType;
    constexpr auto optional = FieldRule::Need::optional;
    return {.name = "session",
            .description = "opens a terminal that people attach to, until its program ends",
            .fields = {{"title", FieldType::text, optional, "what people see"},
                       {"agent", FieldType::text, optional,
                        "the agent whose program it is; otherwise the run's"},
                       {"command", FieldType::texts, optional,
                        "or a program and its arguments; otherwise the run's, or a login shell"},
                       {"columns", FieldType::number, optional, "the terminal's width (80)"},
                       {"rows", FieldType::number, optional, "and height (24)"},
                       {"idle_s", FieldType::number, optional,
                        "ended after so many seconds without output and input"},
                       {"limit_s", FieldType::number, optional, "ended after so many seconds"}},
            .outputs = {"session", "exit_code", "reason"}};
  }

  Task<Result<StepEnd>> execute(StepContext& context) const override {
    const auto id = session_of(context);
    const auto made = co_await context.core.sessions->begin(id, request_of(context),
                                                            context.workspace->id(), "worker");
    // Anything but a request that cannot be is trouble of our own: the step is taken up again.
    if (!made && made.error().code == ErrorCode::invalid)
      co_return StepEnd{.failure = domain::failure_of(made.error())};
    CORRAL_CO_CHECK(made);
    if (made->status != domain::SessionStatus::ended)
      co_return StepEnd{.waits = StepWait{"session " + id.to_string(), std::nullopt}};
    StepEnd end;
    end.outputs = {
        {"session", id.to_string()}, {"exit_code", made->exit_code}, {"reason", made->end_reason}};
    if (context.workspace->gone())
      end.failure = domain::Failure{ErrorCode::unavailable, made->end_reason};
    co_return end;
  }

  Task<Result<bool>> is_due(StepContext& context) const override {
    const auto session = co_await context.core.sessions->load(session_of(context));
    co_return session && session->status == domain::SessionStatus::ended;
  }

  Task<Result<void>> abandon(StepContext& context) const override {
    auto stopped = co_await context.core.sessions->stop_session(session_of(context),
                                                                "the run was cancelled", "worker");
    if (!stopped && stopped.error().code != ErrorCode::not_found)
      co_return std::unexpected(stopped.error());
    co_return Result<void>{};
  }

 private:
  static SessionId session_of(const StepContext& context) {
    return session_id_of(context.run.id, context.process_id());
  }

  static int number(const StepContext& context, std::string_view key, int otherwise) {
    const auto* value = context.with.if_contains(key);
    if (value == nullptr || !value->is_number()) return otherwise;
    boost::system::error_code error;
    const auto whole = value->to_number<int>(error);
    return error ? -1 : whole;
  }

  static domain::SessionRequest request_of(const StepContext& context) {
    domain::SessionRequest request{.run = context.run.id,
                                   .project = context.run.request.project,
                                   .step = context.name,
                                   .name = context.text("title"),
                                   .agent = context.text("agent"),
                                   .command = context.texts("command"),
                                   .model = context.run.request.model,
                                   .permissions = context.run.request.permissions};
    if (request.agent.empty() && request.command.empty()) {
      if (context.run.request.agent != "command") request.agent = context.run.request.agent;
      request.command = context.run.request.command;
    }
    if (request.name.empty()) request.name = context.name;
    request.columns = number(context, "columns", 80);
    request.rows = number(context, "rows", 24);
    request.idle_limit = Duration(1000ll * number(context, "idle_s", 0));
    request.limit = Duration(1000ll * number(context, "limit_s", 0));
    return request;
  }
};

}  // namespace

std::unique_ptr<StepKind> make_session_kind() { return std::make_unique<SessionKind>(); }

}  // namespace corral::engine
