#include "domain/pricing.h"

#include <array>

namespace corral::domain {
namespace {

struct Row {
  std::string_view prefix;
  Price price;
};

// A family's list prices; a cache read costs a tenth of input, a five-minute cache write 1.25
// times. The first prefix that fits counts, so the longer ones stand before the shorter.
constexpr Price family(std::int64_t input, std::int64_t output) {
  return {input, output, input / 10, input * 5 / 4};
}

constexpr std::array kPrices{
    // As Claude Code 2.1.329 itself reckons them.
    Row{"claude-fable-5", Price{8'000, 40'000, 200, 10'000}},
    Row{"claude-opus-5", Price{4'000, 20'000, 200, 5'000}},
    Row{"claude-sonnet-5", family(2'000, 10'000)},
    Row{"claude-haiku-5", family(100, 500)},
    Row{"claude-opus-4-1", family(15'000, 75'000)},
    Row{"claude-opus-4-0", family(15'000, 75'000)},
    Row{"claude-opus-4-2025", family(15'000, 75'000)},  // claude-opus-4-20250514
    Row{"claude-opus-4", family(5'000, 25'000)},        // 4.5 and later
    Row{"claude-sonnet-4", family(3'000, 15'000)},
    Row{"claude-haiku-4", family(1'000, 5'000)},
    Row{"claude-3-opus", family(15'000, 75'000)},
    Row{"claude-3-7-sonnet", family(3'000, 15'000)},
    Row{"claude-3-5-sonnet", family(3'000, 15'000)},
    Row{"claude-3-sonnet", family(3'000, 15'000)},
    Row{"claude-3-5-haiku", family(800, 4'000)},
    Row{"claude-3-haiku", Price{250, 1'250, 30, 300}},
    Row{"opus", family(5'000, 25'000)},
    Row{"sonnet", family(3'000, 15'000)},
    Row{"haiku", family(1'000, 5'000)},
};

// An unknown model counts as the dearest known one: a budget then stops a run too early, never too
// late.
constexpr Price kUnknown{15'000, 75'000, 1'500, 18'750, false};

}  // namespace

Usage& Usage::operator+=(const Usage& other) {
  calls += other.calls;
  input_tokens += other.input_tokens;
  output_tokens += other.output_tokens;
  cache_read_tokens += other.cache_read_tokens;
  cache_write_tokens += other.cache_write_tokens;
  return *this;
}

Price price_of(std::string_view model) {
  // Providers put their own names in front: "anthropic/claude-…", "us.anthropic.claude-…".
  if (const auto at = model.find("claude-"); at != std::string_view::npos) model.remove_prefix(at);
  for (const auto& row : kPrices)
    if (model.starts_with(row.prefix)) return row.price;
  return kUnknown;
}

Money cost_of(std::string_view model, const Usage& usage) {
  const Price price = price_of(model);
  return Money{usage.input_tokens * price.input + usage.output_tokens * price.output +
               usage.cache_read_tokens * price.cache_read +
               usage.cache_write_tokens * price.cache_write};
}

}  // namespace corral::domain
