#include "adapters/git/mirror_folder.h"

#include <algorithm>
#include <system_error>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "adapters/git/history.h"
#include "base/log.h"

namespace corral::adapters::git {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPacksBeforeRepack = 50;
constexpr std::chrono::seconds kLockIsStale{10};
constexpr std::chrono::minutes kLeftoverIsStale{10};

bool is_runs_branch(std::string_view name) {
  return name == "corral" || name.starts_with("corral/");
}

bool older_than(const fs::path& path, std::chrono::seconds age) {
  std::error_code error;
  const auto written = fs::last_write_time(path, error);
  return !error && fs::file_time_type::clock::now() - written > age;
}

// A git that was killed leaves lock files, half-written packs and quarantined pushes. Locks are
// held for moments only; the rest belongs to no living process of ours when the mirror is first
// used, unless it is young.
void remove_leftovers(const fs::path& mirror) {
  std::error_code error;
  for (fs::recursive_directory_iterator
           at(mirror, fs::directory_options::skip_permission_denied, error),
       end;
       !error && at != end; at.increment(error)) {
    const auto name = at->path().filename().string();
    if (at.depth() == 1 && at->is_directory() && at->path().parent_path().filename() == "objects" &&
        name.size() == 2)
      at.disable_recursion_pending();
    const bool lock =
        name.ends_with(".lock") && at->is_regular_file() && older_than(at->path(), kLockIsStale);
    const bool half = (name.starts_with("tmp_pack_") || name.starts_with("tmp_idx_")) &&
                      older_than(at->path(), kLeftoverIsStale);
    const bool quarantine = (name.starts_with("tmp_objdir-") || name.starts_with("incoming-")) &&
                            at->is_directory() && older_than(at->path(), kLeftoverIsStale);
    if (quarantine) at.disable_recursion_pending();
    if (!lock && !half && !quarantine) continue;
    std::error_code ignored;
    fs::remove_all(at->path(), ignored);
    log::info("git.leftover_removed", {{"path", at->path().string()}});
  }
}

// Runs a call that changes the mirror. Another git (a push of a workspace, or one that outlived a
// killed server) may hold a lock: waits for it, and removes a lock that nobody can still be
// holding.
Task<Result<std::string>> change(const Git& git, GitCall call, std::string doing) {
  for (int attempt = 0;; ++attempt) {
    auto result = co_await git.checked(call, doing);
    if (result || attempt == 40 || !result.error().message.contains(".lock': File exists"))
      co_return result;
    remove_leftovers(call.repository);
    asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::milliseconds(300));
    co_await timer.async_wait(asio::use_awaitable);
  }
}

std::vector<std::string> upload_pack_option(const FetchPlan& plan) {
  if (!plan.local) return {};
  return {"--upload-pack=" + service_command(*plan.local, Service::upload_pack)};
}

// The URL goes by configuration, not on the command line.
Task<Config> source_config(const Git& git, FetchPlan plan) {
  Config config = plan.local ? Config() : co_await network_settings(git);
  config.insert(config.end(), plan.source.config.begin(), plan.source.config.end());
  config.emplace_back("remote.source.url", plan.source.url);
  co_return config;
}

std::unexpected<Error> explain(Error error, const FetchPlan& plan) {
  auto& words = error.message;
  const bool local = plan.local.has_value();
  if (words.contains("does not appear to be a git repository") ||
      words.contains("not a git repository")) {
    if (local && closed_to_owner(*plan.local)) {
      error.code = ErrorCode::forbidden;
      words = fmt::format(
          "'{}' belongs to the user with id {}, who cannot read it: Corral opens a repository as "
          "its owner; open the folders above it to them",
          plan.source.display, plan.local->owner);
    } else if (local) {
      error.code = ErrorCode::invalid;
      words = fmt::format(
          "'{}' is not a git repository; run 'git init' there and make a first commit, or give the "
          "repository's top folder",
          plan.source.display);
    }
  } else if (words.contains("mismatched algorithms")) {
    words = fmt::format("repository '{}' uses SHA-256 object names, which Corral does not support",
                        plan.source.display);
  } else if (error.code == ErrorCode::forbidden) {
    words +=
        local ? ". The repository must be readable for its owner and for the user that runs Corral"
              : ". Give Corral's user access: a credential helper for https (git config --global "
                "credential.helper …), an SSH key without a passphrase or in an agent for ssh";
  } else if (error.code == ErrorCode::not_found) {
    words += ". Check the URL, and that Corral's user has access to it";
  }
  return std::unexpected(std::move(error));
}

