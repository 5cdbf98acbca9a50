// One seed's life.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace corral::sim {

struct Outcome {
  std::optional<std::string> violation;
  std::string story;     // what happened to the run that it names
  std::size_t runs = 0;  // accepted, and their children
  std::uint64_t events = 0;
  std::size_t crashes = 0, faults = 0;
  std::size_t fingerprint = 0;  // the same for the same seed
};

Outcome simulate(std::uint64_t seed);

}  // namespace corral::sim
