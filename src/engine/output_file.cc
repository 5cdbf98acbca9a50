#include "engine/output_file.h"

namespace corral::engine {
namespace {

std::string file_of(std::string_view process) { return fmt::format(".corral/{}.output", process); }

std::string_view take_line(std::string_view& rest) {
  const auto end = rest.find('\n');
  auto line = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace

// Only the process knows where HOME really is: the shell in front of it says so.
void provide_output_file(ports::ProcessSpec& spec) {
  const auto script = fmt::format(
      R"sh(mkdir -p "$HOME/.corral" && CORRAL_OUTPUT="$HOME/{}" && : > "$CORRAL_OUTPUT" && export CORRAL_OUTPUT && exec "$@")sh",
      file_of(spec.id));
  std::vector<std::string> argv{"sh", "-c", script, "sh"};
  argv.insert(argv.end(), spec.argv.begin(), spec.argv.end());
  spec.argv = std::move(argv);
}

Result<json::object> parse_output_file(std::string_view text) {
  json::object values;
  while (!text.empty()) {
    const auto line = take_line(text);
    if (line.empty()) continue;
    const auto equals = line.find('='), marker = line.find("<<");
    if (marker != std::string_view::npos && marker < equals) {
      const auto end = line.substr(marker + 2);
      std::string value;
      for (bool closed = false; !closed;) {
        if (text.empty())
          return fail(ErrorCode::invalid,
                      "$CORRAL_OUTPUT: the value of \"{}\" has no end: a line \"{}\" is missing",
                      line.substr(0, marker), end);
        const auto part = take_line(text);
        closed = part == end;
        if (!closed) value += (value.empty() ? "" : "\n") + std::string(part);
      }
      values[line.substr(0, marker)] = value;
    } else if (equals != std::string_view::npos) {
      values[line.substr(0, equals)] = line.substr(equals + 1);
    } else {
      return fail(ErrorCode::invalid, "$CORRAL_OUTPUT: \"{}\" is no line of the form name=value",
                  line.substr(0, 60));
    }
  }
  return values;
}

Task<Result<json::object>> read_output_file(StepContext& context) {
  const auto& declared = context.step().definition.outputs;
  json::object outputs;
  if (declared.empty()) co_return outputs;
  CORRAL_CO_TRY(const auto text,
                co_await context.workspace->read_file(
                    "/home/agent/" + file_of(context.process_id()), kMaxOutputFile));
  CORRAL_CO_TRY(const auto values, parse_output_file(text));
  for (const auto& [name, type] : declared) {
    const auto* value = values.if_contains(name);
    if (value == nullptr)
      co_return fail(ErrorCode::invalid,
                     "step \"{}\" declares the output \"{}\" but did not give it: echo \"{}=…\" >> "
                     "\"$CORRAL_OUTPUT\"",
                     context.name, name, name);
    auto typed = domain::value_from_text(std::string_view(value->get_string()), type);
    if (!typed)
      co_return fail(ErrorCode::invalid, "output \"{}\" of step \"{}\": {}", name, context.name,
                     typed.error().message);
    outputs[name] = *std::move(typed);
  }
  co_return outputs;
}

}  // namespace corral::engine
