// Model requests in normal form: the same for the same turn of another session, machine or version
// of the agent.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"

namespace corral::adapters::llm {

// What of a request decides which answer it gets: path, model, whether it streams, whether it
// offers tools, and the conversation without thinking blocks, ids, cache marks and the texts that
// stable_text() removes. System prompts and tool descriptions are left out: they differ with each
// version of the agent. `invalid` when the body is not JSON.
Result<json::value> normal_request(std::string_view path, std::string_view body);

// Brings the results of tools that ran side by side, which come in any order, into one order. A
// part of normal_request(); for requests in normal form that come from elsewhere.
void order_parallel_results(json::object& normal);

// Which turn of its conversation a normal request asks for, from 1.
std::size_t turn_of(const json::value& normal);

struct Difference {
  std::string path;           // "$.messages[2].content[0].tool_result"
  std::string recorded, got;  // short, around the place where they part
};
// Nothing when they are equal.
std::optional<Difference> first_difference(const json::value& recorded, const json::value& got);
// How many messages at the start of two normal requests are equal.
std::size_t common_messages(const json::value& a, const json::value& b);

// As parse_json, for conversations, which nest deeper than what people send.
Result<json::value> parse_deep_json(std::string_view text, std::string_view what);

}  // namespace corral::adapters::llm
