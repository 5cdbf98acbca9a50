#include "adapters/store/sqlite/sqlite_store.h"

#include "base/files.h"
#include "base/testing/temporary_folder.h"
#include "ports/contract/store_contract.h"
#include "ports/contract/store_model_check.h"

namespace corral::ports::contract {
namespace {

StoreUnderTest make_store() {
  const auto folder = std::make_shared<TemporaryFolder>();
  // The store goes first, the folder it lives in after it.
  const auto open = [folder] {
    auto* store = adapters::store::open_sqlite_store(*folder / "corral.db").value().release();
    return std::shared_ptr<Store>(store, [folder](Store* opened) { delete opened; });
  };
  return {open(), open};
}

}  // namespace

INSTANTIATE_TEST_SUITE_P(Sqlite, StoreContract, testing::Values(StoreFactory{"sqlite", make_store}),
                         factory_name);

class SqliteStoreModel : public testing::TestWithParam<std::uint64_t> {};

TEST_P(SqliteStoreModel, AnswersAsTheModelDoes) {
  const auto folder = std::make_shared<TemporaryFolder>();
  fakes::FakeClock clock;
  const auto store =
      adapters::store::open_sqlite_store(*folder / "corral.db", {.clock = &clock}).value();
  StoreModelCheck(*store, clock, GetParam()).run(800);
}
INSTANTIATE_TEST_SUITE_P(Seeds, SqliteStoreModel, testing::Values(1, 2, 3));

}  // namespace corral::ports::contract
