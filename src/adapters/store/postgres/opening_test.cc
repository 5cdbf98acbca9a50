// How a store is opened, or is not.
#include <gtest/gtest.h>

#include <thread>

#include "adapters/store/postgres/testing/test_server.h"
#include "ports/contract/run_task.h"

namespace corral::adapters::store::postgres {
namespace {

using ports::contract::run_task;
using testing::shared_server;
using testing::TestDatabase;
using testing::TestServer;

class Opening : public ::testing::Test {
 protected:
  void SetUp() override {
    if (shared_server() == nullptr)
      GTEST_SKIP() << "no PostgreSQL server here: install the package postgresql";
    database_ = std::make_unique<TestDatabase>(*shared_server());
  }
  static Result<std::unique_ptr<ports::Store>> open(std::string url) {
    return open_postgres_store(Secret(std::move(url)), {.patience = Duration{300}});
  }
  std::string loopback(const std::string& password, const std::string& parameters = "") const {
    return shared_server()->loopback_url(database_->name(), password, parameters);
  }
  // Refused with this code, and without the secret in any message.
  static std::string refusal(const Result<std::unique_ptr<ports::Store>>& opened, ErrorCode code) {
    EXPECT_FALSE(opened.has_value());
    if (opened) return "";
    EXPECT_EQ(opened.error().code, code) << opened.error().describe();
    EXPECT_EQ(opened.error().describe().find("leak"), std::string::npos)
        << opened.error().describe();
    return opened.error().describe();
  }

  std::unique_ptr<TestDatabase> database_;
};

TEST(PostgresUrl, WhatCannotBeReadIsInvalidAndNotRepeated) {
  for (const char* url : {"", "corral.db", "mysql://u:leak@h/d", "postgres://u:le%ak@h:1/d",
                          "postgres://u:leak@h/d?leak=1", "postgres://u:leak@[::1/d"}) {
    const auto opened = open_postgres_store(Secret(url));
    ASSERT_FALSE(opened) << url;
    EXPECT_EQ(opened.error().code, ErrorCode::invalid) << url;
    EXPECT_NE(opened.error().message.find("postgres://"), std::string::npos);
    EXPECT_EQ(opened.error().message.find("leak"), std::string::npos);
    EXPECT_EQ(opened.error().message.find("le%ak"), std::string::npos);
  }
}

TEST_F(Opening, AWrongPasswordIsToldAsSuch) {
  ::testing::internal::CaptureStderr();
  const auto message = refusal(open(loopback("wrong-leak")), ErrorCode::unauthenticated);
  EXPECT_NE(message.find("password authentication failed for user \"corral\""), std::string::npos)
      << message;
  EXPECT_EQ(::testing::internal::GetCapturedStderr().find("leak"), std::string::npos);
  EXPECT_TRUE(open(loopback(TestServer::encoded_password())));
}

TEST_F(Opening, AnUnknownDatabaseIsNotFound) {
  const auto message =
      refusal(open(shared_server()->loopback_url("elsewhere", TestServer::encoded_password())),
              ErrorCode::not_found);
  EXPECT_NE(message.find("\"elsewhere\" does not exist"), std::string::npos) << message;
}

TEST_F(Opening, AServerThatIsNotThereIsUnavailable) {
  auto message = refusal(open("postgres://u:leak@127.0.0.1:1/d"), ErrorCode::unavailable);
  EXPECT_NE(message.find("127.0.0.1:1"), std::string::npos) << message;
  EXPECT_NE(message.find("Connection refused"), std::string::npos) << message;
  message = refusal(open("postgres://u:leak@%2Fnowhere/d"), ErrorCode::unavailable);
  EXPECT_NE(message.find("No such file or directory"), std::string::npos) << message;
  message = refusal(open("postgres://u:leak@no-such-host.invalid/d"), ErrorCode::unavailable);
  EXPECT_NE(message.find("no-such-host.invalid"), std::string::npos) << message;
}

TEST_F(Opening, TlsIsAsTheUrlAsks) {
  EXPECT_TRUE(open(loopback(TestServer::encoded_password(), "?sslmode=require")));
  const auto certificate = shared_server()->certificate().string();
  EXPECT_TRUE(open(
      loopback(TestServer::encoded_password(), "?sslmode=verify-full&sslrootcert=" + certificate)));
  // A certificate that nobody vouches for.
  const auto message = refusal(open(loopback(TestServer::encoded_password(),
                                             "?sslmode=verify-full&sslrootcert=/nowhere/leaf.crt")),
                               ErrorCode::unavailable);
  EXPECT_NE(message.find("/nowhere/leaf.crt"), std::string::npos) << message;
}

TEST_F(Opening, ARoleThatMayNotMakeTablesIsForbidden) {
  database_->server().execute(database_->name(), "CREATE ROLE " + database_->name() + " LOGIN");
  std::string url = database_->url();
  url.replace(url.find("corral@"), 6, database_->name());
  refusal(open(url), ErrorCode::forbidden);
  database_->server().execute(database_->name(), "DROP ROLE " + database_->name());
}

TEST_F(Opening, ADatabaseOfANewerCorralIsUnsupported) {
  ASSERT_TRUE(open(database_->url()));
  database_->server().execute(database_->name(),
                              "INSERT INTO corral.schema_steps(step) VALUES (1000)");
  const auto message = refusal(open(database_->url()), ErrorCode::unsupported);
  EXPECT_NE(message.find("schema version 1000"), std::string::npos) << message;
}

TEST_F(Opening, ADatabaseInAnotherEncodingIsUnsupported) {
  const std::string name = database_->name() + "_latin";
  database_->server().execute(
      "postgres", "CREATE DATABASE " + name + " ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
  refusal(open(database_->server().url(name)), ErrorCode::unsupported);
  database_->server().drop_database(name);
}

TEST_F(Opening, ServersThatStartTogetherOnAnEmptyDatabaseAllWork) {
  for (int round = 0; round < 3; ++round) {
    const TestDatabase fresh(*shared_server());
    std::array<Result<std::unique_ptr<ports::Store>>, 4> opened;
    {
      std::vector<std::jthread> threads;
      for (auto& slot : opened)
        threads.emplace_back([&fresh, &slot] { slot = open_postgres_store(Secret(fresh.url())); });
    }
    std::uint64_t position = 0;
    for (auto& store : opened) {
      ASSERT_TRUE(store) << store.error().describe();
      ports::Transaction transaction;
      transaction.changes.emplace_back(ports::Append{
          .stream = "s", .expected_version = position, .events = {{"x", nullptr, {}}}});
      EXPECT_EQ(run_task((*store)->commit(std::move(transaction))).value(), ++position);
    }
  }
}

TEST_F(Opening, FewConnectionsServeManyCallers) {
  PostgresStoreOptions options;
  options.readers = 1;
  const auto store = database_->open(options);
  std::vector<Task<Result<std::optional<ports::Document>>>> reads;
  for (int i = 0; i < 200; ++i) reads.push_back(store->get("run", fmt::format("{}", i)));
  for (const auto& read : ports::contract::run_together(std::move(reads)))
    EXPECT_TRUE(read.has_value());
}

}  // namespace
}  // namespace corral::adapters::store::postgres
