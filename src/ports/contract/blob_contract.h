// The contract of ports::Blobs.
#pragma once

#include <functional>
#include <memory>
#include <ostream>
#include <string>

#include <gtest/gtest.h>

#include "ports/blob.h"
#include "ports/contract/run_task.h"

namespace corral::ports::contract {

struct BlobsUnderTest {
  std::shared_ptr<Blobs> blobs;
  std::function<void(std::string hash)> damage;  // changes the kept bytes behind its back
};
struct BlobsFactory {
  std::string name;
  std::function<BlobsUnderTest()> make;
};
inline void PrintTo(const BlobsFactory& factory, std::ostream* out) { *out << factory.name; }
inline std::string blobs_factory_name(const testing::TestParamInfo<BlobsFactory>& info) {
  return info.param.name;
}

class BlobsContract : public testing::TestWithParam<BlobsFactory> {
 protected:
  void SetUp() override { under_test_ = GetParam().make(); }
  Blobs& blobs() { return *under_test_.blobs; }
  BlobsUnderTest under_test_;
};

TEST_P(BlobsContract, ContentComesBackByItsHash) {
  std::string content("bytes \0 and more \xff", 18);
  const auto hash = run_task(blobs().put(content)).value();
  EXPECT_EQ(hash, content_hash(content));
  EXPECT_EQ(run_task(blobs().get(hash)).value(), content);
}

TEST_P(BlobsContract, TheHashIsSha256) {
  EXPECT_EQ(run_task(blobs().put("abc")).value(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(run_task(blobs().put("")).value(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(run_task(blobs().get(content_hash(""))).value(), "");
}

TEST_P(BlobsContract, TheSameContentAgainIsTheSameBlob) {
  const auto first = run_task(blobs().put("twice")).value();
  EXPECT_EQ(run_task(blobs().put("twice")).value(), first);
  EXPECT_EQ(run_task(blobs().get(first)).value(), "twice");
}

TEST_P(BlobsContract, WhatIsNotThereIsNotFound) {
  EXPECT_EQ(run_task(blobs().get(content_hash("never"))).error().code, ErrorCode::not_found);
}

TEST_P(BlobsContract, WhatIsNoHashIsInvalid) {
  for (const char* bad :
       {"", "abc", "../../../../../../../../../../../../../../../../../../../etc/passwd",
        "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"}) {
    EXPECT_EQ(run_task(blobs().get(bad)).error().code, ErrorCode::invalid) << bad;
    EXPECT_EQ(run_task(blobs().remove(bad)).error().code, ErrorCode::invalid) << bad;
  }
}

TEST_P(BlobsContract, RemovingIsIdempotent) {
  const auto hash = run_task(blobs().put("short life")).value();
  ASSERT_TRUE(run_task(blobs().remove(hash)));
  EXPECT_EQ(run_task(blobs().get(hash)).error().code, ErrorCode::not_found);
  EXPECT_TRUE(run_task(blobs().remove(hash)));
}

TEST_P(BlobsContract, DamagedContentIsNeverReturned) {
  const auto hash = run_task(blobs().put("precious")).value();
  under_test_.damage(hash);
  EXPECT_EQ(run_task(blobs().get(hash)).error().code, ErrorCode::corrupt);
  // Putting the right content again heals it.
  ASSERT_EQ(run_task(blobs().put("precious")).value(), hash);
  EXPECT_EQ(run_task(blobs().get(hash)).value(), "precious");
}

TEST_P(BlobsContract, LargeContentIsKeptWhole) {
  std::string content(20 << 20, 'x');
  for (std::size_t i = 0; i < content.size(); i += 4096) content[i] = static_cast<char>(i / 4096);
  const auto hash = run_task(blobs().put(content)).value();
  EXPECT_TRUE(run_task(blobs().get(hash)).value() == content);
}

TEST_P(BlobsContract, ManyAtOnceDoNotMixUp) {
  std::vector<Task<Result<std::string>>> tasks;
  for (int i = 0; i < 50; ++i) tasks.push_back(blobs().put("content " + std::to_string(i % 10)));
  const auto hashes = run_together(std::move(tasks));
  for (std::size_t i = 0; i < hashes.size(); ++i)
    EXPECT_EQ(run_task(blobs().get(hashes[i].value())).value(),
              "content " + std::to_string(i % 10));
}

}  // namespace corral::ports::contract
