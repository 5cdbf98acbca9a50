#include "main/open_store.h"

#include "adapters/store/postgres/postgres_store.h"
#include "adapters/store/sqlite/sqlite_store.h"

namespace corral {

Result<std::unique_ptr<ports::Store>> open_store(const Settings& settings) {
  if (settings.store_url.empty())
    return adapters::store::open_sqlite_store(settings.data / "corral.db", {});
  return adapters::store::open_postgres_store(settings.store_url.clone(),
                                              {.readers = settings.store_readers});
}

}  // namespace corral
