// A cache in this process's memory: for one server.
#pragma once

#include <memory>

#include "base/clock.h"
#include "ports/cache.h"

namespace corral::adapters::cache {

struct MemoryCacheOptions {
  std::size_t max_entries = 10'000;   // values and leases
  std::size_t max_bytes = 32u << 20;  // of keys and values, and what it takes to keep them
};

// When it is full, what was used longest ago goes first. `clock` outlives it.
std::unique_ptr<ports::Cache> make_memory_cache(Clock& clock, MemoryCacheOptions options = {});

}  // namespace corral::adapters::cache
