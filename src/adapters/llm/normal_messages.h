// The conversation of a model request in one form for every protocol: messages of texts, tool calls
// and tool results.
#pragma once

#include <string_view>

#include "base/json.h"
#include "ports/llm_api.h"

namespace corral::adapters::llm {

// {"role", "content": [{"text"} | {"tool_use", "input"} | {"tool_result"} | {"type"}]} of each
// message that decides something; instructions, reasoning and ids are left out. `cwd`: see
// stable_text().
json::array normal_messages(ports::LlmApi api, const json::value& request, std::string_view cwd);

}  // namespace corral::adapters::llm