Task<Result<std::string>> default_branch(const Git& git, const fs::path& mirror,
                                         const FetchPlan& plan, Config config, std::string doing) {
  GitCall call{.repository = mirror,
               .arguments = {"ls-remote", "--symref"},
               .config = std::move(config),
               .timeout = std::chrono::seconds(120)};
  for (auto& option : upload_pack_option(plan)) call.arguments.push_back(std::move(option));
  call.arguments.insert(call.arguments.end(), {"source", "HEAD", "refs/heads/*"});
  auto listed = co_await git.checked(std::move(call), std::move(doing));
  if (!listed) co_return explain(std::move(listed).error(), plan);
  std::string branch, head;
  std::vector<std::string> same;  // branches at the commit of a HEAD that is on no branch
  std::size_t branches = 0;
  for (std::string_view rest = *listed; !rest.empty();) {
    const auto end = std::min(rest.find('\n'), rest.size());
    const auto line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const auto tab = line.find('\t');
    if (tab == std::string_view::npos) continue;
    const auto value = line.substr(0, tab), name = line.substr(tab + 1);
    if (value.starts_with("ref: refs/heads/") && name == "HEAD")
      branch = value.substr(16);
    else if (name == "HEAD")
      head = value;
    else if (name.starts_with("refs/heads/")) {
      ++branches;
      if (value == head) same.emplace_back(name.substr(11));
    }
  }
  if (branches == 0 && head.empty())
    co_return fail(ErrorCode::invalid, "repository '{}' is empty; make a first commit in it",
                   plan.source.display);
  if (!branch.empty() && !head.empty()) co_return branch;
  for (const auto* usual : {"main", "master"})
    if (std::ranges::find(same, usual) != same.end()) co_return std::string(usual);
  if (!same.empty()) co_return same.front();
  co_return fail(ErrorCode::invalid,
                 "repository '{}' has no default branch (its HEAD is on no branch); name the "
                 "branch to start from",
                 plan.source.display);
}

Task<Result<void>> update_heads(const Git& git, const fs::path& mirror) {
  GitCall list{.repository = mirror,
               .arguments = {"for-each-ref", "--format=%(objectname) %(refname)", "refs/heads",
                             "refs/remotes/origin"}};
  CORRAL_CO_TRY(const auto refs,
                co_await git.checked(std::move(list), "cannot list the mirror's branches"));
  const auto changes = head_changes(refs);
  for (const auto* input : {&changes.deletions, &changes.updates}) {
    if (input->empty()) continue;
    GitCall update{.repository = mirror, .arguments = {"update-ref", "--stdin"}, .input = *input};
    CORRAL_CO_CHECK(co_await change(git, std::move(update), "cannot update the mirror's branches"));
  }
  co_return Result<void>{};
}

// Many small packs make every later git slow. A geometric repack rolls the small ones up and drops
// nothing.
Task<void> tidy_packs(const Git& git, const fs::path& mirror) {
  std::size_t packs = 0;
  std::error_code error;
  for (fs::directory_iterator at(mirror / "objects" / "pack", error), end; !error && at != end;
       at.increment(error))
    if (at->path().extension() == ".pack") ++packs;
  if (packs <= kPacksBeforeRepack) co_return;
  GitCall call{.repository = mirror,
               .arguments = {"repack", "-d", "--geometric=2", "--quiet"},
               .timeout = std::chrono::minutes(10)};
  const auto result = co_await git.checked(std::move(call), "cannot repack the mirror");
  if (!result)
    log::warning("git.repack_failed",
                 {{"mirror", mirror.string()}, {"why", result.error().describe()}});
}

}  // namespace

Task<Result<void>> prepare_mirror(const Git& git, fs::path mirror) {
  GitCall call{.repository = mirror,
               .arguments = {"init", "--quiet", "--bare", "--template=", "--initial-branch=main",
                             "--object-format=sha1"}};
  CORRAL_CO_CHECK(
      co_await git.checked(std::move(call), "cannot make the mirror " + mirror.string()));
  remove_leftovers(mirror);
  co_return Result<void>{};
}

