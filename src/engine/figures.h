// What a process counts of the runs that it drives, for Prometheus.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "domain/run.h"

namespace corral::engine {

class Figures {
 public:
  // A run has become another by one command.
  void count(const domain::Run& before, const domain::Run& after);
  void lease_lost() { ++lease_losses_; }
  // Text exposition format, version 0.0.4. Labels of workflows that are not among the first
  // kMaxTypes are "other": names are people's, and must not fill the memory.
  std::string exposition() const;

  static constexpr std::size_t kMaxTypes = 100;

 private:
  static constexpr std::array<double, 8> kBuckets{0.1, 0.5, 1, 2, 5, 10, 30, 60};  // seconds
  struct Histogram {
    std::array<std::uint64_t, kBuckets.size()> counts{};
    std::uint64_t count = 0;
    double sum = 0;
    void add(double seconds);
  };
  std::string type_of(const domain::Run& run);

  std::map<std::string, Histogram, std::less<>> durations_;  // by type
  std::map<std::pair<std::string, std::string>, std::uint64_t, std::less<>>
      executions_;  // status, type
  std::map<std::pair<std::string, std::string>, std::uint64_t, std::less<>> errors_;  // type, stage
  std::uint64_t lease_losses_ = 0;
};

}  // namespace corral::engine
