// Small blocking file helpers for Corral's own files (never for files of a workspace). Call them on
// a blocking pool when they may be large.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/fd.h"

namespace corral {

// The whole file; `exhausted` when it is larger than `max_bytes`.
Result<std::string> read_file(const std::filesystem::path& path,
                              std::size_t max_bytes = std::size_t{1} << 30);

// Writes beside it, syncs, renames over it: after a crash the old or the new content is there,
// never a mix. Durable when it returns.
Result<void> write_file_atomically(const std::filesystem::path& path, std::string_view content,
                                   unsigned mode = 0600);

// Makes names in a folder (new, renamed, removed) durable.
Result<void> sync_folder(const std::filesystem::path& folder);

Result<void> make_directories(const std::filesystem::path& path, unsigned mode = 0700);

// rm -rf that does not follow links. Absent is fine.
Result<void> remove_tree(const std::filesystem::path& path);

// write(2) until all is written.
Result<void> write_all(int fd, std::string_view bytes);

}  // namespace corral
