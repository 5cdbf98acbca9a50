// The /etc of every workspace: one folder, made once, so that a sandbox has one mount for it
// instead of forty.
#pragma once

#include <filesystem>
#include <string>

#include "base/error.h"

namespace corral::adapters::sandbox {

// A folder below `parent` with what programs under /usr need of /etc: copies of the host's public
// files, and users, hosts and the like of the sandbox's own. Its name depends on its content:
// living workspaces keep the one they began with. Whatever not everybody may read on the host is
// left out. Blocking, tens of milliseconds the first time.
Result<std::string> make_etc_folder(const std::filesystem::path& parent);

}  // namespace corral::adapters::sandbox
