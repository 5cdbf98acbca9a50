#include "engine/git_work.h"

namespace corral::engine {
namespace {

std::string shown(std::string text) {
  std::ranges::replace(text, '\n', ' ');
  if (text.size() > 200) text = text.substr(0, 200) + "…";
  return text;
}

// A command in the workspace. Its exit code decides: not 0 is `conflict` (the work is not what the
// workflow wants), which is not retried, since the same command on the same files would say the
// same again.
class CommandKind final : public StepKind {
 public:
  std::string_view name() const override { return "command"; }

  Task<Result<StepEnd>> execute(StepContext& context) const override {
    const auto& definition = context.step().definition;
    CORRAL_CO_TRY(const auto inputs, co_await context.inputs());
    ports::ProcessSpec spec;
    spec.id = context.process_id();
    spec.timeout = context.time_left();
    std::string text;
    if (definition.argv.empty()) {
      text = domain::render(definition.run, inputs);
      spec.argv = {"sh", "-c", text};
    } else {
      for (const auto& word : definition.argv) spec.argv.push_back(domain::render(word, inputs));
      text = fmt::format("{}", fmt::join(spec.argv, " "));
    }
    CORRAL_CO_CHECK(co_await context.note("command/" + context.process_id(), "$ " + text + "\n"));
    CORRAL_CO_TRY(auto end, co_await run_logged_process(context, std::move(spec)));
    if (end.failure) co_return StepEnd{.failure = std::move(end.failure)};
    if (end.exit_code != 0)
      co_return StepEnd{.failure =
                            domain::Failure{ErrorCode::conflict,
                                            fmt::format("{} ended with exit code {}: {}",
                                                        context.name, end.exit_code, shown(text))}};
    CORRAL_CO_TRY(auto unsaved, co_await take_snapshot(context));
    co_return StepEnd{.failure = std::move(unsaved)};
  }
};

}  // namespace

std::unique_ptr<StepKind> make_command_kind() { return std::make_unique<CommandKind>(); }

}  // namespace corral::engine
