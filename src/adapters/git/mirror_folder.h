// What changes a mirror, or takes from it: making it, fetching, publishing. The caller lets one at
// a time run per mirror.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "adapters/git/git_command.h"
#include "adapters/git/local_repository.h"
#include "adapters/git/source.h"
#include "base/error.h"
#include "base/task.h"
#include "ports/git.h"

namespace corral::adapters::git {

// Makes the bare repository unless it is there, and removes what a killed git left in it. May be
// repeated.
Task<Result<void>> prepare_mirror(const Git& git, std::filesystem::path mirror);

struct FetchPlan {
  Source source;
  std::optional<LocalRepository> local;  // when the source is one
  std::chrono::seconds timeout{};
};

// Brings the mirror to what the source has, and finds `branch` (empty: the source's default).
Task<Result<ports::Mirrors::Fetched>> fetch_mirror(const Git& git, std::filesystem::path mirror,
                                                   FetchPlan plan, std::string branch);

// Makes refs/heads/<branch> of the mirror appear in a local repository, as its owner.
Task<Result<void>> push_to_local(const Git& git, std::filesystem::path mirror, std::string branch,
                                 LocalRepository local, std::chrono::seconds timeout);

// The `update-ref --stdin` commands that make refs/heads/* (but not corral/*) equal to
// refs/remotes/origin/*, given `for-each-ref --format='%(objectname) %(refname)'`. Deletions come
// apart: a/b may take the place of a.
struct RefChanges {
  std::string deletions, updates;
};
RefChanges head_changes(std::string_view refs);

}  // namespace corral::adapters::git
