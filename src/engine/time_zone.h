// The rules of time zones, from the system's tz database (IANA).
#pragma once

#include <memory>
#include <string>

#include "base/error.h"
#include "domain/cron.h"

namespace corral::engine {

// By IANA name ("Europe/Berlin", "UTC"). `invalid` for one that the system does not know.
Result<std::unique_ptr<domain::Zone>> find_zone(const std::string& name);

}  // namespace corral::engine
