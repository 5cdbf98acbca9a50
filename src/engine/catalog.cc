#include "engine/catalog.h"

#include <algorithm>

#include "base/log.h"
#include "engine/digest.h"
#include "engine/projection.h"

namespace corral::engine {
namespace {

// Which project a run by git_url goes to; id: hash of the URL.
constexpr std::string_view kProjectUrlKind = "project_url";
constexpr std::size_t kMaxUrl = 2048;

bool is_name(std::string_view name) {
  if (name.empty() || name.size() > 100) return false;
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  // A name that reads as an id could not be told from one.
  return std::ranges::all_of(name, allowed) && name.front() != '-' && name.front() != '.' &&
         !Uuid::parse(name);
}

Result<void> check_name(std::string_view name, std::string_view what) {
  if (is_name(name)) return {};
  return fail(ErrorCode::invalid,
              "\"{}\" is no {} name: use 1 to 100 letters, digits, '.', '_' and '-', not beginning "
              "with '.' or '-'",
              name, what);
}

std::string name_from(std::string_view url) {
  while (url.ends_with('/')) url.remove_suffix(1);
  if (url.ends_with(".git")) url.remove_suffix(4);
  while (url.ends_with('/')) url.remove_suffix(1);
  std::string name(url.substr(url.find_last_of("/:") + 1));
  for (char& c : name)
    if (!is_name(std::string("x") + c)) c = '-';
  while (!name.empty() && (name.front() == '-' || name.front() == '.')) name.erase(0, 1);
  if (name.size() > 80) name.resize(80);
  return is_name(name) ? name : "project";
}

std::string project_stream(std::string_view id) { return fmt::format("project/{}", id); }

}  // namespace

Result<void> check_git_url(std::string_view url) {
  const auto bad = [&](std::string_view why) {
    return fail(ErrorCode::invalid, "git_url {}", why);
  };
  if (url.empty()) return bad("is empty");
  if (url.size() > kMaxUrl) return bad(fmt::format("is longer than {} bytes", kMaxUrl));
  if (std::ranges::any_of(
          url, [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; }))
    return bad("has a space or control character in it");
  if (url.front() == '-') return bad("must not begin with '-'");
  if (url.starts_with("/")) return {};
  if (url.starts_with("file:///")) return {};
  const auto scheme_end = url.find("://");
  if (scheme_end != std::string_view::npos) {
    const auto scheme = url.substr(0, scheme_end), rest = url.substr(scheme_end + 3);
    if (scheme != "https" && scheme != "http" && scheme != "ssh" && scheme != "git")
      return bad(fmt::format(
          "has the scheme \"{}\": use https, http, ssh, git, user@host:path or an absolute path",
          scheme));
    const auto host_end = rest.find('/');
    const auto authority = rest.substr(0, host_end);
    const auto at = authority.rfind('@');
    if (at != std::string_view::npos && authority.substr(0, at).find(':') != std::string_view::npos)
      return bad(
          "has a password in it, which would be kept and shown: leave it out and let git's "
          "credential helper supply it");
    const auto host = at == std::string_view::npos ? authority : authority.substr(at + 1);
    if (host.empty() || host.front() == '-' || host.front() == ':' || authority.front() == '-')
      return bad("names no host");
    if (host_end == std::string_view::npos || rest.size() == host_end + 1)
      return bad("names no repository on its host");
    return {};
  }
  // user@host:path, with no second colon right after the first: "ext::…" names a program to run.
  const auto at = url.find('@'), colon = url.find(':');
  if (at == std::string_view::npos || colon == std::string_view::npos || at > colon || at == 0 ||
      colon == at + 1 || url[at + 1] == '-' || colon + 1 >= url.size() || url[colon + 1] == ':' ||
      url.substr(0, at).find('/') != std::string_view::npos)
    return bad(
        fmt::format("\"{}\" is not understood: use https://host/path, ssh://host/path, "
                    "user@host:path or an absolute path",
                    url));
  return {};
}

Task<Result<Page>> list_page(ports::Store& store, ports::DocumentQuery query) {
  const auto limit = std::clamp<std::uint32_t>(query.limit, 1, 500);
  query.limit = limit;
  CORRAL_CO_TRY(const auto documents, co_await store.list(std::move(query)));
  Page page;
  for (const auto& document : documents) page.items.push_back(document.body);
  // A full page may be the last one; its cursor then leads to an empty one.
  if (documents.size() == limit) page.next_cursor = documents.back().id;
  co_return page;
}

Task<Result<std::optional<ports::Document>>> Catalog::find(std::string kind,
                                                           std::string id_or_name) {
  if (Uuid::parse(id_or_name)) co_return co_await core_.deps.store.get(kind, id_or_name);
  CORRAL_CO_TRY(auto named,
                co_await core_.deps.store.list({.kind = kind, .name = id_or_name, .limit = 2}));
  if (named.empty()) co_return std::nullopt;
  if (named.size() > 1)
    co_return fail(ErrorCode::conflict, "there is more than one {} named \"{}\": use its id", kind,
                   id_or_name);
  co_return std::move(named.front());
}

Task<Result<void>> Catalog::ensure_default_group() {
  CORRAL_CO_TRY(const auto group,
                co_await find(std::string(kGroupKind), std::string(kDefaultGroup)));
  if (group) co_return Result<void>{};
  const auto made = co_await create_group(std::string(kDefaultGroup), "system");
  // Another process was faster: just as good.
  if (!made && made.error().code != ErrorCode::conflict) co_return std::unexpected(made.error());
  co_return Result<void>{};
}

Task<Result<void>> Catalog::commit_new(ports::Transaction transaction, std::string what) {
  const auto committed = co_await core_.deps.store.commit(std::move(transaction));
  if (committed) co_return Result<void>{};
  if (committed.error().code == ErrorCode::conflict)
    co_return fail(ErrorCode::conflict, "there is {} already", what);
  co_return std::unexpected(committed.error());
}

Task<Result<json::value>> Catalog::create_group(std::string name, std::string actor) {
  CORRAL_CO_CHECK(check_name(name, "group"));
  const Time now = core_.deps.clock.now();
  const std::string id = GroupId::make(now, core_.deps.random).to_string();
  json::value body = json::object{{"id", id}, {"name", name}, {"created_at", to_rfc3339(now)}};
  ports::Transaction transaction;
  transaction.changes.emplace_back(ports::PutDocument{
      {.kind = std::string(kGroupKind), .id = id, .name = name, .body = body}, 0});
  transaction.changes.emplace_back(
      ports::Append{"group/" + id,
                    0,
                    {{"group.created", json::object{{"v", 1}, {"name", name}}, {.actor = actor}}}});
  CORRAL_CO_CHECK(
      co_await commit_new(std::move(transaction), fmt::format("a group named \"{}\"", name)));
  co_return body;
}

Task<Result<json::value>> Catalog::get_group(std::string id_or_name) {
  CORRAL_CO_TRY(auto group, co_await find(std::string(kGroupKind), id_or_name));
  if (!group) co_return fail(ErrorCode::not_found, "there is no group \"{}\"", id_or_name);
  co_return std::move(group->body);
}

Task<Result<Page>> Catalog::list_groups(std::string cursor, std::uint32_t limit) {
  co_return co_await list_page(
      core_.deps.store,
      {.kind = std::string(kGroupKind), .before_id = std::move(cursor), .limit = limit});
}

Task<Result<json::value>> Catalog::create_project(std::string name, std::string git_url,
                                                  std::string group, std::string actor) {
  CORRAL_CO_CHECK(check_name(name, "project"));
  CORRAL_CO_CHECK(check_git_url(git_url));
  CORRAL_CO_TRY(const auto parent,
                co_await get_group(group.empty() ? std::string(kDefaultGroup) : group));
  const std::string group_id(find_string(parent, {"id"})),
      group_name(find_string(parent, {"name"}));
  const Time now = core_.deps.clock.now();
  const std::string id = ProjectId::make(now, core_.deps.random).to_string();
  json::value body = json::object{{"id", id},
                                  {"name", name},
                                  {"git_url", git_url},
                                  {"group", group_name},
                                  {"default_branch", nullptr},
                                  {"created_at", to_rfc3339(now)}};
  ports::Transaction transaction;
  transaction.changes.emplace_back(ports::PutDocument{
      {.kind = std::string(kProjectKind), .id = id, .parent = group_id, .name = name, .body = body},
      0});
  const std::string url_id = sha256_hex(git_url);
  CORRAL_CO_TRY(const auto by_url,
                co_await core_.deps.store.get(std::string(kProjectUrlKind), url_id));
  if (!by_url)
    transaction.changes.emplace_back(ports::PutDocument{
        {.kind = std::string(kProjectUrlKind), .id = url_id, .body = json::object{{"project", id}}},
        {}});
  transaction.changes.emplace_back(ports::Append{
      project_stream(id),
      0,
      {{"project.created",
        json::object{{"v", 1}, {"name", name}, {"git_url", git_url}, {"group", group_id}},
        {.actor = actor}}}});
  CORRAL_CO_CHECK(co_await commit_new(
      std::move(transaction),
      fmt::format("a project named \"{}\" in the group \"{}\"", name, group_name)));
  co_return body;
}

Task<Result<json::value>> Catalog::get_project(std::string id_or_name) {
  CORRAL_CO_TRY(auto project, co_await find(std::string(kProjectKind), id_or_name));
  if (!project) co_return fail(ErrorCode::not_found, "there is no project \"{}\"", id_or_name);
  co_return std::move(project->body);
}

Task<Result<Page>> Catalog::list_projects(std::string cursor, std::uint32_t limit) {
  co_return co_await list_page(
      core_.deps.store,
      {.kind = std::string(kProjectKind), .before_id = std::move(cursor), .limit = limit});
}

Task<Result<void>> Catalog::delete_project(std::string project, std::string actor) {
  CORRAL_CO_TRY(const auto body, co_await get_project(project));
  const std::string id(find_string(body, {"id"}));
  for (const char* state : {"pending", "running"}) {
    CORRAL_CO_TRY(const auto alive,
                  co_await core_.deps.store.list(
                      {.kind = std::string(kRunKind), .parent = id, .state = state, .limit = 1}));
    if (!alive.empty())
      co_return fail(ErrorCode::conflict,
                     "run {} of the project is {}: wait for its end or cancel it first",
                     alive.front().id, state);
  }
  ports::Transaction transaction;
  transaction.changes.emplace_back(ports::DeleteDocument{std::string(kProjectKind), id});
  const std::string url_id = sha256_hex(find_string(body, {"git_url"}));
  CORRAL_CO_TRY(const auto by_url,
                co_await core_.deps.store.get(std::string(kProjectUrlKind), url_id));
  if (by_url && find_string(by_url->body, {"project"}) == id)
    transaction.changes.emplace_back(ports::DeleteDocument{std::string(kProjectUrlKind), url_id});
  transaction.changes.emplace_back(ports::Append{
      project_stream(id), 1, {{"project.deleted", json::object{{"v", 1}}, {.actor = actor}}}});
  CORRAL_CO_CHECK(co_await core_.deps.store.commit(std::move(transaction)));
  if (auto removed = co_await core_.deps.mirrors.remove(*ProjectId::parse(id)); !removed)
    log::warning("project.mirror_left", {{"project", id}, {"why", removed.error().describe()}});
  co_return Result<void>{};
}

Task<Result<json::value>> Catalog::project_for(std::string git_url, std::string actor) {
  CORRAL_CO_CHECK(check_git_url(git_url));
  CORRAL_CO_TRY(const auto by_url,
                co_await core_.deps.store.get(std::string(kProjectUrlKind), sha256_hex(git_url)));
  if (by_url) co_return co_await get_project(std::string(find_string(by_url->body, {"project"})));
  const std::string name = name_from(git_url);
  for (int number = 1;; ++number) {
    auto made = co_await create_project(number == 1 ? name : fmt::format("{}-{}", name, number),
                                        git_url, "", actor);
    if (made || made.error().code != ErrorCode::conflict || number == 1000) co_return made;
  }
}

Task<void> note_default_branch(Core& core, ProjectId project, std::string branch) {
  auto known = co_await core.deps.store.get(std::string(kProjectKind), project.to_string());
  if (!known || !*known || find_string((*known)->body, {"default_branch"}) == branch) co_return;
  auto document = **known;
  document.body.as_object()["default_branch"] = branch;
  const auto version = document.version;
  ports::Transaction transaction;
  transaction.changes.emplace_back(ports::PutDocument{std::move(document), version});
  (void)co_await core.deps.store.commit(std::move(transaction));
}

}  // namespace corral::engine
