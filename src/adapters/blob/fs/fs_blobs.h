// Blobs as files: <folder>/ab/cdef… by the hash of the content.
#pragma once

#include <filesystem>
#include <memory>

#include "base/blocking.h"
#include "ports/blob.h"

namespace corral::adapters::blob {

// `pool` does the file work and outlives the result. Thread-safe; the folder is made at the first
// put.
std::unique_ptr<ports::Blobs> make_fs_blobs(std::filesystem::path folder, BlockingPool& pool);

}  // namespace corral::adapters::blob
