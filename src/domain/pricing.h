// What model calls cost: list prices by model family, per million tokens.
#pragma once

#include <cstdint>
#include <string_view>

#include "domain/policy.h"

namespace corral::domain {

struct Usage {
  std::int64_t calls = 0;
  std::int64_t input_tokens = 0, output_tokens = 0, cache_read_tokens = 0, cache_write_tokens = 0;

  Usage& operator+=(const Usage& other);
  bool operator==(const Usage&) const = default;
  static void fields(auto& self, auto& visit) {
    visit("calls", self.calls);
    visit("input_tokens", self.input_tokens);
    visit("output_tokens", self.output_tokens);
    visit("cache_read_tokens", self.cache_read_tokens);
    visit("cache_write_tokens", self.cache_write_tokens);
  }
};

// Nano-dollars a token, which is thousandths of a dollar a million tokens.
struct Price {
  std::int64_t input = 0, output = 0, cache_read = 0, cache_write = 0;
  bool known = true;  // false: the model is not in the table and is counted as the dearest family
};

Price price_of(std::string_view model);
// Of one call. Some models cost more where much goes in.
Money cost_of(std::string_view model, const Usage& usage);

}  // namespace corral::domain
