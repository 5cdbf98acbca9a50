#include "session/recent.h"

#include <gtest/gtest.h>

namespace corral::session {
namespace {

std::string text(const Piece& piece) {
  std::string all;
  for (const auto part : piece.parts) all += part;
  EXPECT_EQ(all.size(), piece.bytes);
  return all;
}

TEST(Recent, ReadsFromAnyOffsetWhatWasAppended) {
  Recent recent(10);
  recent.append("abc");
  recent.append("");
  recent.append(std::string(100'000, 'x'));
  recent.append("end");
  EXPECT_EQ(recent.begin(), 10u);
  EXPECT_EQ(recent.end(), 10u + 100'006);
  EXPECT_EQ(text(recent.read(10, 4)), "abcx");
  EXPECT_EQ(text(recent.read(12, 2)), "cx");
  EXPECT_EQ(text(recent.read(recent.end() - 4, 100)), "xend");
  EXPECT_EQ(recent.read(recent.end(), 100).bytes, 0u);
  EXPECT_EQ(text(recent.read(10, 1u << 20)), recent.copy(10));
  EXPECT_EQ(recent.copy(recent.end() - 2), "nd");
  EXPECT_EQ(recent.copy(recent.end()), "");
}

TEST(Recent, WhatIsBeingReadStaysAsItIs) {
  Recent recent;
  recent.append("one");
  const auto piece = recent.read(0, 100);
  for (int i = 0; i < 10'000; ++i) recent.append("more");
  recent.trim(recent.end(), 0);
  EXPECT_EQ(text(piece), "one");
  EXPECT_EQ(recent.begin(), recent.end());
  recent.append("new");
  EXPECT_EQ(text(recent.read(recent.begin(), 100)), "new");
}

TEST(Recent, ForgetsTheOldestButNothingThatIsNeeded) {
  Recent recent;
  for (int i = 0; i < 10; ++i) recent.append(std::string(40'000, static_cast<char>('0' + i)));
  recent.trim(90'000, 0);
  EXPECT_EQ(recent.begin(), 80'000u) << "whole chunks go";
  recent.trim(recent.end(), 100'000);
  EXPECT_EQ(recent.begin(), 320'000u);
  EXPECT_EQ(recent.copy(320'000), std::string(40'000, '8') + std::string(40'000, '9'));
}

TEST(Recent, ManySmallAmountsTakeFewChunks) {
  Recent recent;
  for (int i = 0; i < 100'000; ++i) recent.append("k");
  EXPECT_LE(recent.read(0, 100'000).parts.size(), 4u);
  // Also while each is being read when the next comes.
  std::vector<Piece> reading;
  for (int i = 0; i < 1'000; ++i) {
    recent.append("k");
    reading.push_back(recent.read(recent.end() - 1, 1));
  }
  recent.trim(recent.end(), 1u << 20);
  EXPECT_LE(recent.end() - recent.begin(), 256u);
}

}  // namespace
}  // namespace corral::session
