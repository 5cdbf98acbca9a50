// Looking at, and removing, folders whose content a malicious program chose. No link is followed, no file is opened, no
// descriptor count or stack depends on what lies there.
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/error.h"

namespace corral::adapters::sandbox {

struct DiskUsage {
  std::uint64_t bytes = 0;  // on disk, not apparent size
  std::uint64_t files = 0;  // and folders
};

// Nested deeper than this, a folder cannot be measured and counts as past every limit.
constexpr int kMaxFolderDepth = 200;

// Adds up a tree, without leaving its file system. Stops early with what it has once that is past a limit: `exhausted`
// only for nesting past kMaxFolderDepth. Blocking; at most kMaxFolderDepth descriptors. A folder that its owner made
// unreadable is opened up for the moment.
Result<DiskUsage> measure_tree(const std::filesystem::path& folder, std::uint64_t max_bytes, std::uint64_t max_files);

// Removes a tree whatever its depth and permissions. Absent is fine. Blocking.
Result<void> remove_hostile_tree(const std::filesystem::path& folder);

}  // namespace corral::adapters::sandbox
