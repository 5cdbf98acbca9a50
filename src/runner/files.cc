#include "runner/files.h"

#include <cerrno>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/files.h"

namespace corral::runner {
namespace {

Result<Fd> open_below(int folder, const std::string& path, std::uint64_t flags, unsigned mode,
                      const std::string& shown) {
  open_how how{};
  how.flags = flags | O_CLOEXEC;
  if ((flags & O_PATH) == 0)
    how.flags |= O_NOCTTY | O_NONBLOCK;  // a FIFO or a device must not hold up the runner
  how.mode = mode;
  // The kernel walks the path and refuses to leave the folder, whatever the workspace renames or
  // links meanwhile.
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  for (int attempt = 0;; ++attempt) {
    const auto fd =
        static_cast<int>(::syscall(SYS_openat2, folder, path.c_str(), &how, sizeof how));
    if (fd >= 0) return Fd(fd);
    if (errno == EXDEV || errno == ELOOP)
      return fail(ErrorCode::forbidden, "{} leads out of its folder", shown);
    if (errno == ENXIO) return fail(ErrorCode::forbidden, "{} is not a regular file", shown);
    // EAGAIN: a rename happened on the way and the kernel cannot be sure.
    if ((errno != EINTR && errno != EAGAIN) || attempt > 100)
      return std::unexpected(errno_error(errno, "cannot open " + shown));
  }
}

std::string shown_as(const std::string& root, const std::string& path) { return root + "/" + path; }

// The folder that `path` is in, made as needed.
Result<Fd> open_parent(Fd folder, std::string_view path, const std::string& shown) {
  const auto whole =
      std::string(path.substr(0, path.rfind('/') == std::string_view::npos ? 0 : path.rfind('/')));
  if (whole.empty()) return folder;
  auto there = open_below(folder.get(), whole, O_PATH | O_DIRECTORY, 0, shown);
  if (there || there.error().code != ErrorCode::not_found) return there;
  for (auto slash = path.find('/'); slash != std::string_view::npos; slash = path.find('/')) {
    const auto name = std::string(path.substr(0, slash));
    path.remove_prefix(slash + 1);
    if (name.empty() || name == ".") continue;
    if (name == "..") return fail(ErrorCode::forbidden, "{} leads out of its folder", shown);
    if (::mkdirat(folder.get(), name.c_str(), 0777) != 0 && errno != EEXIST)
      return std::unexpected(errno_error(errno, "cannot make the folder of " + shown));
    CORRAL_TRY(folder, open_below(folder.get(), name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, shown));
  }
  return folder;
}

}  // namespace

Result<Fd> open_folder(const std::string& path) {
  open_how how{};
  how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_NO_MAGICLINKS;
  Fd folder(static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof how)));
  if (folder) return folder;
  if (errno == ENOTDIR) return fail(ErrorCode::invalid, "{} is not a folder", path);
  if (errno == ELOOP)
    return fail(ErrorCode::forbidden, "{} is a loop of links, or leads through a link of /proc",
                path);
  return std::unexpected(errno_error(errno, "cannot open folder " + path));
}

Result<std::string> read_file_below(const std::string& root, const std::string& path,
                                    std::size_t max_bytes) {
  const auto shown = shown_as(root, path);
  CORRAL_TRY(const Fd folder, open_folder(root));
  CORRAL_TRY(const Fd file, open_below(folder.get(), path, O_RDONLY, 0, shown));
  struct stat info{};
  if (::fstat(file.get(), &info) != 0)
    return std::unexpected(errno_error(errno, "cannot read " + shown));
  if (!S_ISREG(info.st_mode)) return fail(ErrorCode::forbidden, "{} is not a regular file", shown);
  if (static_cast<std::uint64_t>(info.st_size) > max_bytes)
    return fail(ErrorCode::exhausted, "{} has {} bytes; at most {} are read", shown, info.st_size,
                max_bytes);
  std::string content(static_cast<std::size_t>(info.st_size), '\0');
  std::size_t have = 0;
  while (have < content.size()) {
    const auto got =
        ::pread(file.get(), content.data() + have, content.size() - have, static_cast<off_t>(have));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(errno_error(errno, "cannot read " + shown));
    if (got == 0) break;  // it was cut meanwhile
    have += static_cast<std::size_t>(got);
  }
  content.resize(have);
  return content;
}

Result<void> write_file_below(const std::string& root, const std::string& path,
                              std::string_view bytes, unsigned mode) {
  const auto shown = shown_as(root, path);
  const auto name = path.substr(path.rfind('/') + 1);
  if (name.empty() || name == "." || name == "..")
    return fail(ErrorCode::invalid, "{} is not the name of a file", shown);
  CORRAL_TRY(Fd folder, open_folder(root));
  CORRAL_TRY(folder, open_parent(std::move(folder), path, shown));
  struct stat info{};
  if (::fstatat(folder.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
      !S_ISREG(info.st_mode) && !S_ISLNK(info.st_mode))
    return fail(ErrorCode::forbidden, "{} is there and is not a regular file", shown);
  const auto temporary = fmt::format(".corral-{}-{:.40}", ::getpid(), name);
  ::unlinkat(folder.get(), temporary.c_str(), 0);
  CORRAL_TRY(const Fd file, open_below(folder.get(), temporary,
                                       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600, shown));
  auto written = write_all(file.get(), bytes);
  if (written && (::fchmod(file.get(), mode & 0777) != 0 ||
                  ::renameat(folder.get(), temporary.c_str(), folder.get(), name.c_str()) != 0))
    written = std::unexpected(errno_error(errno, "cannot write " + shown));
  if (!written) ::unlinkat(folder.get(), temporary.c_str(), 0);
  return written;
}

}  // namespace corral::runner
