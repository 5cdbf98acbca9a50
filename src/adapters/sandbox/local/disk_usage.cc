#include "adapters/sandbox/local/disk_usage.h"

#include <cerrno>
#include <cstring>
#include <memory>
#include <set>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/files.h"
#include "base/freed.h"

namespace corral::adapters::sandbox {
namespace {

using Folder = std::unique_ptr<DIR, Freed<::closedir>>;

bool is_dots(const char* name) {
  return std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0;
}

// Opens a folder inside `parent`, giving its owner (us, when not root) the right to read it.
Folder open_folder(int parent, const char* name, const struct stat& info) {
  int fd = ::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0 && errno == EACCES) {
    const Fd path(::openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (path && ::chmod(fmt::format("/proc/self/fd/{}", path.get()).c_str(),
                        (info.st_mode & 07777) | 0700) == 0)
      fd = ::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  }
  if (fd < 0) return nullptr;
  DIR* folder = ::fdopendir(fd);
  if (folder == nullptr) ::close(fd);
  return Folder(folder);
}

// What one name adds. A file with several names adds its share at each, so that all together add it
// once.
void add(DiskUsage& usage, const struct stat& info) {
  const auto names = S_ISDIR(info.st_mode) || info.st_nlink == 0 ? 1 : info.st_nlink;
  usage.bytes += static_cast<std::uint64_t>(info.st_blocks) * 512 / names;
  usage.files += 1;
}

// What the processes of a workspace hold in files without a name.
class Unlinked {
 public:
  explicit Unlinked(dev_t device) : device_(device) {}

  void look_at_descriptors(pid_t pid) {
    const Folder held(::opendir(fmt::format("/proc/{}/fd", pid).c_str()));
    while (const auto* entry = held ? ::readdir(held.get()) : nullptr)
      if (!is_dots(entry->d_name)) look_at(::dirfd(held.get()), entry->d_name);
  }

  // A line of "maps": "00400000-00452000 r-xp 00000000 08:02 173521   /path (deleted)". Any other
  // path may end in the same, so the file itself is asked; the kernel writes a line end in a path
  // as \012.
  void look_at_mappings(pid_t pid) {
    const auto text = read_file(fmt::format("/proc/{}/maps", pid), kMostMappingBytes);
    if (!text) return;
    std::string_view rest = *text;
    while (!rest.empty()) {
      const auto line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(line.size() + 1, rest.size()));
      if (!line.ends_with(" (deleted)")) continue;
      const auto dash = line.find('-'), end = line.find(' ');
      if (dash == line.npos || end == line.npos || dash > end) continue;
      const auto name =
          fmt::format("/proc/{}/map_files/{}-{}", pid, without_zeros(line.substr(0, dash)),
                      without_zeros(line.substr(dash + 1, end - dash - 1)));
      look_at(AT_FDCWD, name.c_str());
    }
  }

  const DiskUsage& usage() const { return usage_; }

 private:
  static constexpr std::size_t kMostMappingBytes = 64u << 20;

  static std::string_view without_zeros(std::string_view number) {
    while (number.size() > 1 && number.front() == '0') number.remove_prefix(1);
    return number;
  }

  void look_at(int folder, const char* name) {
    struct stat info{};
    if (::fstatat(folder, name, &info, 0) != 0 || info.st_nlink != 0 || info.st_dev != device_ ||
        !S_ISREG(info.st_mode) || !seen_.insert(info.st_ino).second)
      return;
    add(usage_, info);
  }

  const dev_t device_;
  DiskUsage usage_;
  std::set<ino_t> seen_;
};

struct Level {
  Folder folder;
  std::optional<mode_t> restore;  // what the owner had, when it was changed to look inside
};

class Remover {
 public:
  Remover(int top, std::uint64_t& moved) : top_(top), moved_(moved) {}

  Result<void> empty(DIR* folder, int depth) {
    const int fd = ::dirfd(folder);
    for (;;) {
      errno = 0;
      const auto* entry = ::readdir(folder);
      if (entry == nullptr) break;
      if (is_dots(entry->d_name)) continue;
      if (::unlinkat(fd, entry->d_name, 0) == 0 || errno == ENOENT) continue;
      if (errno != EISDIR && errno != EPERM)
        return std::unexpected(errno_error(errno, "cannot remove a file of a workspace"));
      CORRAL_CHECK(remove_folder(fd, entry->d_name, depth));
    }
    return {};
  }

 private:
  static constexpr int kMaxDepth = 32;

