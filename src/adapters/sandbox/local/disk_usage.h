// Looking at, and removing, folders whose content a malicious program chose. No link is followed,
// no file is opened, no descriptor count or stack depends on what lies there.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include <sys/types.h>

#include "base/error.h"

namespace corral::adapters::sandbox {

struct DiskUsage {
  std::uint64_t bytes = 0;  // on disk, not apparent size
  std::uint64_t files = 0;  // and folders
};

// Nested deeper than this, a folder cannot be measured and counts as past every limit.
constexpr int kMaxFolderDepth = 200;

// Adds up a tree, without leaving its file system. Stops early with what it has once that is past a
// limit: `exhausted` only for nesting past kMaxFolderDepth. Blocking; at most kMaxFolderDepth
// descriptors. A folder that its owner made unreadable is opened up for the moment.
Result<DiskUsage> measure_tree(const std::filesystem::path& folder, std::uint64_t max_bytes,
                               std::uint64_t max_files);

// What these processes hold on the file system of `folder` in files that have no name any more, by
// descriptors and (as root) by mappings: each counted once. Blocking. A process's mappings are read
// as one text, for there are many: only those whose file the kernel calls deleted are looked at.
DiskUsage measure_unlinked(const std::vector<pid_t>& processes,
                           const std::filesystem::path& folder);

// Removes a tree whatever its depth and permissions. Absent is fine. Blocking.
Result<void> remove_hostile_tree(const std::filesystem::path& folder);

}  // namespace corral::adapters::sandbox
