// What is read from a mirror: commits, differences. Nothing here changes it.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/git/git_command.h"
#include "base/error.h"
#include "base/task.h"
#include "ports/git.h"

namespace corral::adapters::git {

struct Range {
  std::filesystem::path mirror;
  std::string base, head;  // commit hashes
  std::size_t max_bytes = 0;
  std::chrono::seconds timeout{};
};

// A branch of the mirror (a run's, or one of the remote), a tag, or the hash of a commit that it
// has.
Task<Result<std::string>> resolve_commit(const Git& git, std::filesystem::path mirror,
                                         std::string name);

enum class DiffForm { unified, mail };
Task<Result<std::string>> read_diff(const Git& git, Range range, DiffForm form);
Task<Result<ports::DiffStat>> read_diff_stat(const Git& git, Range range);
Task<Result<std::vector<ports::Commit>>> read_commits(const Git& git, Range range);

// Parses `git diff --numstat -z`.
Result<ports::DiffStat> parse_numstat(std::string_view text);
// Bytes that are not UTF-8 become U+FFFD: file contents and names are anything, JSON is not.
std::string to_utf8(std::string_view bytes);

}  // namespace corral::adapters::git
