#include "adapters/notify/message.h"

#include <gtest/gtest.h>

#include "base/base64url.h"

namespace corral::adapters::notify {
namespace {

std::string bytes(std::string_view text) { return from_base64url(text).value(); }

// RFC 8291, 5 and appendix A.
const std::string kOurs = bytes("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw");
const std::string kTheirs = bytes("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94");
const std::string kSalt = bytes("DGv6ra1nlYgDCS1FRnbzlw");
const ports::PushTarget kTarget{
    .endpoint = "https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV",
    .p256dh =
        bytes("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpk"
              "NtoIAiw4"),
    .auth = bytes("BTBZMqHH6r4Tts7J_aSIgg")};

TEST(Message, IsSealedAsTheExampleOfRfc8291) {
  const auto ours = P256Key::from_scalar(Secret(kOurs)).value();
  EXPECT_EQ(base64url(ours.public_point()),
            "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7"
            "A8");
  EXPECT_EQ(base64url(ours.agree(kTarget.p256dh).value().expose()),
            "kyrL1jIIOHEzg3sM2ZWRHDRB62YACZhhSlknJ672kSs");
  const auto sealed = seal("When I grow up, I want to be a watermelon", kTarget, ours, kSalt);
  EXPECT_EQ(base64url(sealed.value()),
            "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLoc"
            "InmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLV"
            "WGNWQexSgSxsj_Qulcy4a-fN");
}

TEST(Message, IsRefusedForKeysThatAreNone) {
  SeededRandom random(1);
  const auto ours = P256Key::make(random);
  auto target = kTarget;
  target.p256dh[40] ^= 1;  // off the curve
  EXPECT_EQ(seal("x", target, ours, kSalt).error().code, ErrorCode::invalid);
  for (const auto& point : {std::string(), std::string(65, '\0'), std::string(1, '\0'),
                            "\x02" + kTarget.p256dh.substr(1, 32)}) {
    EXPECT_FALSE(check_point(point));
    EXPECT_FALSE(ours.agree(point));
  }
  EXPECT_TRUE(check_point(kTarget.p256dh));
  EXPECT_FALSE(P256Key::from_scalar(Secret(std::string(32, '\0'))));
  EXPECT_FALSE(P256Key::from_scalar(Secret(std::string(32, '\xff')))) << "over the curve's order";
  EXPECT_FALSE(P256Key::from_scalar(Secret(std::string(31, '\x01'))));
}

TEST(Message, BothSidesAgree) {
  const auto ours = P256Key::from_scalar(Secret(kOurs)).value();
  const auto theirs = P256Key::from_scalar(Secret(kTheirs)).value();
  EXPECT_EQ(theirs.public_point(), kTarget.p256dh);
  EXPECT_TRUE(theirs.agree(ours.public_point())
                  .value()
                  .equals(ours.agree(theirs.public_point()).value().expose()));
}

TEST(P256Key, FollowsFromItsSeed) {
  const auto seed = [](char c) { return Secret(std::string(64, c)); };
  EXPECT_EQ(P256Key::from_seed(seed('a')).public_point(),
            P256Key::from_seed(seed('a')).public_point());
  EXPECT_NE(P256Key::from_seed(seed('a')).public_point(),
            P256Key::from_seed(seed('b')).public_point());
  SeededRandom random(1);
  EXPECT_NE(P256Key::make(random).public_point(), P256Key::make(random).public_point());
}

}  // namespace
}  // namespace corral::adapters::notify
