// Cassettes: recorded exchanges with a model provider, one JSON object a line (docs/gateway.md has the format).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "ports/llm.h"

namespace corral::adapters::llm {

inline constexpr std::int64_t kCassetteVersion = 1;

struct RecordedResponse {
  ports::LlmResponseHead head;
  struct Chunk {
    std::int64_t after_ms = 0;  // since the chunk before, or since the request
    std::string text;
  };
  std::vector<Chunk> chunks;
};

struct RecordedExchange {
  json::value request;  // in normal form
  RecordedResponse response;
};

struct Cassette {
  std::string note;
  std::vector<RecordedExchange> exchanges;
};

// `corrupt` with the number of the line that is wrong. A last line without its end, left by a crash, is `corrupt` too:
// the recorder cuts it off, a replay must not guess.
Result<Cassette> parse_cassette(std::string_view text);
std::string header_line(Time created, std::string_view note);
std::string exchange_line(const RecordedExchange& exchange);

// What of a request decides which answer it gets: path, model, whether it streams, whether it offers tools, and the
// conversation without thinking blocks, ids, cache marks and the texts that stable_text() removes. System prompts and
// tool descriptions are left out: they differ with each version of the agent.
// `invalid` when the body is not JSON.
Result<json::value> normal_request(std::string_view path, std::string_view body);

// Which turn of its conversation a normal request asks for, from 1.
std::size_t turn_of(const json::value& normal);

struct Difference {
  std::string path;  // "$.messages[2].content[0].tool_result"
  std::string recorded, got;  // short, around the place where they part
};
// Nothing when they are equal.
std::optional<Difference> first_difference(const json::value& recorded, const json::value& got);
// How many messages at the start of two normal requests are equal.
std::size_t common_messages(const json::value& a, const json::value& b);

}  // namespace corral::adapters::llm
