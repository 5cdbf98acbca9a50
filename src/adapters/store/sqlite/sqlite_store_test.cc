#include "adapters/store/sqlite/sqlite_store.h"

#include <cstdlib>

#include "base/files.h"
#include "ports/contract/store_contract.h"
#include "ports/contract/store_model_check.h"

namespace corral::ports::contract {
namespace {

struct Folder {
  std::filesystem::path path;
  ~Folder() { (void)remove_tree(path); }
};

std::shared_ptr<Folder> make_folder() {
  std::string name = (std::filesystem::temp_directory_path() / "corral-store-XXXXXX").string();
  return std::make_shared<Folder>(::mkdtemp(name.data()));
}

StoreUnderTest make_store() {
  const auto folder = make_folder();
  // The store goes first, the folder it lives in after it.
  const auto open = [folder] {
    auto* store = adapters::store::open_sqlite_store(folder->path / "corral.db").value().release();
    return std::shared_ptr<Store>(store, [folder](Store* opened) { delete opened; });
  };
  return {open(), open};
}

}  // namespace

INSTANTIATE_TEST_SUITE_P(Sqlite, StoreContract, testing::Values(StoreFactory{"sqlite", make_store}),
                         factory_name);

class SqliteStoreModel : public testing::TestWithParam<std::uint64_t> {};

TEST_P(SqliteStoreModel, AnswersAsTheModelDoes) {
  const auto folder = make_folder();
  fakes::FakeClock clock;
  const auto store =
      adapters::store::open_sqlite_store(folder->path / "corral.db", {.clock = &clock}).value();
  StoreModelCheck(*store, clock, GetParam()).run(800);
}
INSTANTIATE_TEST_SUITE_P(Seeds, SqliteStoreModel, testing::Values(1, 2, 3));

}  // namespace corral::ports::contract
