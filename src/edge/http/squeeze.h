// Whether what a viewer gets is compressed: that costs more time than a fast line saves.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

#include "edge/websocket/websocket.h"

namespace corral::edge {

// Of one stream to one viewer. A little is always compressed; more only once the line has shown
// that it is slow, and then for a while.
class Squeeze {
 public:
  using Clock = std::chrono::steady_clock;

  Compress choose(std::size_t bytes, Clock::time_point now) {
    const auto more = std::chrono::duration<double>(now - counted_).count() * kFreeBytesPerSecond;
    free_ = std::min(free_ + more, kMostFree);
    counted_ = now;
    if (slow_for_ > 0) return Compress::yes;
    if (free_ < static_cast<double>(bytes)) return Compress::no;
    free_ -= static_cast<double>(bytes);
    return Compress::yes;
  }
  // How long the line took for them.
  void sent(std::size_t bytes, Compress how, Clock::duration took) {
    if (how == Compress::yes)
      slow_for_ -= std::min(slow_for_, bytes);
    else if (bytes >= kTellingBytes &&
             took * kSlowBytesPerSecond > std::chrono::seconds(1) * static_cast<long>(bytes))
      slow_for_ = kSlowForBytes;
  }

 private:
  static constexpr double kFreeBytesPerSecond = 128 << 10, kMostFree = 128 << 10;
  static constexpr long kSlowBytesPerSecond = 640 << 10;  // 5 Mbit/s
  static constexpr std::size_t kTellingBytes = 16u << 10, kSlowForBytes = 8u << 20;

  double free_ = kMostFree;
  Clock::time_point counted_ = Clock::now();
  std::size_t slow_for_ = 0;  // so many bytes
};

}  // namespace corral::edge
