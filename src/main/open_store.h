// The store that the settings name.
#pragma once

#include <memory>

#include "main/settings.h"
#include "ports/store.h"

namespace corral {

// PostgreSQL, or SQLite in the data folder, which is there.
Result<std::unique_ptr<ports::Store>> open_store(const Settings& settings);

}  // namespace corral
