// Random workflows, and what the processes of their steps do.
#pragma once

#include <cstdint>
#include <random>
#include <string>

namespace corral::sim {

using Dice = std::mt19937_64;

inline bool chance(Dice& dice, double probability) {
  return std::uniform_real_distribution<>(0, 1)(dice) < probability;
}
inline int pick(Dice& dice, int least, int most) {
  return std::uniform_int_distribution<>(least, most)(dice);
}

// The workflow that others use as a step.
std::string child_definition();
// A definition that parses: a graph of up to eight steps of every kind.
std::string random_definition(Dice& dice);

}  // namespace corral::sim
