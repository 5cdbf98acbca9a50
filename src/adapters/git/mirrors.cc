#include "adapters/git/mirrors.h"

#include <map>
#include <set>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "adapters/git/daemon.h"
#include "adapters/git/git_command.h"
#include "adapters/git/history.h"
#include "adapters/git/local_repository.h"
#include "adapters/git/mirror_folder.h"
#include "adapters/git/source.h"
#include "base/files.h"
#include "base/log.h"

namespace corral::adapters::git {
namespace {

// One holder at a time, on one executor. A waiter that is cancelled leaves nothing behind.
class Gate {
 public:
  class Hold {
   public:
    explicit Hold(std::shared_ptr<Gate> gate) : gate_(std::move(gate)) {}
    Hold(Hold&&) noexcept = default;
    Hold& operator=(Hold&&) = delete;
    ~Hold() {
      if (!gate_) return;
      gate_->held_ = false;
      gate_->changed_.cancel();
    }

   private:
    std::shared_ptr<Gate> gate_;
  };

  explicit Gate(const Executor& executor)
      : changed_(executor, std::chrono::steady_clock::time_point::max()) {}

  static Task<Hold> enter(std::shared_ptr<Gate> gate) {
    while (gate->held_) {
      boost::system::error_code ignored;
      co_await gate->changed_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    gate->held_ = true;
    co_return Hold(gate);
  }

 private:
  asio::steady_timer changed_;
  bool held_ = false;
};

// Counts a connection for as long as it is served.
class Slot {
 public:
  Slot(std::map<std::string, std::size_t>& counts, std::string key)
      : counts_(counts), key_(std::move(key)) {
    ++counts_[key_];
  }
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;
  ~Slot() {
    if (--counts_[key_] == 0) counts_.erase(key_);
  }

 private:
  std::map<std::string, std::size_t>& counts_;
  std::string key_;
};

class GitMirrors final : public ports::Mirrors {
 public:
  GitMirrors(MirrorOptions options, Git git) : options_(std::move(options)), git_(std::move(git)) {}

  Task<Result<Fetched>> fetch(ProjectId project, std::string url, std::string branch) override {
    CORRAL_CO_TRY(auto source, parse_source(url));
    if (!branch.empty() && !is_commit_hash(branch))
      CORRAL_CO_CHECK(check_branch_name(branch, "the base branch"));
    FetchPlan plan{source, {}, options_.fetch_timeout};
    if (!source.local.empty()) {
      if (!options_.allow_local)
        co_return fail(ErrorCode::forbidden, "repository '{}': this server reads no local folders",
                       source.display);
      CORRAL_CO_TRY(plan.local, inspect_local(source.local));
    }
    const auto hold = co_await Gate::enter(gate(project, co_await asio::this_coro::executor));
    CORRAL_CO_CHECK(co_await prepare(project));
    co_return co_await fetch_mirror(git_, path(project), std::move(plan), std::move(branch));
  }

  Task<Result<void>> serve(ProjectId project, std::string branch, Fd connection) override {
    CORRAL_CO_CHECK(check_branch_name(branch, "the workspace's branch"));
    if (!exists(project)) {
      co_await refuse_connection(std::move(connection), "this project has no mirror yet");
      co_return no_mirror(project);
    }
    const auto key = project.to_string() + "/" + branch;
    if (const auto at = connections_.find(key);
        at != connections_.end() && at->second >= options_.max_connections) {
      co_await refuse_connection(
          std::move(connection),
          "too many git connections at once from this workspace; try again later");
      co_return fail(ErrorCode::exhausted, "more than {} git connections at once for branch {}",
                     options_.max_connections, branch);
    }
    const Slot slot(connections_, key);
    co_return co_await serve_connection(
        git_, {path(project), std::move(branch), options_.idle_timeout}, std::move(connection));
  }

  Task<Result<std::string>> resolve(ProjectId project, std::string ref) override {
    if (!exists(project)) co_return no_mirror(project);
    co_return co_await resolve_commit(git_, path(project), std::move(ref));
  }

