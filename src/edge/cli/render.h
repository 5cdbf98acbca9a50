// The API's documents as text for people. Whatever comes from agents, repositories or the server is
// made printable here.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "edge/cli/screen.h"

namespace corral::edge::cli {

// The first 13 characters of a run's id: to the millisecond of its creation, so mostly unique, and
// easy to copy.
std::string short_id(std::string_view id);
bool is_over(std::string_view run_status);

std::string money(double usd);                 // "$1.20", "$0.0123"
std::string count(std::int64_t number);        // "12,345"
std::string duration_text(Duration duration);  // "820 ms", "12.3 s", "3 min 5 s", "2 h 4 min"
std::string ago(std::string_view rfc3339, Time now);  // "5 min ago"; empty when it is no time

Cell status_cell(const json::value& run);

std::string render_runs(const Screen& screen, const json::array& runs, Time now);
std::string render_run(const Screen& screen, const json::value& run, Time now);
// The end of `corral run`: what came out of it, and what to do next. `repository`: the local
// folder, or empty.
std::string render_result(const Screen& screen, const json::value& run,
                          std::string_view repository);
std::string render_projects(const Screen& screen, const json::array& projects);
std::string render_agents(const Screen& screen, const json::array& agents);
std::string render_artifacts(const Screen& screen, const json::array& artifacts);
std::string render_event(const Screen& screen, const json::value& event);
std::string render_approval(const Screen& screen, const json::value& approval);
// What an approval is about: a tool's name, or the step that asks.
std::string approval_name(const json::value& approval);
std::string render_workflows(const Screen& screen, const json::array& workflows);
std::string render_schedules(const Screen& screen, const json::array& schedules);
std::string render_queue(const Screen& screen, const json::value& queue);
std::string render_jobs(const Screen& screen, const json::array& jobs, Time now);
std::string render_sessions(const Screen& screen, const json::array& sessions, Time now);
std::string render_session(const Screen& screen, const json::value& session, Time now);
std::string render_folder(const Screen& screen, const json::value& folder, Time now);
// What a search in a log found: where, when, the line.
std::string render_matches(const Screen& screen, const json::array& matches);
std::string render_doctor(const Screen& screen, const json::value& report);
// One line of a unified diff, coloured; `line` without its end.
std::string render_diff_line(const Screen& screen, std::string_view line);

}  // namespace corral::edge::cli
