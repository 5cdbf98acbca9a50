// The port to repositories: one bare mirror per project, outside every sandbox. Hooks and
// configured programs are off in every git that runs here. Blocking git processes run aside; calls
// are awaited on the server's executor.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "base/id.h"
#include "base/task.h"

namespace corral::ports {

struct Commit {
  std::string hash;  // 40 hex digits
  std::string subject;
};

struct DiffStat {
  int files = 0, insertions = 0, deletions = 0;
};

class Mirrors {
 public:
  virtual ~Mirrors() = default;

  // Makes or updates the project's mirror from its URL or local path, and returns the commit that
  // `branch` (empty: the remote's default) points at. `invalid` for a URL form that is not allowed,
  // `not_found` / `forbidden` / `unavailable` when it cannot be read, with git's own words.
  struct Fetched {
    std::string commit;
    std::string branch;  // the resolved default
  };
  virtual Task<Result<Fetched>> fetch(ProjectId project, std::string url, std::string branch) = 0;

  // Serves git's own protocol (git://, as `git daemon` speaks it) on a connection from a workspace:
  // upload-pack of the mirror, and receive-pack that may write refs/heads/<branch> and
  // refs/corral/<branch>/… only. Returns at its end.
  virtual Task<Result<void>> serve(ProjectId project, std::string branch, Fd connection) = 0;

  // The commit that a branch of the mirror points at; not_found when there is none.
  virtual Task<Result<std::string>> resolve(ProjectId project, std::string ref) = 0;
  virtual Task<Result<std::string>> diff(ProjectId project, std::string base,
                                         std::string head) = 0;  // unified, at most 32 MiB
  virtual Task<Result<std::string>> patch(ProjectId project, std::string base,
                                          std::string head) = 0;  // git format-patch --stdout
  virtual Task<Result<DiffStat>> diff_stat(ProjectId project, std::string base,
                                           std::string head) = 0;
  virtual Task<Result<std::vector<Commit>>> commits(ProjectId project, std::string base,
                                                    std::string head) = 0;

  // Makes the branch appear in a local repository as a ref; its work tree, index and hooks are not
  // touched.
  virtual Task<Result<void>> publish(ProjectId project, std::string branch,
                                     std::string local_repository) = 0;
  virtual Task<Result<void>> remove(ProjectId project) = 0;
};

}  // namespace corral::ports