  Task<Result<std::string>> diff(ProjectId project, std::string base, std::string head) override {
    CORRAL_CO_TRY(auto range, co_await range_of(project, std::move(base), std::move(head)));
    co_return co_await read_diff(git_, std::move(range), DiffForm::unified);
  }

  Task<Result<std::string>> patch(ProjectId project, std::string base, std::string head) override {
    CORRAL_CO_TRY(auto range, co_await range_of(project, std::move(base), std::move(head)));
    co_return co_await read_diff(git_, std::move(range), DiffForm::mail);
  }

  Task<Result<ports::DiffStat>> diff_stat(ProjectId project, std::string base,
                                          std::string head) override {
    CORRAL_CO_TRY(auto range, co_await range_of(project, std::move(base), std::move(head)));
    co_return co_await read_diff_stat(git_, std::move(range));
  }

  Task<Result<std::vector<ports::Commit>>> commits(ProjectId project, std::string base,
                                                   std::string head) override {
    CORRAL_CO_TRY(auto range, co_await range_of(project, std::move(base), std::move(head)));
    co_return co_await read_commits(git_, std::move(range));
  }

  Task<Result<void>> publish(ProjectId project, std::string branch,
                             std::string local_repository) override {
    CORRAL_CO_CHECK(check_branch_name(branch, "the branch"));
    CORRAL_CO_TRY(const auto source, parse_source(local_repository));
    if (source.local.empty())
      co_return fail(ErrorCode::invalid, "'{}' is not a local repository", source.display);
    CORRAL_CO_TRY(auto local, inspect_local(source.local));
    if (!exists(project)) co_return no_mirror(project);
    co_return co_await push_to_local(git_, path(project), std::move(branch), std::move(local),
                                     options_.fetch_timeout);
  }

  Task<Result<void>> remove(ProjectId project) override {
    const auto hold = co_await Gate::enter(gate(project, co_await asio::this_coro::executor));
    prepared_.erase(project);
    co_return remove_tree(path(project));
  }

 private:
  std::filesystem::path path(ProjectId project) const {
    return options_.folder / (project.to_string() + ".git");
  }
  bool exists(ProjectId project) const { return std::filesystem::exists(path(project) / "HEAD"); }

  std::unexpected<Error> no_mirror(ProjectId project) const {
    return fail(ErrorCode::not_found, "project {} has no mirror here; fetch it first",
                project.to_string());
  }

  // A gate lives while somebody holds it or waits: none outlives the executor that its calls ran
  // on.
  std::shared_ptr<Gate> gate(ProjectId project, const Executor& executor) {
    if (auto living = gates_[project].lock()) return living;
    std::erase_if(gates_, [](const auto& entry) { return entry.second.expired(); });
    auto made = std::make_shared<Gate>(executor);
    gates_[project] = made;
    return made;
  }

  Task<Result<void>> prepare(ProjectId project) {
    if (prepared_.contains(project) && exists(project)) co_return Result<void>{};
    CORRAL_CO_CHECK(co_await prepare_mirror(git_, path(project)));
    prepared_.insert(project);
    co_return Result<void>{};
  }

  Task<Result<Range>> range_of(ProjectId project, std::string base, std::string head) {
    CORRAL_CO_TRY(auto from, co_await resolve(project, std::move(base)));
    CORRAL_CO_TRY(auto to, co_await resolve(project, std::move(head)));
    co_return Range{path(project), std::move(from), std::move(to), options_.max_diff_bytes,
                    options_.read_timeout};
  }

  MirrorOptions options_;
  Git git_;
  std::map<ProjectId, std::weak_ptr<Gate>> gates_;
  std::set<ProjectId> prepared_;  // made, and cleaned of a crash's leftovers, by this process
  std::map<std::string, std::size_t> connections_;  // being served, by project and branch
};

}  // namespace

Result<std::unique_ptr<ports::Mirrors>> make_git_mirrors(MirrorOptions options) {
  std::error_code ignored;
  options.folder = std::filesystem::absolute(options.folder, ignored);
  CORRAL_TRY(auto git,
             Git::make(options.folder, options.askpass, options.env, options.max_push_bytes));
  return std::make_unique<GitMirrors>(std::move(options), std::move(git));
}

}  // namespace corral::adapters::git
