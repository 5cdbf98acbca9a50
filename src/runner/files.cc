#include "runner/files.h"

#include <algorithm>
#include <cerrno>
#include <memory>

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/files.h"
#include "base/utf8.h"

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

std::string shown_as(const std::string& root, const std::string& path) {
  return path.empty() ? root : root + "/" + path;
}

std::string_view type_of(const struct stat& info) {
  if (S_ISREG(info.st_mode)) return "file";
  if (S_ISDIR(info.st_mode)) return "folder";
  return S_ISLNK(info.st_mode) ? "link" : "other";
}

// Whatever a program has set it to, a time that RFC 3339 can say.
std::int64_t milliseconds(const timespec& time) {
  constexpr std::int64_t kEndOf9999 = 253'402'300'799;
  return std::clamp<std::int64_t>(time.tv_sec, 0, kEndOf9999) * 1000 + time.tv_nsec / 1'000'000;
}

// One entry of list_folder; nothing for what has gone meanwhile.
std::optional<json::object> describe(int folder, const char* name) {
  struct stat info{};
  if (::fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) != 0) return std::nullopt;
  json::object entry{
      {"name", name}, {"type", type_of(info)}, {"modified_ms", milliseconds(info.st_mtim)}};
  if (S_ISREG(info.st_mode)) entry["size_bytes"] = info.st_size;
  if (S_ISLNK(info.st_mode)) {
    char target[4096];
    const auto size = ::readlinkat(folder, name, target, sizeof target);
    if (size < 0) return std::nullopt;
    entry["target"] = to_valid_utf8({target, static_cast<std::size_t>(size)});
  }
  return entry;
}

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
                              std::string_view bytes, std::optional<unsigned> mode) {
  const auto shown = shown_as(root, path);
  const auto name = path.substr(path.rfind('/') + 1);
  if (name.empty() || name == "." || name == "..")
    return fail(ErrorCode::invalid, "{} is not the name of a file", shown);
  CORRAL_TRY(Fd folder, open_folder(root));
  CORRAL_TRY(folder, open_parent(std::move(folder), path, shown));
  struct stat info{};
  const bool there = ::fstatat(folder.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0;
  if (there && !S_ISREG(info.st_mode) && !S_ISLNK(info.st_mode))
    return fail(ErrorCode::forbidden, "{} is there and is not a regular file", shown);
  if (!mode) mode = there && S_ISREG(info.st_mode) ? info.st_mode : 0644;
  const auto temporary = fmt::format(".corral-{}-{:.40}", ::getpid(), name);
  ::unlinkat(folder.get(), temporary.c_str(), 0);
  CORRAL_TRY(const Fd file, open_below(folder.get(), temporary,
                                       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600, shown));
  auto written = write_all(file.get(), bytes);
  if (written && (::fchmod(file.get(), *mode & 0777) != 0 ||
                  ::renameat(folder.get(), temporary.c_str(), folder.get(), name.c_str()) != 0))
    written = std::unexpected(errno_error(errno, "cannot write " + shown));
  if (!written) ::unlinkat(folder.get(), temporary.c_str(), 0);
  return written;
}

Result<json::object> list_folder_below(const std::string& root, const std::string& path,
                                       std::size_t max_entries, std::size_t max_bytes) {
  const auto shown = shown_as(root, path);
  CORRAL_TRY(const Fd above, open_folder(root));
  CORRAL_TRY(Fd folder, open_below(above.get(), path.empty() ? "." : path, O_RDONLY, 0, shown));
  struct stat info{};
  if (::fstat(folder.get(), &info) != 0)
    return std::unexpected(errno_error(errno, "cannot list " + shown));
  if (!S_ISDIR(info.st_mode)) return fail(ErrorCode::invalid, "{} is not a folder", shown);
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(folder.get()), ::closedir);
  if (!stream) return std::unexpected(errno_error(errno, "cannot list " + shown));
  const int open = folder.release();  // the stream's

  json::array entries;
  std::size_t looked_at = 0, bytes = 0, left_out = 0;
  bool truncated = false;
  for (;;) {
    errno = 0;
    const dirent* next = ::readdir(stream.get());
    if (next == nullptr && errno != 0)
      return std::unexpected(errno_error(errno, "cannot list " + shown));
    if (next == nullptr) break;
    const std::string_view name(next->d_name);
    if (name == "." || name == "..") continue;
    if (looked_at++ == max_entries) {
      truncated = true;
      break;
    }
    if (!is_utf8(name)) {
      ++left_out;  // JSON cannot name it
      continue;
    }
    auto entry = describe(open, next->d_name);
    if (!entry) continue;
    bytes += json::serialize(*entry).size() + 1;
    if (bytes > max_bytes) {
      truncated = true;
      break;
    }
    entries.push_back(*std::move(entry));
  }
  return json::object{
      {"entries", std::move(entries)}, {"truncated", truncated}, {"left_out", left_out}};
}

}  // namespace corral::runner
