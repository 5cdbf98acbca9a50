#include "session/log_folder.h"

#include <algorithm>
#include <map>
#include <optional>

#include "base/files.h"

namespace corral::session {
namespace {

using Files = std::map<std::string, std::filesystem::directory_entry>;  // by name

bool worth_compressing(const std::filesystem::directory_entry& file) {
  std::error_code gone;
  const auto bytes = file.file_size(gone);
  return !gone && bytes >= kWorthCompressing;
}

bool is_idle(const std::filesystem::directory_entry& file, Duration idle) {
  std::error_code gone;
  const auto written = file.last_write_time(gone);
  return !gone && std::filesystem::file_time_type::clock::now() - written >= idle;
}

// Of one folder's files.
bool to_do(const Files& segments, bool closed, Duration idle, FileLog::Last& last) {
  bool any = false;
  for (const auto& [name, file] : segments) {
    if (file.path().extension() != ".seg" || !worth_compressing(file)) continue;
    if (name != segments.rbegin()->first) {
      any = true;
    } else if (closed || is_idle(file, idle)) {
      any = true;
      last = FileLog::Last::compress;
    }
  }
  return any;
}

constexpr const char* kRemoved = "removed";

// The folder with the file that says so, if there is one.
std::optional<std::filesystem::path> removed_folder(const std::filesystem::path& folder,
                                                    const std::filesystem::path& path) {
  std::error_code error;
  for (auto at = path; at != folder && at.has_relative_path(); at = at.parent_path())
    if (std::filesystem::is_regular_file(at / kRemoved, error)) return at;
  return std::nullopt;
}

// What the files below take on the disk, but for the one that says that the rest was removed.
std::uint64_t bytes_below(const std::filesystem::path& folder) {
  std::uint64_t bytes = 0;
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator at(folder, error), end; at != end;
       at.increment(error)) {
    std::error_code gone;
    if (at->is_regular_file(gone) && !(at.depth() == 0 && at->path().filename() == kRemoved))
      if (const auto size = at->file_size(gone); !gone) bytes += size;
    if (error) break;
  }
  return bytes;
}

}  // namespace

Result<std::vector<LogStore::Kept>> list_logs(const std::filesystem::path& folder) {
  std::vector<LogStore::Kept> found;
  std::error_code error;
  for (const auto& kind : std::filesystem::directory_iterator(folder, error)) {
    std::error_code gone;
    for (const auto& entry : std::filesystem::directory_iterator(kind.path(), gone))
      if (const auto bytes = entry.is_directory(gone) ? bytes_below(entry.path()) : 0; bytes > 0)
        found.push_back({(kind.path().filename() / entry.path().filename()).string(), bytes});
  }
  if (error && error != std::errc::no_such_file_or_directory)
    return std::unexpected(errno_error(error.value(), "cannot read " + folder.string()));
  return found;
}

Result<void> check_kept(const std::filesystem::path& folder, const std::filesystem::path& path) {
  const auto removed = removed_folder(folder, path);
  if (!removed) return {};
  CORRAL_TRY(const auto why, read_file(*removed / kRemoved, 64u << 10));
  return fail(ErrorCode::not_found, "{}", why);
}

Result<void> expire_logs(const std::filesystem::path& path, std::string_view why) {
  std::error_code error;
  if (!std::filesystem::exists(path / kRemoved, error))
    CORRAL_CHECK(write_file_atomically(path / kRemoved, why));
  for (const auto& entry : std::filesystem::directory_iterator(path, error))
    if (entry.path().filename() != kRemoved) CORRAL_CHECK(remove_tree(entry.path()));
  if (error) return std::unexpected(errno_error(error.value(), "cannot read " + path.string()));
  return {};
}

Result<void> forget_removal(const std::filesystem::path& folder,
                            const std::filesystem::path& path) {
  const auto removed = removed_folder(folder, path);
  return removed ? remove_tree(*removed) : Result<void>();
}

Result<std::vector<Uncompressed>> find_uncompressed(const std::filesystem::path& folder,
                                                    Duration idle) {
  std::vector<Uncompressed> found;
  std::vector<std::filesystem::path> folders{folder};
  while (!folders.empty()) {
    const auto at = std::move(folders.back());
    folders.pop_back();
    Files segments;
    bool closed = false;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(at, error)) {
      std::error_code gone;
      const auto extension = entry.path().extension();
      if (entry.is_directory(gone)) folders.push_back(entry.path());
      if (extension == ".seg" || extension == ".zst")
        segments.insert_or_assign(entry.path().filename(), entry);
      if (entry.path().filename() == "closed") closed = true;
    }
    // Removed meanwhile.
    if (error && error != std::errc::no_such_file_or_directory)
      return std::unexpected(errno_error(error.value(), "cannot read " + at.string()));
    Uncompressed log{std::filesystem::relative(at, folder, error).string()};
    if (to_do(segments, closed, idle, log.last)) found.push_back(std::move(log));
  }
  return found;
}

}  // namespace corral::session
