#include "adapters/store/postgres/postgres_store.h"

#include "adapters/store/postgres/testing/test_server.h"
#include "ports/contract/store_contract.h"
#include "ports/contract/store_model_check.h"

namespace corral::ports::contract {
namespace {

using adapters::store::postgres::testing::shared_server;
using adapters::store::postgres::testing::TestDatabase;

// The store first, the database it lives in after it.
struct StoreInDatabase {
  std::shared_ptr<TestDatabase> database;
  std::unique_ptr<Store> store = database->open();
};

std::shared_ptr<Store> open_in(const std::shared_ptr<TestDatabase>& database) {
  auto made = std::make_shared<StoreInDatabase>(database);
  return {made, made->store.get()};
}

StoreUnderTest make_store() {
  auto database = std::make_shared<TestDatabase>(*shared_server());
  return {open_in(database), [database] { return open_in(database); }};
}

std::vector<StoreFactory> factories() {
  if (adapters::store::postgres::testing::TestServer::programs().empty()) return {};
  return {StoreFactory{"postgres", make_store}};
}

TEST(Postgres, IsInstalled) {
  if (shared_server() == nullptr)
    GTEST_SKIP() << "no PostgreSQL server here: install the package postgresql";
}

}  // namespace

INSTANTIATE_TEST_SUITE_P(Postgres, StoreContract, testing::ValuesIn(factories()), factory_name);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StoreContract);

class PostgresStoreModel : public testing::TestWithParam<std::uint64_t> {};

TEST_P(PostgresStoreModel, AnswersAsTheModelDoes) {
  if (shared_server() == nullptr)
    GTEST_SKIP() << "no PostgreSQL server here: install the package postgresql";
  const TestDatabase database(*shared_server());
  fakes::FakeClock clock;
  const auto store = database.open({.clock = &clock});
  StoreModelCheck(*store, clock, GetParam()).run(800);
}
INSTANTIATE_TEST_SUITE_P(Seeds, PostgresStoreModel, testing::Values(1, 2, 3));

}  // namespace corral::ports::contract
