#include "edge/cli/workflow_graph.h"

#include <algorithm>

#include <fmt/format.h>

namespace corral::edge::cli {
namespace {

using domain::StepDefinition;
using domain::Workflow;

std::string notes_of(const StepDefinition& step) {
  std::string notes;
  const auto add = [&notes](std::string_view note) {
    notes += (notes.empty() ? "" : ", ") + std::string(note);
  };
  if (!step.matrix.empty()) {
    std::vector<std::string_view> keys;
    for (const auto& [key, values] : step.matrix) keys.push_back(key);
    add(fmt::format("for each {}", fmt::join(keys, " and ")));
  }
  if (!step.condition.empty()) add("if " + step.condition);
  if (step.retry.attempts > 1 && step.places.contains("retry"))
    add(fmt::format("{} attempts", step.retry.attempts));
  if (step.continue_on_error) add("may fail");
  return notes;
}

// Within double quotes, of Mermaid and of dot. Names and kinds need none of it; conditions do.
std::string quoted(std::string_view text, std::string_view quote) {
  std::string out;
  for (const char c : text)
    if (c == '"')
      out += quote;
    else if (c == '\\')
      out += "\\\\";
    else
      out += c == '\n' ? ' ' : c;
  return out;
}

// The steps that nothing of their part of the graph waits for.
bool is_last(const Workflow& workflow, const StepDefinition& step) {
  return std::ranges::none_of(workflow.steps, [&](const StepDefinition& other) {
    return other.at_end == step.at_end &&
           std::ranges::find(other.needs, step.name) != other.needs.end();
  });
}
bool is_first(const StepDefinition& step) { return step.needs.empty(); }

// Each edge once; `waits`: of a `finally` step for the whole rest.
void each_edge(const Workflow& workflow,
               const std::function<void(const StepDefinition& from, const StepDefinition& to,
                                        bool waits)>& edge) {
  for (const auto& step : workflow.steps) {
    for (const auto& need : step.needs)
      if (const auto* from = workflow.find(need)) edge(*from, step, false);
    if (!step.at_end || !is_first(step)) continue;
    for (const auto& other : workflow.steps)
      if (!other.at_end && is_last(workflow, other)) edge(other, step, true);
  }
}

std::size_t number_of(const Workflow& workflow, const StepDefinition& step) {
  return static_cast<std::size_t>(&step - workflow.steps.data());
}

}  // namespace

std::string graph_text(const Screen& screen, const Workflow& workflow) {
  std::string out =
      fmt::format("{}{}\n", screen.paint(Style::bold, workflow.name),
                  workflow.description.empty() ? "" : ": " + printable(workflow.description));
  std::vector<std::vector<Cell>> rows;
  for (const bool at_end : {false, true})
    for (const auto& name : domain::topological_order(workflow)) {
      const auto& step = *workflow.find(name);
      if (step.at_end != at_end) continue;
      const auto after = !step.needs.empty() ? fmt::format("{}", fmt::join(step.needs, ", "))
                         : at_end            ? "all of the above"
                                             : "";
      rows.push_back(
          {{step.name, Style::bold}, {step.kind}, {after}, {notes_of(step), Style::dim}});
    }
  return out +
         table(screen, {{"STEP"}, {"KIND"}, {"AFTER"}, {"", Column::Align::left, true}}, rows);
}

std::string graph_mermaid(const Workflow& workflow) {
  std::string out = "flowchart TD\n";
  // Numbers as ids: some names, such as "end", are words of the language.
  for (const auto& step : workflow.steps) {
    const auto notes = quoted(notes_of(step), "#quot;");
    out += fmt::format("  s{}[\"{}<br/>{}{}\"]\n", number_of(workflow, step), step.name, step.kind,
                       notes.empty() ? "" : "<br/>" + notes);
  }
  each_edge(workflow, [&](const auto& from, const auto& to, bool waits) {
    out += fmt::format("  s{} {} s{}\n", number_of(workflow, from), waits ? "-.->" : "-->",
                       number_of(workflow, to));
  });
  return out;
}

std::string graph_dot(const Workflow& workflow) {
  std::string out =
      fmt::format("digraph \"{}\" {{\n  node [shape=box];\n", quoted(workflow.name, "\\\""));
  for (const auto& step : workflow.steps) {
    const auto notes = quoted(notes_of(step), "\\\"");
    out += fmt::format("  \"{}\" [label=\"{}\\n{}{}\"];\n", step.name, step.name, step.kind,
                       notes.empty() ? "" : "\\n" + notes);
  }
  each_edge(workflow, [&](const auto& from, const auto& to, bool waits) {
    out +=
        fmt::format("  \"{}\" -> \"{}\"{};\n", from.name, to.name, waits ? " [style=dashed]" : "");
  });
  return out + "}\n";
}

}  // namespace corral::edge::cli
