#include "engine/digest.h"

#include <gtest/gtest.h>

namespace corral::engine {
namespace {

// Stored ids were made this way: another value would make what is repeated a second thing.
TEST(Digest, AUuidFollowsFromItsTextAndMoment) {
  EXPECT_EQ(uuid_of("a").to_string(), "ca978112-ca1b-8dca-bac2-31b39a23dc4d");
  const Time moment(Duration(1'700'000'000'123));
  const auto timed = uuid_of("a", moment);
  EXPECT_EQ(timed.to_string(), "018bcfe5-687b-7dca-bac2-31b39a23dc4d");
  EXPECT_NE(uuid_of("b", moment), timed);
}

TEST(Digest, AUuidSortsWithTheOneItIsLike) {
  SeededRandom random(1);
  const Time moment(Duration(1'700'000'000'123));
  EXPECT_EQ(uuid_of("a", Uuid::v7(moment, random)), uuid_of("a", moment));
  EXPECT_LT(uuid_of("a", moment), Uuid::v7(moment + Duration(1), random));
  EXPECT_GT(uuid_of("a", moment), Uuid::v7(moment - Duration(1), random));
}

}  // namespace
}  // namespace corral::engine
