#include "edge/cli/check_arguments.h"

#include <algorithm>

namespace corral::edge::cli {
namespace {

// "ADDR:PORT", "[ADDR]:PORT", "PORT" or ":PORT". False when it is none of them.
bool parse_listen(const std::string& text, ServeOptions& options) {
  const auto colon = text.rfind(':');
  const auto address = colon == std::string::npos ? std::string() : text.substr(0, colon);
  const auto port = colon == std::string::npos ? text : text.substr(colon + 1);
  if (port.empty() || port.size() > 5 ||
      !std::ranges::all_of(port, [](char c) { return c >= '0' && c <= '9'; }) ||
      std::stoi(port) > 65535)
    return false;
  options.port = static_cast<std::uint16_t>(std::stoi(port));
  if (address == "localhost" || address.empty()) return true;
  const bool bracketed = address.front() == '[' && address.back() == ']';
  options.address = bracketed ? address.substr(1, address.size() - 2) : address;
  const bool six = std::ranges::all_of(options.address, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' ||
           c == '.';
  });
  const bool four = std::ranges::count(options.address, '.') == 3 &&
                    std::ranges::all_of(options.address,
                                        [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
  return bracketed ? six && options.address.contains(':') : four;
}

}  // namespace

std::string check_arguments(Arguments& arguments, const std::string& listen) {
  auto& a = arguments;
  if (a.command == "serve" && !parse_listen(listen, a.serve))
    return "--listen: '" + listen +
           "' is not ADDR:PORT; give an IP address and a port, as in 127.0.0.1:8420";
  if (a.command == "run" || a.command == "workflow run" || a.command == "schedule create") {
    if (a.agent == "command" && a.program.empty())
      return "--agent command needs a program: corral " + a.command + " … -- CMD ARG…";
    if (!a.agent.empty() && a.agent != "command" && !a.program.empty())
      return "a program after '--' is run instead of an agent; leave out --agent " + a.agent;
    for (const auto& input : a.inputs)
      if (input.find('=') == std::string::npos || input.starts_with('='))
        return "--input: '" + input + "' is not NAME=VALUE";
    if (a.command == "run" && a.prompt.empty() && a.prompt_file.empty() && a.program.empty() &&
        a.definition.empty() && (a.workflow.empty() || a.workflow == "task"))
      return "no prompt: say what the agent is to do, as in corral run \"Fix the failing test\"";
  } else if (a.command == "session new") {
    if (!a.agent.empty() && !a.program.empty())
      return "a program after '--' is run instead of an agent; leave out --agent";
  } else if (a.command == "files put" && a.name == "-" &&
             (a.path.empty() || a.path.ends_with('/'))) {
    return "what comes from stdin needs a name: corral files put RUN - PATH";
  } else if (!a.program.empty()) {
    return "'--' is for 'corral run', 'corral session new', 'corral workflow run' and 'corral "
           "schedule create' only";
  }
  return {};
}

}  // namespace corral::edge::cli
