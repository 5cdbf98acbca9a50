#include "edge/cli/render.h"

#include <fmt/format.h>

namespace corral::edge::cli {
namespace {

std::string text_of(const json::value& value, std::string_view name, Lines lines = Lines::one) {
  return printable(find_string(value, {name}), lines);
}

const json::array* array_of(const json::value& value, std::string_view name) {
  const auto* found = find(value, {name});
  return found != nullptr ? found->if_array() : nullptr;
}

std::string change_text(const json::value& run) {
  const auto* stat = find(run, {"diff_stat"});
  if (stat == nullptr || !stat->is_object()) return {};
  const auto files = find_int(*stat, {"files"});
  return fmt::format("{} file{}, +{} −{}", count(files), files == 1 ? "" : "s",
                     count(find_int(*stat, {"insertions"})), count(find_int(*stat, {"deletions"})));
}

std::string usage_text(const json::value& run) {
  const auto calls = find_int(run, {"usage", "calls"});
  if (calls == 0) return "no model call";
  const auto in = find_int(run, {"usage", "input_tokens"}) +
                  find_int(run, {"usage", "cache_read_tokens"}) +
                  find_int(run, {"usage", "cache_write_tokens"});
  return fmt::format("{} ({} model call{}, {} tokens in, {} out)",
                     money(find_number(run, {"cost_usd"})), count(calls), calls == 1 ? "" : "s",
                     count(in), count(find_int(run, {"usage", "output_tokens"})));
}

std::string span_text(const json::value& value, Time now) {
  const auto from = time_from_rfc3339(find_string(value, {"started_at"}));
  if (!from) return {};
  const auto to = time_from_rfc3339(find_string(value, {"finished_at"}));
  return duration_text(to.value_or(now) - *from);
}

Style style_of(std::string_view status) {
  if (status == "completed" || status == "ok") return Style::green;
  if (status == "failed" || status == "problem") return Style::red;
  if (status == "waiting" || status == "paused" || status == "warning") return Style::yellow;
  if (status == "running") return Style::cyan;
  return Style::dim;
}

std::string label(const Screen& screen, std::string_view name, std::string_view value) {
  return value.empty() ? std::string()
                       : fmt::format("  {} {}\n",
                                     screen.paint(Style::dim, fmt::format("{:<9}", name)), value);
}

std::string error_text(const json::value& value) {
  const auto* error = find(value, {"error"});
  if (error == nullptr || !error->is_object()) return {};
  return text_of(*error, "message", Lines::keep);
}

std::string indented(std::string_view text, std::string_view indent) {
  std::string result;
  for (const char c : text) {
    result += c;
    if (c == '\n') result += indent;
  }
  return result;
}

std::string words_of(const json::array* words) {
  std::string text;
  if (words != nullptr)
    for (const auto& word : *words)
      if (word.is_string()) text += (text.empty() ? "" : ", ") + printable(word.get_string());
  return text;
}

std::string choices_text(const json::value& approval) {
  std::string text;
  if (const auto choices = words_of(array_of(approval, "choices")); !choices.empty())
    text += "    a yes chooses one of: " + choices + "\n";
  if (const auto people = words_of(array_of(approval, "approvers")); !people.empty())
    text += "    may answer: " + people + "\n";
  if (const auto until = text_of(approval, "until"); !until.empty())
    text += "    until " + until + "\n";
  return text;
}

// A run's values in one line: "repo=core, level=3".
std::string inputs_text(const json::value& run) {
  std::string text;
  if (const auto* inputs = find(run, {"inputs"}); inputs != nullptr && inputs->is_object())
    for (const auto& [name, value] : inputs->get_object())
      text += (text.empty() ? "" : ", ") + std::string(name) + "=" +
              (value.is_string() ? std::string(value.get_string()) : json::serialize(value));
  return printable(text.substr(0, 2'000));
}

std::string origin_text(const json::value& run) {
  if (const auto parent = text_of(run, "parent"); !parent.empty())
    return fmt::format("step {} of run {}", text_of(run, "parent_step"), parent);
  if (const auto old = text_of(run, "forked_from"); !old.empty())
    return fmt::format(
        "fork of run {}{}", old,
        text_of(run, "forked_step").empty() ? "" : " from step " + text_of(run, "forked_step"));
  if (const auto schedule = text_of(run, "schedule"); !schedule.empty())
    return "schedule " + schedule;
  return {};
}

// Why a step is where it is: its error, or what it waits for or was skipped for.
Cell reason_cell(const json::value& step) {
  if (const auto error = printable(error_text(step)); !error.empty()) return {error, Style::red};
  auto reason = text_of(step, "reason");
  if (const auto wakes = text_of(step, "wakes_at"); !wakes.empty())
    reason += (reason.empty() ? "goes on at " : ", at ") + wakes;
  return {reason, Style::dim};
}

}  // namespace

std::string short_id(std::string_view id) { return printable(id.substr(0, 13)); }
bool is_over(std::string_view status) {
  return status == "completed" || status == "failed" || status == "cancelled";
}

std::string money(double usd) {
  if (usd != 0 && usd < 0.00005) return "<$0.0001";
  return usd >= 1 || usd == 0 ? fmt::format("${:.2f}", usd) : fmt::format("${:.4f}", usd);
}

std::string count(std::int64_t number) {
  auto digits = std::to_string(number);
  const std::size_t first = number < 0 ? 1 : 0;
  for (std::size_t at = digits.size(); at > first + 3;) digits.insert(at -= 3, ",");
  return digits;
}

std::string duration_text(Duration duration) {
  const auto ms = std::max<std::int64_t>(duration.count(), 0);
  if (ms < 1'000) return fmt::format("{} ms", ms);
  if (ms < 60'000) return fmt::format("{:.1f} s", static_cast<double>(ms / 100) / 10.0);
  if (ms < 3'600'000) return fmt::format("{} min {} s", ms / 60'000, ms / 1'000 % 60);
  return fmt::format("{} h {} min", ms / 3'600'000, ms / 60'000 % 60);
}

std::string ago(std::string_view rfc3339, Time now) {
  const auto time = time_from_rfc3339(rfc3339);
  if (!time) return {};
  const auto seconds = std::max<std::int64_t>((now - *time).count() / 1'000, 0);
  if (seconds < 60) return fmt::format("{} s ago", seconds);
  if (seconds < 3'600) return fmt::format("{} min ago", seconds / 60);
  if (seconds < 86'400) return fmt::format("{} h ago", seconds / 3'600);
  return fmt::format("{} d ago", seconds / 86'400);
}

Cell status_cell(const json::value& run) {
  const std::string status = find_bool(run, {"waiting"})  ? "waiting"
                             : find_bool(run, {"paused"}) ? "paused"
                                                          : printable(find_string(run, {"status"}));
  return {status, style_of(status)};
}

std::string render_runs(const Screen& screen, const json::array& runs, Time now) {
  if (runs.empty())
    return "No runs yet. Start one: corral run \"Fix the failing test\" --repo PATH\n";
  std::vector<std::vector<Cell>> rows;
  for (const auto& run : runs)
    rows.push_back({{short_id(find_string(run, {"id"}))},
                    status_cell(run),
                    {text_of(run, "agent")},
                    {printable(find_string(run, {"project", "name"}))},
                    {text_of(run, "prompt")},
                    {change_text(run)},
                    {money(find_number(run, {"cost_usd"}))},
                    {span_text(run, now)},
                    {ago(find_string(run, {"created_at"}), now), Style::dim}});
  using enum Column::Align;
  return table(screen,
               {{"RUN"},
                {"STATUS"},
                {"AGENT"},
                {"PROJECT", left, true},
                {"PROMPT", left, true},
                {"CHANGES", left, true},
                {"COST", right},
                {"TOOK", right},
                {"CREATED", right}},
               rows);
}

std::string render_run(const Screen& screen, const json::value& run, Time now) {
  const auto status = status_cell(run);
  std::string out = fmt::format("{} {}\n", screen.paint(Style::bold, text_of(run, "id")),
                                screen.paint(status.style, status.text));
  out += label(screen, "project", printable(find_string(run, {"project", "name"})));
  if (const auto workflow = text_of(run, "workflow"); !workflow.empty())
    out += label(screen, "workflow",
                 fmt::format("{}@{}", workflow, find_int(run, {"workflow_version"}, 1)));
  out += label(screen, "agent", text_of(run, "agent"));
  auto prompt = printable(find_string(run, {"prompt"}).substr(0, 2'000), Lines::keep);
  if (find_string(run, {"prompt"}).size() > 2'000) prompt += "…";
  out += label(screen, "prompt", indented(prompt, "            "));
  out += label(screen, "checks", text_of(run, "checks"));
  out += label(screen, "inputs", inputs_text(run));
  out += label(screen, "comes of", origin_text(run));
  const auto isolation = text_of(run, "isolation");
  out +=
      label(screen, "isolation",
            isolation.empty() || isolation == "sandbox" ? isolation
                                                        : screen.paint(Style::yellow, isolation));
  out += label(screen, "branch",
               text_of(run, "branch") + (text_of(run, "base_branch").empty()
                                             ? ""
                                             : " (from " + text_of(run, "base_branch") + ")"));
  out += label(screen, "commit", text_of(run, "commit"));
  out += label(screen, "changes", change_text(run));
  out += label(screen, "cost", usage_text(run));
  out += label(screen, "created",
               fmt::format("{}, {} by {}", text_of(run, "created_at"),
                           ago(find_string(run, {"created_at"}), now), text_of(run, "created_by")));
  out += label(screen, "took", span_text(run, now));
  if (const auto error = error_text(run); !error.empty())
    out += label(screen, "error", screen.paint(Style::red, indented(error, "            ")));
  if (const auto* steps = array_of(run, "steps"); steps != nullptr && !steps->empty()) {
    out += "\n";
    std::vector<std::vector<Cell>> rows;
    for (const auto& step : *steps) {
      const auto word = text_of(step, "status");
      rows.push_back({{text_of(step, "name"), Style::bold},
                      {text_of(step, "kind")},
                      {word, style_of(word)},
                      {std::to_string(find_int(step, {"attempt"}))},
                      {span_text(step, now)},
                      reason_cell(step)});
    }
    using enum Column::Align;
    out += table(
        screen,
        {{"STEP"}, {"KIND"}, {"STATUS"}, {"ATTEMPT", right}, {"TOOK", right}, {"", left, true}},
        rows);
  }
  if (const auto* approvals = array_of(run, "approvals");
      approvals != nullptr && !approvals->empty()) {
    out += "\n";
    for (const auto& approval : *approvals) out += render_approval(screen, approval);
    out += fmt::format("Answer: corral runs approve {0}   or   corral runs deny {0}\n",
                       short_id(find_string(run, {"id"})));
  }
  if (const auto summary = text_of(run, "summary", Lines::keep); !summary.empty())
    out += "\n" + summary + "\n";
  return out;
}

std::string render_result(const Screen& screen, const json::value& run,
                          std::string_view repository) {
  const auto id = short_id(find_string(run, {"id"}));
  const auto status = status_cell(run);
  const auto commit = text_of(run, "commit"), branch = text_of(run, "branch");
  std::string out = fmt::format("\n{} {}\n", screen.paint(Style::bold, "run " + id),
                                screen.paint(status.style, status.text));
  if (const auto error = error_text(run); !error.empty())
    out += label(screen, "error", screen.paint(Style::red, indented(error, "            ")));
  const auto isolation = text_of(run, "isolation");
  if (!isolation.empty() && isolation != "sandbox")
    out += label(screen, "isolation", screen.paint(Style::yellow, isolation));
  if (!commit.empty()) {
    out += label(screen, "branch", branch);
    out += label(screen, "commit", commit);
    out += label(screen, "changes", change_text(run));
  } else {
    out += label(screen, "changes", "nothing was changed");
  }
  out += label(screen, "took", span_text(run, Time{}));
  out += label(screen, "cost", usage_text(run));
  std::string next;
  if (status.text == "failed")
    next = fmt::format("corral runs logs {0}   corral runs retry {0}", id);
  else if (!commit.empty() && !repository.empty())
    next =
        fmt::format("corral runs diff {}   git -C {} merge {}", id, printable(repository), branch);
  else if (!commit.empty())
    next = fmt::format("corral runs diff {}", id);
  return out + label(screen, "next", next);
}

std::string render_projects(const Screen& screen, const json::array& projects) {
  if (projects.empty()) return "No projects yet. Make one: corral project add NAME PATH-OR-URL\n";
  std::vector<std::vector<Cell>> rows;
  for (const auto& project : projects)
    rows.push_back({{text_of(project, "name"), Style::bold},
                    {text_of(project, "git_url")},
                    {text_of(project, "default_branch")},
                    {text_of(project, "id"), Style::dim}});
  using enum Column::Align;
  return table(screen, {{"NAME"}, {"REPOSITORY", left, true}, {"BRANCH", left, true}, {"ID"}},
               rows);
}

std::string render_agents(const Screen& screen, const json::array& agents) {
  std::vector<std::vector<Cell>> rows;
  for (const auto& agent : agents) {
    const auto problem = text_of(agent, "problem");
    rows.push_back({{text_of(agent, "name"), Style::bold},
                    {text_of(agent, "version")},
                    {text_of(agent, "wanted_version")},
                    problem.empty() ? Cell{"ready", Style::green} : Cell{problem, Style::yellow}});
  }
  using enum Column::Align;
  return table(screen, {{"AGENT"}, {"VERSION"}, {"WANTED"}, {"", left, true}}, rows);
}

std::string render_artifacts(const Screen& screen, const json::array& artifacts) {
  if (artifacts.empty()) return "The run has kept nothing yet.\n";
  std::vector<std::vector<Cell>> rows;
  for (const auto& artifact : artifacts)
    rows.push_back({{text_of(artifact, "name"), Style::bold},
                    {text_of(artifact, "media_type")},
                    {count(find_int(artifact, {"size_bytes"}))},
                    {text_of(artifact, "created_at"), Style::dim}});
  using enum Column::Align;
  return table(screen, {{"NAME", left, true}, {"TYPE"}, {"BYTES", right}, {"CREATED"}}, rows);
}

std::string render_event(const Screen& screen, const json::value& event) {
  const auto* data = find(event, {"data"});
  return fmt::format(
      "{:>5}  {}  {}  {} {}\n", find_int(event, {"version"}),
      screen.paint(Style::dim, text_of(event, "time")),
      screen.paint(Style::bold, fmt::format("{:<22}", text_of(event, "type"))),
      text_of(event, "actor"),
      screen.paint(Style::dim, shorten(printable(data == nullptr ? "" : json::serialize(*data)),
                                       screen.terminal ? screen.width : 400)));
}

std::string approval_name(const json::value& approval) {
  const auto tool = text_of(approval, "tool");
  return tool.empty() ? text_of(approval, "step") : tool;
}

std::string render_approval(const Screen& screen, const json::value& approval) {
  const auto* input = find(approval, {"input"});
  auto words = text_of(approval, "text");
  // The one field that says most, when the tool has it; otherwise all of it.
  std::string detail =
      input == nullptr ? std::string() : std::string(find_string(*input, {"command"}));
  if (detail.empty() && input != nullptr && !input->is_null()) detail = json::serialize(*input);
  detail = printable(detail, Lines::keep);
  if (detail.size() > 4'000) detail = shorten(detail, 4'000);
  return fmt::format("{} {}{}\n{}", screen.paint(Style::yellow, "?"),
                     screen.paint(Style::bold, approval_name(approval)),
                     words.empty() ? "" : ": " + words,
                     detail.empty() ? "" : "    " + indented(detail, "    ") + "\n") +
         choices_text(approval);
}

std::string render_workflows(const Screen& screen, const json::array& workflows) {
  std::vector<std::vector<Cell>> rows;
  for (const auto& workflow : workflows) {
    const auto* steps = array_of(workflow, "steps");
    rows.push_back({{text_of(workflow, "name"), Style::bold},
                    {std::to_string(find_int(workflow, {"version"}))},
                    {std::to_string(steps == nullptr ? 0 : steps->size())},
                    {text_of(workflow, "origin"), Style::dim},
                    {printable(find_string(workflow, {"schedule", "cron"}))},
                    {text_of(workflow, "description")}});
  }
  using enum Column::Align;
  return table(screen,
               {{"WORKFLOW"},
                {"VERSION", right},
                {"STEPS", right},
                {"ORIGIN"},
                {"TIMES"},
                {"DESCRIPTION", left, true}},
               rows);
}

std::string render_schedules(const Screen& screen, const json::array& schedules) {
  if (schedules.empty())
    return "No schedules. Make one: corral schedule create FILE|NAME --cron '0 3 * * *'\n";
  std::vector<std::vector<Cell>> rows;
  for (const auto& schedule : schedules) {
    const bool paused = find_bool(schedule, {"paused"});
    rows.push_back({{short_id(find_string(schedule, {"id"}))},
                    {text_of(schedule, "name"), Style::bold},
                    {text_of(schedule, "cron")},
                    {text_of(schedule, "timezone")},
                    paused ? Cell{"paused", Style::yellow} : Cell{text_of(schedule, "next_at")},
                    {text_of(schedule, "last_at"), Style::dim},
                    {short_id(find_string(schedule, {"last_run"}))},
                    {text_of(schedule, "last_error"), Style::red}});
  }
  using enum Column::Align;
  return table(screen,
               {{"SCHEDULE"},
                {"WORKFLOW", left, true},
                {"TIMES"},
                {"ZONE"},
                {"NEXT"},
                {"LAST"},
                {"LAST RUN"},
                {"", left, true}},
               rows);
}

std::string render_queue(const Screen& screen, const json::value& queue) {
  std::string out;
  for (const auto* state : {"ready", "delayed", "claimed", "completed", "failed"})
    out += label(screen, state, count(find_int(queue, {state})));
  const auto* oldest = find(queue, {"oldest_ready_s"});
  if (oldest != nullptr && oldest->is_number())
    out += label(screen, "oldest",
                 "ready for " + duration_text(Duration(static_cast<std::int64_t>(
                                    oldest->to_number<double>() * 1'000))));
  if (const auto* paused = array_of(queue, "paused"); paused != nullptr)
    for (const auto& group : *paused)
      if (group.is_string())
        out += label(screen, "paused",
                     screen.paint(Style::yellow, group.get_string().empty()
                                                     ? "everything"
                                                     : "group " + printable(group.get_string())));
  return out;
}

std::string render_jobs(const Screen& screen, const json::array& jobs, Time now) {
  if (jobs.empty()) return "No such jobs.\n";
  std::vector<std::vector<Cell>> rows;
  for (const auto& job : jobs) {
    const auto state = text_of(job, "state");
    rows.push_back(
        {{std::to_string(find_int(job, {"id"}))},
         {text_of(job, "kind")},
         {state, style_of(state)},
         {fmt::format("{}/{}", find_int(job, {"attempt"}), find_int(job, {"max_attempts"}))},
         {short_id(find_string(job, {"run"}))},
         {ago(find_string(job, {"created_at"}), now), Style::dim},
         {text_of(job, "error"), Style::red}});
  }
  using enum Column::Align;
  return table(screen,
               {{"JOB", right},
                {"KIND"},
                {"STATE"},
                {"ATTEMPT", right},
                {"RUN"},
                {"CREATED", right},
                {"ERROR", left, true}},
               rows);
}

std::string render_doctor(const Screen& screen, const json::value& report) {
  std::string out = fmt::format("corral {}\nisolation here: {}\n\n", text_of(report, "version"),
                                screen.paint(Style::bold, text_of(report, "isolation")));
  if (const auto* checks = array_of(report, "checks"); checks != nullptr)
    for (const auto& check : *checks) {
      const auto status = text_of(check, "status");
      const char* mark = status == "ok" ? "✓" : status == "warning" ? "!" : "✗";
      out +=
          fmt::format("{} {}  {}\n", screen.paint(style_of(status), mark),
                      screen.paint(Style::bold, text_of(check, "name")), text_of(check, "detail"));
      if (const auto remedy = text_of(check, "remedy"); !remedy.empty())
        out += fmt::format("    → {}\n", remedy);
    }
  if (const auto* agents = array_of(report, "agents"); agents != nullptr && !agents->empty())
    out += "\n" + render_agents(screen, *agents);
  return out;
}

std::string render_diff_line(const Screen& screen, std::string_view line) {
  const auto text = printable(line, Lines::keep);
  if (!screen.colour) return text;
  if (text.starts_with("diff ") || text.starts_with("index ") || text.starts_with("+++") ||
      text.starts_with("---") || text.starts_with("new file") || text.starts_with("deleted file") ||
      text.starts_with("rename ") || text.starts_with("similarity "))
    return screen.paint(Style::bold, text);
  if (text.starts_with("@@")) return screen.paint(Style::cyan, text);
  if (text.starts_with('+')) return screen.paint(Style::green, text);
  if (text.starts_with('-')) return screen.paint(Style::red, text);
  return text;
}

}  // namespace corral::edge::cli