RefChanges head_changes(std::string_view refs) {
  constexpr std::string_view kHeads = "refs/heads/", kOrigin = "refs/remotes/origin/";
  std::map<std::string_view, std::string_view> now, wanted;
  while (!refs.empty()) {
    const auto end = std::min(refs.find('\n'), refs.size());
    const auto line = refs.substr(0, end);
    refs.remove_prefix(std::min(end + 1, refs.size()));
    const auto space = line.find(' ');
    if (space == std::string_view::npos) continue;
    const auto hash = line.substr(0, space), name = line.substr(space + 1);
    auto& side = name.starts_with(kHeads) ? now : wanted;
    const auto prefix = name.starts_with(kHeads) ? kHeads : kOrigin;
    if (name.starts_with(prefix) && !is_runs_branch(name.substr(prefix.size())))
      side.emplace(name.substr(prefix.size()), hash);
  }
  RefChanges changes;
  for (const auto& [name, hash] : now)
    if (!wanted.contains(name)) changes.deletions += fmt::format("delete refs/heads/{}\n", name);
  for (const auto& [name, hash] : wanted)
    if (const auto at = now.find(name); at == now.end() || at->second != hash)
      changes.updates += fmt::format("update refs/heads/{} {}\n", name, hash);
  return changes;
}

Task<Result<ports::Mirrors::Fetched>> fetch_mirror(const Git& git, fs::path mirror, FetchPlan plan,
                                                   std::string branch) {
  const auto doing = fmt::format("cannot read the repository '{}'", plan.source.display);
  const bool wants_default = branch.empty();
  const auto config = co_await source_config(git, plan);
  if (wants_default) {
    CORRAL_CO_TRY(branch, co_await default_branch(git, mirror, plan, config, doing));
  }
  GitCall call{
      .repository = mirror,
      .arguments = {"fetch", "--quiet", "--prune", "--force", "--no-tags", "--update-shallow",
                    "--no-auto-maintenance", "--no-write-fetch-head", "--no-recurse-submodules"},
      .config = config,
      .timeout = plan.timeout};
  for (auto& option : upload_pack_option(plan)) call.arguments.push_back(std::move(option));
  call.arguments.insert(call.arguments.end(), {"source", "+refs/heads/*:refs/remotes/origin/*",
                                               "+refs/tags/*:refs/tags/*"});
  if (auto fetched = co_await change(git, std::move(call), doing); !fetched)
    co_return explain(std::move(fetched).error(), plan);
  CORRAL_CO_CHECK(co_await update_heads(git, mirror));
  if (wants_default && !is_runs_branch(branch)) {
    GitCall head{.repository = mirror,
                 .arguments = {"symbolic-ref", "HEAD", "refs/heads/" + branch}};
    CORRAL_CO_CHECK(
        co_await change(git, std::move(head), "cannot set the mirror's default branch"));
  }
  auto commit = co_await resolve_commit(git, mirror, branch);
  if (!commit && commit.error().code == ErrorCode::not_found)
    co_return fail(ErrorCode::not_found,
                   "repository '{}' has no branch '{}'; look at its branches with 'git ls-remote'",
                   plan.source.display, branch);
  if (!commit) co_return std::unexpected(std::move(commit).error());
  co_await tidy_packs(git, mirror);
  co_return ports::Mirrors::Fetched{.commit = std::move(*commit), .branch = std::move(branch)};
}

Task<Result<void>> push_to_local(const Git& git, fs::path mirror, std::string branch,
                                 LocalRepository local, std::chrono::seconds timeout) {
  const auto ref = "refs/heads/" + branch;
  CORRAL_CO_CHECK(co_await resolve_commit(git, mirror, ref));
  GitCall call{.repository = std::move(mirror),
               .arguments = {"push", "--quiet", "--no-verify", "--no-signed", "--no-follow-tags",
                             "--recurse-submodules=no",
                             "--receive-pack=" + service_command(local, Service::receive_pack),
                             "--", local.path, "+" + ref + ":" + ref},
               .timeout = timeout};
  auto pushed = co_await git.checked(
      std::move(call), fmt::format("cannot put branch {} into '{}'", branch, local.path));
  if (pushed) co_return Result<void>{};
  auto error = std::move(pushed).error();
  if (error.message.contains("branch is currently checked out") ||
      error.message.contains("is checked out"))
    co_return fail(ErrorCode::conflict,
                   "branch {} is checked out in '{}', so it was not updated there; switch to "
                   "another branch and try again",
                   branch, local.path);
  co_return std::unexpected(std::move(error));
}

}  // namespace corral::adapters::git
