// Finds in an answer's objects what a model call used, by protocol.
#pragma once

#include <cstdint>
#include <string>

#include "base/json.h"
#include "ports/llm_api.h"

namespace corral::engine {

struct ModelUsage {
  std::string model;  // empty when the answer never named it
  // What was read from a cache is not in input_tokens.
  std::int64_t input_tokens = 0, output_tokens = 0, cache_read_tokens = 0, cache_write_tokens = 0;
  bool seen = false;  // the provider has told figures
};

// What has been read of one answer so far.
struct UsageReading {
  ModelUsage usage;
  std::size_t text_bytes = 0;  // of the answer itself: the estimate while `final` is false
  bool final = false;          // the provider has told output_tokens
};

// Takes what `value` says: an event of a stream, or a whole answer. Figures are running totals: a
// later one replaces an earlier one, and one that is missing leaves it. What is absurd (negative,
// or more than any call can use) is not taken.
void read_usage(ports::LlmApi api, const json::value& value, UsageReading& into);

}  // namespace corral::engine
