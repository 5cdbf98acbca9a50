// FileService over the launcher's workspaces.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/condition.h"
#include "engine/core.h"
#include "engine/file_service.h"

namespace corral::engine {

class WorkspaceFiles final : public FileService {
 public:
  explicit WorkspaceFiles(Core& core) : core_(core) {}

  Task<Result<json::value>> list(RunId run, std::string path) override;
  Task<Result<std::string>> read(RunId run, std::string path) override;
  Task<Result<void>> write(RunId run, std::string path, std::string bytes, Caller by) override;

 private:
  // Calls `ask` with the workspace. `deadline` when that takes too long: its runner may be stopped,
  // or away.
  template <class T, class Ask>
  Task<Result<T>> with_workspace(RunId run, Ask ask);

  Core& core_;
  // One call at a time in each workspace: the runner holds a whole file for each, in the memory
  // that the agent has too.
  std::map<WorkspaceId, std::weak_ptr<Turns>> turns_;
};

}  // namespace corral::engine
