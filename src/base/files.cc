#include "base/files.h"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace corral {

void Fd::reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

Result<std::string> read_file(const std::filesystem::path& path, std::size_t max_bytes) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!fd) return std::unexpected(errno_error(errno, "cannot open " + path.string()));
  std::string content;
  char buffer[64 * 1024];
  for (;;) {
    const auto got = ::read(fd.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(errno_error(errno, "cannot read " + path.string()));
    if (got == 0) return content;
    if (content.size() + static_cast<std::size_t>(got) > max_bytes)
      return fail(ErrorCode::exhausted, "{} is larger than {} bytes", path.string(), max_bytes);
    content.append(buffer, static_cast<std::size_t>(got));
  }
}

Result<void> write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return std::unexpected(errno_error(errno, "cannot write"));
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<void> write_file_atomically(const std::filesystem::path& path, std::string_view content,
                                   unsigned mode) {
  std::string temporary = path.string() + ".XXXXXX";
  Fd fd(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd)
    return std::unexpected(errno_error(errno, "cannot create a file beside " + path.string()));
  auto written = write_all(fd.get(), content);
  if (written && (::fchmod(fd.get(), mode) != 0 || ::fsync(fd.get()) != 0 ||
                  ::rename(temporary.c_str(), path.c_str()) != 0))
    written = std::unexpected(errno_error(errno, "cannot write " + path.string()));
  if (!written) {
    ::unlink(temporary.c_str());
    return written;
  }
  return sync_folder(path.has_parent_path() ? path.parent_path() : ".");
}

Result<void> sync_folder(const std::filesystem::path& folder) {
  const Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0)
    return std::unexpected(errno_error(errno, "cannot sync folder " + folder.string()));
  return {};
}

Result<void> make_directories(const std::filesystem::path& path, unsigned mode) {
  if (path.empty()) return {};
  if (::mkdir(path.c_str(), mode) == 0) return {};
  if (errno == ENOENT && path.has_parent_path() && path.parent_path() != path) {
    CORRAL_CHECK(make_directories(path.parent_path(), mode));
    if (::mkdir(path.c_str(), mode) == 0) return {};
  }
  const int problem = errno;
  struct stat info{};
  if (problem == EEXIST && ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) return {};
  return std::unexpected(errno_error(problem, "cannot create folder " + path.string()));
}

Result<void> remove_tree(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  if (error) return std::unexpected(errno_error(error.value(), "cannot remove " + path.string()));
  return {};
}

}  // namespace corral
