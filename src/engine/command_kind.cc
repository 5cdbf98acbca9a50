#include "engine/git_work.h"
#include "engine/output_file.h"

namespace corral::engine {
namespace {

std::string shown(std::string text) {
  std::ranges::replace(text, '\n', ' ');
  if (text.size() > 200) text = text.substr(0, 200) + "…";
  return text;
}

// A command in the workspace. Its exit code decides: not 0 is `conflict` (the work is not what the
// workflow wants), which is not retried by itself, since the same command on the same files would
// say the same again.
class CommandKind final : public StepKind {
 public:
  domain::KindRules rules() const override {
    using domain::FieldRule, domain::FieldType;
    return {.name = "command",
            .description = "runs a program in the workspace",
            .fields = {{"run", FieldType::text_or_texts, FieldRule::Need::required,
                        "shell text, or a program and its arguments as a list"},
                       {"env", FieldType::map, FieldRule::Need::optional,
                        "environment variables; values from elsewhere are safest here, since no "
                        "shell reads them"}},
            .outputs = {},
            .declared_outputs = true};
  }

  Task<Result<StepEnd>> execute(StepContext& context) const override {
    const auto words = context.texts("run");
    const bool shell = context.with.at("run").is_string();
    ports::ProcessSpec spec;
    spec.id = context.process_id();
    spec.timeout = context.time_left();
    if (const auto* env = context.with.if_contains("env"); env != nullptr && env->is_object())
      for (const auto& [name, value] : env->get_object())
        spec.env[std::string(name)] = domain::as_text(value);
    const std::string text = fmt::format("{}", fmt::join(words, " "));
    spec.argv = shell ? std::vector<std::string>{"sh", "-c", words.front()} : words;
    if (!context.step().definition.outputs.empty()) provide_output_file(spec);
    CORRAL_CO_CHECK(co_await context.note("command/" + context.process_id(), "$ " + text + "\n"));
    CORRAL_CO_TRY(auto end, co_await run_logged_process(context, std::move(spec)));
    if (end.failure) co_return StepEnd{.failure = std::move(end.failure)};
    if (end.exit_code != 0)
      co_return StepEnd{.failure =
                            domain::Failure{ErrorCode::conflict,
                                            fmt::format("{} ended with exit code {}: {}",
                                                        context.name, end.exit_code, shown(text))}};
    StepEnd done;
    auto outputs = co_await read_output_file(context);
    if (!outputs) co_return StepEnd{.failure = domain::failure_of(outputs.error())};
    done.outputs = *std::move(outputs);
    CORRAL_CO_TRY(done.failure, co_await take_snapshot(context));
    co_return done;
  }
};

}  // namespace

std::unique_ptr<StepKind> make_command_kind() { return std::make_unique<CommandKind>(); }

}  // namespace corral::engine
