// Read models.
#pragma once

#include "base/clock.h"
#include "ports/contract/store_fixture.h"

namespace corral::ports::contract {

TEST_P(StoreContract, ADocumentComesBackAsItWasPut) {
  const Time before = SystemClock::instance().now();
  PutDocument change = put("run", "1");
  change.document.parent = "project-1";
  change.document.state = "running";
  change.document.name = "first";
  change.document.body = json::object{{"prompt", "hello"}, {"n", 3}};
  change.document.version = 77;  // out only
  ASSERT_TRUE(commit(change));
  const auto document = get("run", "1").value();
  EXPECT_EQ(document.kind, "run");
  EXPECT_EQ(document.id, "1");
  EXPECT_EQ(document.parent, "project-1");
  EXPECT_EQ(document.state, "running");
  EXPECT_EQ(document.name, "first");
  EXPECT_EQ(document.body, change.document.body);
  EXPECT_EQ(document.version, 1u);
  EXPECT_GE(document.created, before);
  EXPECT_EQ(document.updated, document.created);
  EXPECT_FALSE(get("project", "1"));
}

TEST_P(StoreContract, EachPutRaisesTheVersionAndKeepsTheBirthday) {
  ASSERT_TRUE(commit(put("run", "1")));
  const auto first = get("run", "1").value();
  ASSERT_TRUE(commit(put("run", "1"), put("run", "1")));
  const auto third = get("run", "1").value();
  EXPECT_EQ(third.version, 3u);
  EXPECT_EQ(third.created, first.created);
  EXPECT_GE(third.updated, first.updated);
}

TEST_P(StoreContract, AnExpectedDocumentVersionIsHeld) {
  EXPECT_EQ(code(commit(put("run", "1", 1))), ErrorCode::conflict);
  ASSERT_TRUE(commit(put("run", "1", 0)));
  EXPECT_EQ(code(commit(put("run", "1", 0))), ErrorCode::conflict);
  ASSERT_TRUE(commit(put("run", "1", 1)));
  EXPECT_EQ(code(commit(put("run", "1", 1))), ErrorCode::conflict);
  EXPECT_EQ(get("run", "1")->version, 2u);
}

TEST_P(StoreContract, ADeletedDocumentIsGoneAndItsNextLifeStartsAtOne) {
  ASSERT_TRUE(commit(put("run", "1"), put("run", "1")));
  ASSERT_TRUE(commit(DeleteDocument{"run", "1"}));
  EXPECT_FALSE(get("run", "1"));
  EXPECT_TRUE(commit(DeleteDocument{"run", "1"}));
  ASSERT_TRUE(commit(put("run", "1", 0)));
  EXPECT_EQ(get("run", "1")->version, 1u);
}

TEST_P(StoreContract, NamesAreUniqueWithinKindAndParent) {
  const auto named = [](const char* kind, const char* id, const char* parent, const char* name) {
    auto change = put(kind, id);
    change.document.parent = parent;
    change.document.name = name;
    return change;
  };
  ASSERT_TRUE(commit(named("project", "1", "g", "web")));
  const auto refused = commit(named("project", "2", "g", "web"));
  ASSERT_EQ(code(refused), ErrorCode::conflict);
  EXPECT_NE(refused.error().message.find("web"), std::string::npos);
  EXPECT_TRUE(commit(named("project", "2", "other", "web")));
  EXPECT_TRUE(commit(named("group", "3", "g", "web")));
  EXPECT_TRUE(commit(named("project", "1", "g", "web"))) << "its own name is not taken by itself";
  EXPECT_TRUE(commit(named("project", "4", "g", ""), named("project", "5", "g", "")))
      << "no name is no name";
  // A name is free again once its holder gives it up, in the same transaction too.
  EXPECT_TRUE(commit(named("project", "1", "g", "old"), named("project", "6", "g", "web")));
  EXPECT_TRUE(commit(DeleteDocument{"project", "6"}, named("project", "7", "g", "web")));
}

TEST_P(StoreContract, ADocumentNeedsAKindAndAnId) {
  EXPECT_EQ(code(commit(put("", "1"))), ErrorCode::invalid);
  EXPECT_EQ(code(commit(put("run", ""))), ErrorCode::invalid);
}

TEST_P(StoreContract, ListsAreNewestFirstAndFiltered) {
  Transaction transaction;
  for (int i = 0; i < 8; ++i) {
    auto change = put("run", std::to_string(i));
    change.document.parent = i % 2 == 0 ? "even" : "odd";
    change.document.state = i < 4 ? "completed" : "running";
    change.document.name = i == 5 ? "five" : "";
    transaction.changes.emplace_back(change);
  }
  transaction.changes.emplace_back(put("project", "9"));
  ASSERT_TRUE(run_task(store().commit(std::move(transaction))));
  using Ids = std::vector<std::string>;
  EXPECT_EQ(ids({.kind = "run"}), (Ids{"7", "6", "5", "4", "3", "2", "1", "0"}));
  EXPECT_EQ(ids({.kind = "run", .parent = "odd"}), (Ids{"7", "5", "3", "1"}));
  EXPECT_EQ(ids({.kind = "run", .state = "completed"}), (Ids{"3", "2", "1", "0"}));
  EXPECT_EQ(ids({.kind = "run", .parent = "even", .state = "running"}), (Ids{"6", "4"}));
  EXPECT_EQ(ids({.kind = "run", .name = "five"}), (Ids{"5"}));
  EXPECT_EQ(ids({.kind = "run", .parent = "odd", .name = "five"}), (Ids{"5"}));
  EXPECT_EQ(ids({.kind = "run", .parent = "even", .name = "five"}), (Ids{}));
  EXPECT_EQ(ids({.kind = "run", .parent = "odd", .name = ""}), (Ids{"7", "3", "1"}));
  EXPECT_EQ(ids({.kind = "run", .parent = ""}), (Ids{}));
  EXPECT_EQ(ids({.kind = "nothing"}), (Ids{}));
}

TEST_P(StoreContract, PagesFollowTheCursorWithoutGapOrRepeat) {
  Transaction transaction;
  for (int i = 100; i < 125; ++i) transaction.changes.emplace_back(put("run", std::to_string(i)));
  ASSERT_TRUE(run_task(store().commit(std::move(transaction))));
  std::vector<std::string> seen;
  for (std::string cursor;;) {
    const auto page = ids({.kind = "run", .before_id = cursor, .limit = 10});
    if (page.empty()) break;
    EXPECT_LE(page.size(), 10u);
    seen.insert(seen.end(), page.begin(), page.end());
    cursor = page.back();
  }
  ASSERT_EQ(seen.size(), 25u);
  for (std::size_t i = 0; i < seen.size(); ++i) EXPECT_EQ(seen[i], std::to_string(124 - i));
}

TEST_P(StoreContract, AListNeverPassesItsUpperLimit) {
  Transaction transaction;
  for (int i = 1000; i < 1600; ++i) transaction.changes.emplace_back(put("run", std::to_string(i)));
  ASSERT_TRUE(run_task(store().commit(std::move(transaction))));
  EXPECT_EQ(ids({.kind = "run", .limit = 100'000}).size(), kMaxListLimit);
}

}  // namespace corral::ports::contract
