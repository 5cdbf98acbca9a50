// Cassettes: recorded exchanges with a model provider, one JSON object a line (docs/gateway.md has
// the format).
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

// `corrupt` with the number of the line that is wrong. A last line without its end, left by a
// crash, is `corrupt` too: the recorder cuts it off, a replay must not guess.
Result<Cassette> parse_cassette(std::string_view text);
std::string header_line(Time created, std::string_view note);
std::string exchange_line(const RecordedExchange& exchange);

}  // namespace corral::adapters::llm
