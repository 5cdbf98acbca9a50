#include "adapters/store/sqlite/sqlite_store.h"

#include <cstdlib>

#include "base/files.h"
#include "ports/contract/store_contract.h"

namespace corral::ports::contract {
namespace {

// The store first, the folder it lives in after it.
struct StoreInFolder {
  std::filesystem::path folder;
  std::unique_ptr<Store> store;
  ~StoreInFolder() {
    store.reset();
    (void)remove_tree(folder);
  }
};

std::shared_ptr<Store> make_store() {
  auto made = std::make_shared<StoreInFolder>();
  std::string name = (std::filesystem::temp_directory_path() / "corral-store-XXXXXX").string();
  made->folder = ::mkdtemp(name.data());
  made->store = adapters::store::open_sqlite_store(made->folder / "corral.db").value();
  return {made, made->store.get()};
}

}  // namespace

INSTANTIATE_TEST_SUITE_P(Sqlite, StoreContract, testing::Values(StoreFactory{"sqlite", make_store}), factory_name);

}  // namespace corral::ports::contract
