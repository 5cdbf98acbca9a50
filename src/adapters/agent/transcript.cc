#include "adapters/agent/transcript.h"

#include "base/plain_text.h"

namespace corral::adapters::agent {
namespace {

constexpr std::size_t kMaxLineBytes = 400;
constexpr std::size_t kMaxParagraphBytes = 8u << 10;  // a line of prose is a paragraph
constexpr std::size_t kMaxMessageLines = 400;
constexpr std::size_t kMaxThoughtLines = 20;
constexpr std::size_t kMaxResultLines = 12;
constexpr std::size_t kMaxEditLines = 8;

std::vector<std::string_view> lines_of(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  while (text.starts_with('\n')) text.remove_prefix(1);
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const auto end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

// `first` before the first line, `rest` before the others; at most `max_lines`, then how many are
// missing.
std::string block(std::string_view text, std::string_view first, std::string_view rest,
                  std::size_t max_lines, std::size_t max_line_bytes = kMaxLineBytes) {
  const std::string plain = plain_text(text);
  const auto lines = lines_of(plain);
  std::string out;
  // One line more is shown rather than counted.
  const std::size_t shown = lines.size() <= max_lines + 1 ? lines.size() : max_lines;
  for (std::size_t i = 0; i < shown; ++i) {
    out += i == 0 ? first : rest;
    out += shorten(lines[i], max_line_bytes);
    out += '\n';
  }
  if (shown < lines.size()) out += fmt::format("{}… {} more lines\n", rest, lines.size() - shown);
  return out;
}

std::string one_line(std::string_view text) {
  const std::string plain = plain_text(text);
  const auto lines = lines_of(plain);
  if (lines.empty()) return "";
  std::string out = shorten(lines.front(), kMaxLineBytes);
  if (lines.size() > 1) out += " …";
  return out;
}

std::string_view relative(std::string_view path) {
  constexpr std::string_view kRoot = "/workspace/";
  return path.starts_with(kRoot) ? path.substr(kRoot.size()) : path;
}

}  // namespace

std::string tool_subject(std::string_view tool, const json::value& input) {
  for (const std::string_view name :
       {"command", "file_path", "notebook_path", "description", "url", "query", "skill"}) {
    if (name == "description" && !find_string(input, {"pattern"}).empty()) break;
    if (const auto value = find_string(input, {name}); !value.empty())
      return one_line(relative(value));
  }
  if (const auto pattern = find_string(input, {"pattern"}); !pattern.empty()) {
    const auto path = find_string(input, {"path"});
    return one_line(fmt::format("\"{}\"{}{}", pattern, path.empty() ? "" : " in ", relative(path)));
  }
  if (const auto* todos = find(input, {"todos"});
      tool == "TodoWrite" && todos != nullptr && todos->is_array())
    return fmt::format("{} items", todos->get_array().size());
  if (const auto* object = input.if_object(); object == nullptr || object->empty()) return "";
  return one_line(json::serialize(input));
}

std::string render_started(std::string_view model) {
  return fmt::format("── {}\n", one_line(model));
}

std::string render_message(std::string_view text) {
  return block(text, "● ", "  ", kMaxMessageLines, kMaxParagraphBytes);
}

std::string render_thought(std::string_view text) {
  return block(text, "✻ ", "  ", kMaxThoughtLines, kMaxParagraphBytes);
}

std::string render_plan(std::string_view entries) {
  return block(entries, "☰ ", "  ", kMaxThoughtLines);
}

std::string render_tool_call(std::string_view tool, const json::value& input) {
  const auto subject = tool_subject(tool, input);
  std::string out = fmt::format("● {}{}{}\n", one_line(tool), subject.empty() ? "" : " ", subject);
  out += block(find_string(input, {"old_string"}), "    - ", "    - ", kMaxEditLines);
  out += block(find_string(input, {"new_string"}), "    + ", "    + ", kMaxEditLines);
  return out;
}

std::string render_result_of(std::string_view call) {
  return fmt::format("  {}\n", one_line(call));
}

std::string render_tool_result(std::string_view text, bool is_error) {
  auto out = block(text, is_error ? "  └ ✘ " : "  └ ", "    ", kMaxResultLines);
  return out.empty() ? "  └ (nothing)\n" : out;
}

std::string render_permission_request(std::string_view tool, const json::value& input) {
  return fmt::format("? may it use {}: {}\n", one_line(tool), tool_subject(tool, input));
}

std::string render_permission_answer(bool allow, std::string_view message) {
  if (allow) return "✔ allowed\n";
  const auto reason = one_line(message);
  return fmt::format("✘ denied{}{}\n", reason.empty() ? "" : ": ", reason);
}

std::string render_notice(std::string_view text) {
  return block(text, "! ", "  ", kMaxResultLines);
}

std::string render_prompt(std::string_view text) {
  return block(text, "› ", "  ", kMaxResultLines, kMaxParagraphBytes);
}

std::string render_prompt_given(std::string_view text) {
  return fmt::format("» {}\n", one_line(text));
}

std::string render_finished(bool ok, std::string_view summary, std::int64_t turns) {
  if (ok) return fmt::format("✔ finished after {} turn{}\n", turns, turns == 1 ? "" : "s");
  return block(summary, "✘ failed: ", "  ", kMaxResultLines);
}

}  // namespace corral::adapters::agent
