#include "engine/workspace_files.h"

#include <algorithm>

#include "base/log.h"
#include "base/utf8.h"
#include "engine/homes.h"

namespace corral::engine {
namespace {

constexpr Duration kLongest{30'000};
constexpr std::string_view kRoot = "/workspace";

// Where a path that a person gave is for the runner. Whether its links stay inside is for the
// kernel to say.
Result<std::string> inside(std::string_view path) {
  if (path.size() > kMaxWorkspacePath)
    return fail(ErrorCode::invalid, "path: at most {} bytes", kMaxWorkspacePath);
  if (path.contains('\0') || !is_utf8(path))
    return fail(ErrorCode::invalid, "path: must be UTF-8 without a NUL byte");
  if (path.starts_with('/'))
    return fail(ErrorCode::invalid, "path: \"{}\" must be relative to the workspace", path);
  std::string result(kRoot);
  while (!path.empty()) {
    const auto end = std::min(path.find('/'), path.size());
    const auto name = path.substr(0, end);
    if (name == "..") return fail(ErrorCode::invalid, "path: must not contain \"..\"");
    if (!name.empty() && name != ".") (result += '/') += name;
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return result;
}

Result<std::string> file_inside(std::string_view path) {
  CORRAL_TRY(auto result, inside(path));
  if (result == kRoot || path.ends_with('/'))
    return fail(ErrorCode::invalid, "path: must name a file");
  return result;
}

json::object entry_json(const ports::FolderEntry& entry) {
  using Type = ports::FolderEntry::Type;
  return {{"name", entry.name},
          {"type", to_string(entry.type)},
          {"size_bytes", entry.type == Type::file ? json::value(entry.size_bytes) : nullptr},
          {"modified_at", to_rfc3339(entry.modified)},
          {"target", entry.type == Type::link ? json::value(entry.target) : nullptr}};
}

template <class T>
Task<Result<T>> in_turn(std::shared_ptr<Turns> turns, Task<Result<T>> work) {
  const auto turn = co_await turns->take();
  co_return co_await std::move(work);
}

}  // namespace

template <class T, class Ask>
Task<Result<T>> WorkspaceFiles::with_workspace(RunId id, Ask ask) {
  CORRAL_CO_TRY(const auto run, co_await core_.runs.load(id));
  CORRAL_CO_TRY(const auto place,
                present_workspace(core_, run, "its commit, diff and artifacts are what is left"));
  std::erase_if(turns_, [](const auto& entry) { return entry.second.expired(); });
  auto turns = turns_[place].lock();
  if (!turns) turns_[place] = turns = std::make_shared<Turns>();

  constexpr auto gone = [](RunId of) {
    return fail(ErrorCode::conflict, "the workspace of run {} is gone", of.to_string());
  };
  auto attached =
      co_await until(core_.deps.launcher.attach(place), core_.deps.clock.sleep(kLongest));
  if (attached && !*attached && (*attached).error().code == ErrorCode::not_found)
    co_return gone(id);
  if (attached && !*attached) co_return std::unexpected((*attached).error());
  if (attached) {
    const auto workspace = **std::move(attached);
    auto answer =
        co_await until(in_turn<T>(turns, ask(workspace)), core_.deps.clock.sleep(kLongest));
    if (answer && !*answer && workspace->gone()) co_return gone(id);
    if (answer) co_return *std::move(answer);
  }
  co_return fail(ErrorCode::deadline, "the workspace of run {} did not answer within {} s",
                 id.to_string(), kLongest.count() / 1000);
}

Task<Result<json::value>> WorkspaceFiles::list(RunId run, std::string path) {
  CORRAL_CO_TRY(const auto place, inside(path));
  CORRAL_CO_TRY(auto listing,
                co_await with_workspace<ports::FolderListing>(run, [&](const auto& workspace) {
                  return workspace->list_folder(place, kMaxFolderEntries);
                }));
  std::ranges::sort(listing.entries, {}, [](const ports::FolderEntry& entry) {
    return std::pair(entry.type != ports::FolderEntry::Type::folder, std::string_view(entry.name));
  });
  json::array items;
  for (const auto& entry : listing.entries) items.emplace_back(entry_json(entry));
  co_return json::object{{"path", place.substr(std::min(kRoot.size() + 1, place.size()))},
                         {"items", std::move(items)},
                         {"truncated", listing.truncated},
                         {"left_out", listing.left_out}};
}

Task<Result<std::string>> WorkspaceFiles::read(RunId run, std::string path) {
  CORRAL_CO_TRY(const auto place, file_inside(path));
  auto content = co_await with_workspace<std::string>(
      run, [&](const auto& workspace) { return workspace->read_file(place, kMaxWorkspaceFile); });
  // Not to be mended by waiting, as other limits are.
  if (!content && content.error().code == ErrorCode::exhausted)
    co_return fail(ErrorCode::unsupported, "{}", content.error().message);
  co_return content;
}

// `.git` too: git runs what is there inside the sandbox only, and who may write here may open a
// shell there as well.
Task<Result<void>> WorkspaceFiles::write(RunId run, std::string path, std::string bytes,
                                         Caller by) {
  CORRAL_CO_TRY(const auto place, file_inside(path));
  const auto size = bytes.size();
  if (size > kMaxWorkspaceFile)
    co_return fail(ErrorCode::unsupported, "the file has {} bytes; at most {} are written", size,
                   kMaxWorkspaceFile);
  CORRAL_CO_CHECK(co_await with_workspace<void>(run, [&](const auto& workspace) {
    return workspace->write_file(place, std::move(bytes), std::nullopt);
  }));
  log::info("file.uploaded",
            {{"run", run.to_string()}, {"path", place}, {"size_bytes", size}, {"actor", by.actor}});
  co_return Result<void>{};
}

}  // namespace corral::engine
