// The files in runs' present workspaces, for every edge: each workspace's runner lists, reads and
// writes them. JSON documents are the API's own (docs/api.md). Lives on the server's main executor.
#pragma once

#include "engine/service.h"

namespace corral::engine {

inline constexpr std::size_t kMaxWorkspaceFile = 16u << 20;
inline constexpr std::size_t kMaxWorkspacePath = 4096;
inline constexpr std::size_t kMaxFolderEntries = 5000;

// Paths are relative to the workspace, with slashes; empty: the workspace itself. `invalid`: one
// that is none, or is too long. Links are followed while they stay inside; one that leads out is
// `forbidden`, as is reading or replacing what is not a regular file. `conflict`: the run has no
// workspace now, or has it on another server. `deadline`: the workspace does not answer.
class FileService {
 public:
  virtual ~FileService() = default;

  // {"path", "items", "truncated", "left_out"}: folders first, then by name; at most
  // kMaxFolderEntries. `invalid` when it is not a folder.
  virtual Task<Result<json::value>> list(RunId run, std::string path) = 0;
  // The whole of a file. `unsupported` when it is larger than kMaxWorkspaceFile.
  virtual Task<Result<std::string>> read(RunId run, std::string path) = 0;
  // Puts a file there, making the folders on the way; one that has the name is replaced as a whole
  // and leaves its mode. `unsupported` as for read. May be repeated.
  virtual Task<Result<void>> write(RunId run, std::string path, std::string bytes, Caller by) = 0;
};

}  // namespace corral::engine
