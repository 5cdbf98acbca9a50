// The edge's own figures, in Prometheus text exposition (version 0.0.4).
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>

namespace corral::edge {

class HttpMetrics {
 public:
  // `route` is the path template, never the path: the number of series stays bounded.
  void count(std::string_view method, std::string_view route, int status, double seconds,
             bool streamed);
  void stream_opened() { ++streams_; }
  void stream_closed() { --streams_; }
  std::string exposition() const;

 private:
  static constexpr std::array<double, 11> kBounds{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                                  0.05,   0.1,   0.5,    1,     5};
  std::map<std::tuple<std::string, std::string, int>, std::uint64_t, std::less<>> requests_;
  std::array<std::uint64_t, kBounds.size() + 1> buckets_{};  // streams are not in it
  double seconds_ = 0;
  std::int64_t streams_ = 0;
};

}  // namespace corral::edge
