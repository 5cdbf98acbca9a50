// Randomness as a dependency, so that tests and simulations can seed it.
#pragma once

#include <cstdint>
#include <mutex>
#include <random>
#include <span>
#include <string>

namespace corral {

class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(std::span<std::uint8_t> bytes) = 0;

  std::uint64_t next();
  // Uniform in [0, 1).
  double unit();
  // `bytes` random bytes as lower-case hex: tokens (32 bytes = 256 bits).
  std::string hex(std::size_t bytes);
};

// getrandom(2). Thread-safe.
class SystemRandom final : public Random {
 public:
  static SystemRandom& instance();
  void fill(std::span<std::uint8_t> bytes) override;
};

// The same sequence for the same seed, on every machine. Not for secrets. Not thread-safe.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : engine_(seed) {}
  void fill(std::span<std::uint8_t> bytes) override;

 private:
  std::mt19937_64 engine_;
};

}  // namespace corral