  Result<void> remove_folder(int parent, const char* name, int depth) {
    if (::unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT) return {};
    // Too deep: hang it below the top, where its turn comes. So neither stack nor descriptors grow
    // with the tree.
    if (depth >= kMaxDepth) {
      const auto moved = fmt::format(".corral-removed-{}", ++moved_);
      if (::renameat(parent, name, top_, moved.c_str()) != 0)
        return std::unexpected(errno_error(errno, "cannot move a folder of a workspace"));
      return {};
    }
    struct stat info{};
    if (::fstatat(parent, name, &info, AT_SYMLINK_NOFOLLOW) != 0)
      return std::unexpected(errno_error(errno, "cannot look at a folder of a workspace"));
    auto folder = open_folder(parent, name, info);
    if (!folder) return std::unexpected(errno_error(errno, "cannot open a folder of a workspace"));
    if ((info.st_mode & 0700) != 0700) ::fchmod(::dirfd(folder.get()), 0700);
    CORRAL_CHECK(empty(folder.get(), depth + 1));
    folder.reset();
    if (::unlinkat(parent, name, AT_REMOVEDIR) != 0 && errno != ENOENT && errno != ENOTEMPTY)
      return std::unexpected(errno_error(errno, "cannot remove a folder of a workspace"));
    return {};
  }

  int top_;
  std::uint64_t& moved_;  // over all rounds: a name is never taken twice
};

}  // namespace

Result<DiskUsage> measure_tree(const std::filesystem::path& folder, std::uint64_t max_bytes,
                               std::uint64_t max_files) {
  DiskUsage usage;
  struct stat top{};
  if (::lstat(folder.c_str(), &top) != 0)
    return std::unexpected(errno_error(errno, "cannot look at " + folder.string()));
  std::vector<Level> levels;
  levels.push_back({open_folder(AT_FDCWD, folder.c_str(), top), std::nullopt});
  if (!levels.back().folder)
    return std::unexpected(errno_error(errno, "cannot open " + folder.string()));
  add(usage, top);
  while (!levels.empty() && usage.bytes <= max_bytes && usage.files <= max_files) {
    auto* current = levels.back().folder.get();
    const auto* entry = ::readdir(current);
    if (entry == nullptr) {
      if (levels.back().restore) ::fchmod(::dirfd(current), *levels.back().restore);
      levels.pop_back();
      continue;
    }
    struct stat info{};
    // What vanished meanwhile counts for nothing.
    if (is_dots(entry->d_name) ||
        ::fstatat(::dirfd(current), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0)
      continue;
    add(usage, info);
    if (!S_ISDIR(info.st_mode) || info.st_dev != top.st_dev) continue;
    if (levels.size() >= kMaxFolderDepth)
      return fail(ErrorCode::exhausted, "folders are nested deeper than {}", kMaxFolderDepth);
    if (auto next = open_folder(::dirfd(current), entry->d_name, info)) {
      struct stat now{};
      const bool changed = ::fstat(::dirfd(next.get()), &now) == 0 && now.st_mode != info.st_mode;
      levels.push_back(
          {std::move(next), changed ? std::optional(info.st_mode & 07777) : std::nullopt});
    }
  }
  return usage;
}

DiskUsage measure_unlinked(const std::vector<pid_t>& processes,
                           const std::filesystem::path& folder) {
  struct stat place{};
  if (::lstat(folder.c_str(), &place) != 0) return {};
  Unlinked unlinked(place.st_dev);
  for (const auto pid : processes) {
    unlinked.look_at_descriptors(pid);
    unlinked.look_at_mappings(pid);
  }
  return unlinked.usage();
}

Result<void> remove_hostile_tree(const std::filesystem::path& path) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) {
    if (errno == ENOENT) return {};
    return std::unexpected(errno_error(errno, "cannot look at " + path.string()));
  }
  for (std::uint64_t moved = 0;;) {
    auto folder = open_folder(AT_FDCWD, path.c_str(), info);
    if (!folder) return std::unexpected(errno_error(errno, "cannot open " + path.string()));
    Remover remover(::dirfd(folder.get()), moved);
    CORRAL_CHECK(remover.empty(folder.get(), 0));
    // What was moved up, or missed by reading while removing, is taken in another round.
    if (::unlinkat(AT_FDCWD, path.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return {};
    if (errno != ENOTEMPTY)
      return std::unexpected(errno_error(errno, "cannot remove " + path.string()));
  }
}

}  // namespace corral::adapters::sandbox
