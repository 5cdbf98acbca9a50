#include "engine/transcript.h"

#include <algorithm>

#include "engine/projection.h"

namespace corral::engine {
namespace {

constexpr std::size_t kMaxBlock = 16u << 10;

// A fence longer than any run of backticks in the text, so that the text cannot end it.
std::string fenced(std::string_view text) {
  std::size_t longest = 2, current = 0;
  for (const char c : text) {
    current = c == '`' ? current + 1 : 0;
    longest = std::max(longest, current);
  }
  const std::string fence(longest + 1, '`');
  const bool cut = text.size() > kMaxBlock;
  std::string out = fence + "\n" + std::string(text.substr(0, kMaxBlock));
  if (!out.ends_with('\n')) out += '\n';
  return out + (cut ? "…\n" : "") + fence + "\n\n";
}

std::string entry(const json::value& event) {
  const auto kind = find_string(event, {"kind"});
  const std::string text(find_string(event, {"text"})), tool(find_string(event, {"tool"}));
  if (kind == "message") return text + "\n\n";
  if (kind == "thought") return "*Thinks:* " + text + "\n\n";
  if (kind == "prompt_given") return fmt::format("**Told:**\n\n{}", fenced(text));
  if (kind == "plan") return "*Plans:*\n\n" + text + "\n\n";
  if (kind == "tool_call") return fmt::format("**{}** {}\n\n", tool, text);
  if (kind == "tool_result") return text.empty() ? "" : fenced(text);
  if (kind == "permission_request") return fmt::format("**Asks to use {}** {}\n\n", tool, text);
  if (kind == "permission_answer") return fmt::format("**Answer:** {}\n\n", text);
  if (kind == "notice" || kind == "error") return fmt::format("> {}\n\n", text);
  return {};
}

}  // namespace

std::string render_transcript(const domain::Run& run, std::string_view timeline) {
  std::string out = fmt::format(
      "# Run {}\n\nProject {} · branch `{}` · agent {} · asked by {}\n\n## Task\n\n{}\n## Work\n\n",
      run.id.to_string(), run.request.project_name, run.request.branch, run.request.agent,
      run.created_by, fenced(run.request.prompt));
  while (!timeline.empty()) {
    const auto end = std::min(timeline.find('\n'), timeline.size());
    if (const auto event = parse_json(timeline.substr(0, end), "timeline"); event)
      out += entry(*event);
    timeline.remove_prefix(std::min(end + 1, timeline.size()));
  }
  out += "## Outcome\n\n";
  for (const auto& step : run.steps) {
    out += fmt::format("- {}: {}", step.definition.name, to_string(step.status));
    if (step.error) out += ": " + step.error->message;
    out += '\n';
  }
  if (!run.summary.empty()) out += "\n" + run.summary + "\n";
  out += fmt::format("\n{} model calls, {} tokens in, {} out, {}\n", run.usage.calls,
                     run.usage.input_tokens, run.usage.output_tokens, run.cost.to_string());
  return out;
}

std::string render_report(const domain::Run& run, Time now) {
  const json::value whole = run_json(run);
  json::object report{{"generated_at", to_rfc3339(now)}};
  for (const char* field : {"id",       "project",     "workflow",    "agent",      "prompt",
                            "branch",   "base_branch", "base_commit", "commit",     "diff_stat",
                            "cost_usd", "budget_usd",  "usage",       "summary",    "isolation",
                            "attempt",  "steps",       "created_by",  "created_at", "started_at"})
    report[field] = whole.at(field);
  return json::serialize(report) + "\n";
}

}  // namespace corral::engine
