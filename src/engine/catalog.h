// Groups and projects: what runs belong to.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/core.h"

namespace corral::engine {

inline constexpr std::string_view kProjectKind = "project";
inline constexpr std::string_view kGroupKind = "group";
inline constexpr std::string_view kDefaultGroup = "default";

// The forms a repository's address may have: http(s)://, ssh://, git://, user@host:path,
// file:///path, /path. `invalid` for anything else, for what git could take for an option or a
// transport helper, and for a password in it: addresses are shown and kept.
Result<void> check_git_url(std::string_view url);

class Catalog {
 public:
  explicit Catalog(Core& core) : core_(core) {}

  Task<Result<json::value>> create_group(std::string name, std::string actor);
  Task<Result<json::value>> get_group(std::string id_or_name);
  Task<Result<Page>> list_groups(std::string cursor, std::uint32_t limit);

  Task<Result<json::value>> create_project(std::string name, std::string git_url, std::string group,
                                           std::string actor);
  Task<Result<json::value>> get_project(std::string id_or_name);
  Task<Result<Page>> list_projects(std::string cursor, std::uint32_t limit);
  // `conflict` while a run of it is alive.
  Task<Result<void>> delete_project(std::string project, std::string actor);
  // The project of a git_url, made in the default group when there is none: named after the URL,
  // "-2" and so on appended when the name is taken.
  Task<Result<json::value>> project_for(std::string git_url, std::string actor);

  // Makes the default group when it is not there.
  Task<Result<void>> ensure_default_group();

 private:
  Task<Result<std::optional<ports::Document>>> find(std::string kind, std::string id_or_name);
  // `conflict` when `what` is there already: "a group named …".
  Task<Result<void>> commit_new(ports::Transaction transaction, std::string what);

  Core& core_;
};

// Lists documents of a kind, newest first, as a page. `limit` is brought into 1…500.
Task<Result<Page>> list_page(ports::Store& store, ports::DocumentQuery query);

// What a project's remote calls its default branch, once a run has seen it. Best effort: it only
// informs.
Task<void> note_default_branch(Core& core, ProjectId project, std::string branch);

}  // namespace corral::engine
