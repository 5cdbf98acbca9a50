#include "edge/cli/workflow_source.h"

#include <cerrno>
#include <filesystem>

#include <unistd.h>

#include "base/files.h"
#include "edge/cli/screen.h"
#include "engine/engine.h"
#include "engine/workflow_yaml.h"

namespace corral::edge::cli {

std::span<const domain::KindRules> step_kinds() {
  static const engine::StepKinds kinds = engine::standard_step_kinds();
  return kinds.rules();
}

Result<std::string> read_stdin(std::size_t max_bytes) {
  std::string text;
  char buffer[64 * 1024];
  for (;;) {
    const auto got = ::read(STDIN_FILENO, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(errno_error(errno, "cannot read stdin"));
    if (got == 0) return text;
    text.append(buffer, static_cast<std::size_t>(got));
    if (text.size() > max_bytes) return text;
  }
}

bool is_workflow_file(const std::string& word) {
  if (word.empty()) return false;
  std::error_code ignored;
  return word == "-" || word.contains('/') || word.contains('.') ||
         std::filesystem::is_regular_file(word, ignored);
}

Result<WorkflowSource> parse_source(std::string_view text, const std::string& name) {
  CORRAL_TRY(auto workflow, engine::parse_workflow(text, name, step_kinds()));
  return WorkflowSource{std::string(text), std::move(workflow)};
}

Result<WorkflowSource> read_workflow(const std::string& file) {
  const bool from_stdin = file == "-";
  auto text = from_stdin ? read_stdin(engine::kMaxDefinitionBytes)
                         : read_file(file, engine::kMaxDefinitionBytes);
  if (!text)
    return fail(ErrorCode::invalid, "{}:1:1: cannot be read: {}; give a YAML or JSON file", file,
                text.error().describe());
  if (!is_utf8(*text))
    return fail(ErrorCode::invalid, "{}:1:1: is not UTF-8 text; convert it first (iconv -t UTF-8)",
                from_stdin ? "stdin" : file);
  return parse_source(*text, from_stdin ? "stdin" : file);
}

Result<json::object> inputs_of(const std::vector<std::string>& words,
                               const domain::Workflow& workflow) {
  json::object texts;
  for (const auto& word : words) {
    const auto name = word.substr(0, word.find('='));
    if (texts.contains(name))
      return fail(ErrorCode::invalid, "--input: \"{}\" is given twice", name);
    texts[name] = word.substr(name.size() + 1);
  }
  CORRAL_TRY(const auto all, domain::check_inputs(workflow, texts, domain::GivenAs::texts));
  json::object given;
  for (const auto& [name, text] : texts) given[name] = all.at(name);
  return given;
}

}  // namespace corral::edge::cli
