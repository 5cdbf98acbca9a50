#include "edge/http/squeeze.h"

#include <gtest/gtest.h>

namespace corral::edge {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kPiece = 64u << 10;

TEST(Squeeze, CompressesALittleButNoFlood) {
  Squeeze squeeze;
  auto now = Squeeze::Clock::now();
  EXPECT_EQ(squeeze.choose(kPiece, now), Compress::yes);
  EXPECT_EQ(squeeze.choose(kPiece, now), Compress::yes);
  EXPECT_EQ(squeeze.choose(kPiece, now), Compress::no);
  EXPECT_EQ(squeeze.choose(kPiece, now += seconds(10)), Compress::yes);
}

TEST(Squeeze, CompressesAllForASlowLineForAWhile) {
  Squeeze squeeze;
  const auto now = Squeeze::Clock::now();
  while (squeeze.choose(kPiece, now) == Compress::yes) {
  }
  squeeze.sent(kPiece, Compress::no, milliseconds(10));
  EXPECT_EQ(squeeze.choose(kPiece, now), Compress::no) << "6 MB/s is fast enough";
  squeeze.sent(100, Compress::no, seconds(1));
  EXPECT_EQ(squeeze.choose(kPiece, now), Compress::no) << "so few bytes tell nothing";
  squeeze.sent(kPiece, Compress::no, milliseconds(500));
  std::size_t compressed = 0;
  while (squeeze.choose(kPiece, now) == Compress::yes) {
    squeeze.sent(kPiece, Compress::yes, milliseconds(50));
    compressed += kPiece;
  }
  EXPECT_EQ(compressed, 8u << 20);
}

}  // namespace
}  // namespace corral::edge
