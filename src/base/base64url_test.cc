#include "base/base64url.h"

#include <gtest/gtest.h>

namespace corral {
namespace {

TEST(Base64Url, WritesAndReadsEveryLength) {
  // RFC 4648, 10, without padding.
  constexpr std::pair<const char*, const char*> kVectors[] = {
      {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},         {"foo", "Zm9v"},
      {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : kVectors) {
    EXPECT_EQ(base64url(bytes), text);
    EXPECT_EQ(from_base64url(text), bytes);
  }
  std::string all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
  EXPECT_EQ(from_base64url(base64url(all)), all);
  EXPECT_EQ(base64url("\xfb\xff"), "-_8");
}

TEST(Base64Url, RefusesWhatItNeverWrites) {
  for (const char* text : {"Zg==", "+_8", "-/8", "Z", "Zm9vY", "Zh", "Zm9", "Z g", "\xc3\xa9"})
    EXPECT_FALSE(from_base64url(text)) << text;
}

}  // namespace
}  // namespace corral
