#include "domain/pricing.h"

#include <array>
#include <optional>

namespace corral::domain {
namespace {

struct Row {
  std::string_view prefix;
  Price price;
  std::optional<Price> large = {};  // of a call with more than 200,000 tokens in
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
    Row{"gpt-5.5", Price{5'000, 30'000, 500, 5'000}},
    Row{"gpt-5.4-mini", Price{750, 4'500, 75, 750}},
    Row{"gpt-5.4-nano", Price{200, 1'250, 20, 200}},
    Row{"gpt-5.4", Price{2'500, 15'000, 250, 2'500}, Price{5'000, 22'500, 500, 5'000}},
    Row{"gpt-5.3", Price{1'750, 14'000, 175, 1'750}},
    Row{"gpt-5.2", Price{1'750, 14'000, 175, 1'750}},
    Row{"gpt-5.1-codex-mini", Price{250, 2'000, 25, 250}},
    Row{"gpt-5.1", Price{1'250, 10'000, 125, 1'250}},
    Row{"gpt-5-mini", Price{250, 2'000, 25, 250}},
    Row{"gpt-5-nano", Price{50, 400, 5, 50}},
    Row{"gpt-5-pro", Price{15'000, 120'000, 15'000, 15'000}},
    Row{"gpt-5", Price{1'250, 10'000, 125, 1'250}},
    Row{"gpt-4.1-mini", Price{400, 1'600, 100, 400}},
    Row{"gpt-4.1-nano", Price{100, 400, 25, 100}},
    Row{"gpt-4.1", Price{2'000, 8'000, 500, 2'000}},
    Row{"gpt-4o-mini", Price{150, 600, 75, 150}},
    Row{"gpt-4o", Price{2'500, 10'000, 1'250, 2'500}},
    Row{"o3-mini", Price{1'100, 4'400, 550, 1'100}},
    Row{"o3", Price{2'000, 8'000, 500, 2'000}},
    Row{"o4-mini", Price{1'100, 4'400, 275, 1'100}},
    Row{"codex-mini", Price{1'500, 6'000, 375, 1'500}},
    Row{"gemini-3.1-pro", Price{2'000, 12'000, 200, 2'000}, Price{4'000, 18'000, 400, 4'000}},
    Row{"gemini-3-pro", Price{2'000, 12'000, 200, 2'000}, Price{4'000, 18'000, 400, 4'000}},
    Row{"gemini-3-flash", Price{500, 3'000, 50, 500}},
    Row{"gemini-2.5-pro", Price{1'250, 10'000, 125, 1'250}, Price{2'500, 15'000, 250, 2'500}},
    Row{"gemini-2.5-flash-lite", Price{100, 400, 10, 100}},
    Row{"gemini-2.5-flash", Price{300, 2'500, 30, 300}},
    Row{"gemini-2.0-flash", Price{100, 400, 25, 100}},
    Row{"opus", family(5'000, 25'000)},
    Row{"sonnet", family(3'000, 15'000)},
    Row{"haiku", family(1'000, 5'000)},
};

// An unknown model counts as the dearest known one: a budget then stops a run too early, never too
// late.
constexpr Price kUnknown{15'000, 120'000, 15'000, 18'750, false};

constexpr std::int64_t kLargeCall = 200'000;

const Row* row_of(std::string_view model) {
  // Providers put their own names in front: "anthropic/claude-…", "us.anthropic.claude-…",
  // "openai/gpt-…".
  if (const auto at = model.find("claude-"); at != std::string_view::npos) model.remove_prefix(at);
  if (const auto at = model.rfind('/'); at != std::string_view::npos) model.remove_prefix(at + 1);
  // "gpt-5" is not the price of "gpt-5.9".
  for (const auto& row : kPrices)
    if (model.starts_with(row.prefix) &&
        (model.size() == row.prefix.size() || model[row.prefix.size()] != '.'))
      return &row;
  return nullptr;
}

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
  const Row* row = row_of(model);
  return row == nullptr ? kUnknown : row->price;
}

Money cost_of(std::string_view model, const Usage& usage) {
  const Row* row = row_of(model);
  Price price = row == nullptr ? kUnknown : row->price;
  const auto taken_in = usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens;
  if (row != nullptr && row->large && usage.calls <= 1 && taken_in > kLargeCall)
    price = *row->large;
  return Money{usage.input_tokens * price.input + usage.output_tokens * price.output +
               usage.cache_read_tokens * price.cache_read +
               usage.cache_write_tokens * price.cache_write};
}

}  // namespace corral::domain
