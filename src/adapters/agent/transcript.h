// How an agent's doings read in a run's log. Everything given is untrusted and is made safe to
// print.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"

namespace corral::adapters::agent {

// What a tool call is about, in one line: "make test", "src/tally.py", "\"total\" in src". Paths
// below /workspace are shown relative to it.
std::string tool_subject(std::string_view tool, const json::value& input);

// Paragraphs of the log, each ending in a line end.
std::string render_started(std::string_view model);
std::string render_message(std::string_view text);
std::string render_thought(std::string_view text);
std::string render_plan(std::string_view entries);  // one a line
std::string render_tool_call(std::string_view tool,
                             const json::value& input);  // with what an edit changes
std::string render_result_of(
    std::string_view call);  // stands before a result that follows another call
std::string render_tool_result(std::string_view text, bool is_error);  // its first lines
std::string render_permission_request(std::string_view tool, const json::value& input);
std::string render_permission_answer(bool allow, std::string_view message);
std::string render_notice(std::string_view text);
std::string render_prompt(std::string_view text);        // of a person, while the agent is at work
std::string render_prompt_given(std::string_view text);  // once the agent gets it: its beginning
std::string render_finished(bool ok, std::string_view summary, std::int64_t turns);

}  // namespace corral::adapters::agent
