#include "adapters/sandbox/local/launch/replace_file.h"

#include <cerrno>
#include <cstdio>

#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/files.h"

namespace corral::adapters::sandbox {

Result<void> replace_file(const std::string& path, std::string_view content) {
  const auto temporary = path + ".new";
  const Fd fd(
      ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return std::unexpected(errno_error(errno, "cannot create " + temporary));
  CORRAL_CHECK(write_all(fd.get(), content));
  if (::rename(temporary.c_str(), path.c_str()) != 0)
    return std::unexpected(errno_error(errno, "cannot replace " + path));
  return {};
}

}  // namespace corral::adapters::sandbox
