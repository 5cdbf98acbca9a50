// The folder of all logs, looked through as a whole. Blocking: runs on the pool.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "session/file_log.h"

namespace corral::session {

// A log that has something to compress.
struct Uncompressed {
  std::string name;
  FileLog::Last last = FileLog::Last::leave;
};
// Nobody has written for `idle` to logs whose last segment is to be compressed, or they are closed.
Result<std::vector<Uncompressed>> find_uncompressed(const std::filesystem::path& folder,
                                                    Duration idle);

Result<std::vector<LogStore::Kept>> list_logs(const std::filesystem::path& folder);

// ---- removed logs: a file "removed" in their folder says why ----

// `not_found`, with what that file says, when `path` or a folder between it and `folder` has one.
Result<void> check_kept(const std::filesystem::path& folder, const std::filesystem::path& path);
// Removes what is in `path`, once the file is there; one that is there already stays as it is.
Result<void> expire_logs(const std::filesystem::path& path, std::string_view why);
// Lets a log be made at `path` again: what is left of a folder that was removed goes.
Result<void> forget_removal(const std::filesystem::path& folder, const std::filesystem::path& path);

}  // namespace corral::session
