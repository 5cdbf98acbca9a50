// Files that only processes of this boot of the machine read: replaced whole, so that no reader
// sees a part, and not synced, because after a power failure nothing that they describe exists any
// more.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace corral::adapters::sandbox {

Result<void> replace_file(const std::string& path, std::string_view content);  // mode 0600

}  // namespace corral::adapters::sandbox
