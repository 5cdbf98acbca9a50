// A folder of a test's own.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string_view>

#include "base/files.h"

namespace corral {

// Empty at first, and gone with this, with whatever is in it by then.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    auto name = (std::filesystem::temp_directory_path() / "corral-test-XXXXXX").string();
    CORRAL_ASSERT(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~TemporaryFolder() { (void)remove_tree(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace corral
