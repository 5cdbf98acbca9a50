#include "base/log.h"
#include "engine/catalog.h"
#include "engine/git_work.h"

namespace corral::engine {
namespace {

class GitKind final : public StepKind {
 public:
  domain::KindRules rules() const override {
    using domain::FieldRule, domain::FieldType;
    return {
        .name = "git",
        .description = "clones the project into the workspace, or commits what has changed there",
        .fields = {{"action", FieldType::text, FieldRule::Need::required, "clone or commit"}},
        .outputs = {"commit", "branch"},
        .check = [](const domain::StepDefinition& step) {
          std::vector<std::pair<std::string, std::string>> problems;
          const auto action = step.text("action");
          if (step.with.contains("action") && action != "clone" && action != "commit")
            problems.emplace_back(
                "action",
                fmt::format("git step \"{}\" needs `action: clone` or `action: commit`, not \"{}\"",
                            step.name, action));
          return problems;
        }};
  }

  Task<Result<StepEnd>> execute(StepContext& context) const override {
    const bool clone = context.text("action") == "clone";
    CORRAL_CO_TRY(auto failure, clone ? co_await this->clone(context) : co_await commit(context));
    StepEnd end{.failure = std::move(failure)};
    end.outputs["branch"] = context.run.request.branch;
    end.outputs["commit"] = clone ? context.run.base_commit : context.run.commit.value_or("");
    co_return end;
  }

 private:
  using Outcome = Task<Result<std::optional<domain::Failure>>>;

  Outcome clone(StepContext& context) const;
  Outcome commit(StepContext& context) const;
};

GitKind::Outcome GitKind::clone(StepContext& context) const {
  const auto& request = context.run.request;
  // Looked up once in the life of a run: what it starts from never moves under it.
  if (context.run.base_commit.empty()) {
    const auto fetched =
        co_await context.core.deps.mirrors.fetch(request.project, request.git_url, request.base);
    if (!fetched) co_return domain::failure_of(fetched.error());
    CORRAL_CO_CHECK(co_await context.tell(domain::ResolveSource{fetched->branch, fetched->commit}));
    if (request.base.empty())
      co_await note_default_branch(context.core, request.project, fetched->branch);
  }
  co_return co_await clone_sources(context);
}

GitKind::Outcome GitKind::commit(StepContext& context) const {
  CORRAL_CO_TRY(auto failure, co_await commit_and_push(context));
  if (failure) co_return failure;

  auto& mirrors = context.core.deps.mirrors;
  const auto& request = context.run.request;
  const auto commit = co_await mirrors.resolve(request.project, branch_ref(context.run));
  if (!commit && commit.error().code != ErrorCode::not_found)
    co_return domain::failure_of(commit.error());
  if (!commit) {
    CORRAL_CO_CHECK(co_await context.tell(domain::CommitChanges{}));
    co_return std::nullopt;
  }
  const auto stat = co_await mirrors.diff_stat(request.project, context.run.base_commit, *commit);
  if (!stat) co_return domain::failure_of(stat.error());
  if (request.git_url.starts_with('/')) {
    const auto published =
        co_await mirrors.publish(request.project, request.branch, request.git_url);
    if (!published) co_return domain::failure_of(published.error());
  }
  CORRAL_CO_CHECK(co_await context.tell(domain::CommitChanges{
      *commit, domain::DiffStat{stat->files, stat->insertions, stat->deletions}}));
  co_return std::nullopt;
}

}  // namespace

std::unique_ptr<StepKind> make_git_kind() { return std::make_unique<GitKind>(); }

}  // namespace corral::engine
