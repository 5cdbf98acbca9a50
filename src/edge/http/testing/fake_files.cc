#include "edge/http/testing/fake_files.h"

namespace corral::edge::testing {

Task<Result<json::value>> FakeFiles::list(RunId, std::string path) {
  if (next_error) co_return std::unexpected(*std::exchange(next_error, std::nullopt));
  if (!path.empty()) co_return fail(ErrorCode::not_found, "there is no folder {}", path);
  json::array items;
  for (const auto& [name, content] : files)
    items.push_back(json::object{{"name", name},
                                 {"type", "file"},
                                 {"size_bytes", content.size()},
                                 {"modified_at", "2026-11-21T09:00:00.000Z"},
                                 {"target", nullptr}});
  co_return json::object{
      {"path", ""}, {"items", std::move(items)}, {"truncated", false}, {"left_out", 0}};
}

Task<Result<std::string>> FakeFiles::read(RunId, std::string path) {
  const auto at = files.find(path);
  if (at == files.end()) co_return fail(ErrorCode::not_found, "there is no file {}", path);
  co_return at->second;
}

Task<Result<void>> FakeFiles::write(RunId, std::string path, std::string bytes, engine::Caller by) {
  if (path.empty()) co_return fail(ErrorCode::invalid, "path: must name a file");
  last_caller = std::move(by);
  files[path] = std::move(bytes);
  co_return Result<void>{};
}

}  // namespace corral::edge::testing
