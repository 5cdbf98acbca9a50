#include "engine/git_work.h"

#include <algorithm>

namespace corral::engine {
namespace {

// Values come in by environment variables, so that none of them is ever parsed as shell text. Hooks
// are off: the project's own may need what a sandbox lacks, and the agent's are none of ours.
constexpr std::string_view kPrelude = R"sh(set -eu
git() { command git -c core.hooksPath=/dev/null -c commit.gpgSign=false -c gc.auto=0 -c advice.detachedHead=false "$@"; }
transfer() { git "$@" || exit 75; }
)sh";

// What a script exits with (EX_TEMPFAIL) when it could not reach the mirror. The door to it is the
// server's, and dies with it in the midst of a transfer: whichever server is there then carries the
// script out again, as another process. Those that an earlier server began say nothing about the
// mirror, and so neither count nor are waited for.
constexpr int kTransferFailed = 75;
constexpr int kTransferAttempts = 6;
constexpr Duration kTransferPause{500};

constexpr std::string_view kOpenRepository = R"sh(git init -q .
git remote add origin "$CORRAL_GIT" 2>/dev/null || git remote set-url origin "$CORRAL_GIT"
git config user.name "$GIT_AUTHOR_NAME"
git config user.email "$GIT_AUTHOR_EMAIL"
)sh";

constexpr std::string_view kClone =
    R"sh(transfer fetch -q --no-tags origin "+refs/heads/$CORRAL_BASE_BRANCH:refs/remotes/origin/$CORRAL_BASE_BRANCH"
git checkout -q -f -B "$CORRAL_BRANCH" "$CORRAL_BASE"
echo "On a new branch $CORRAL_BRANCH, from $CORRAL_BASE_BRANCH at $(git rev-parse --short "$CORRAL_BASE")"
)sh";

// The snapshot's parent is what HEAD was; its tree is what the work tree was. It is asked for by
// its hash: a run may go on from an earlier one than the ref names, and a fork from another run's.
constexpr std::string_view kRestore =
    R"sh(transfer fetch -q --no-tags origin "+refs/heads/$CORRAL_BASE_BRANCH:refs/remotes/origin/$CORRAL_BASE_BRANCH"
if [ -n "$CORRAL_SNAPSHOT" ]; then
  transfer fetch -q --no-tags origin "$CORRAL_SNAPSHOT"
  git checkout -q -f -B "$CORRAL_BRANCH" "$CORRAL_SNAPSHOT"
  git reset -q --soft "$CORRAL_SNAPSHOT^"
  git reset -q
  echo "A new workspace, restored from the last snapshot"
else
  git checkout -q -f -B "$CORRAL_BRANCH" "$CORRAL_BASE"
  echo "A new workspace, on $CORRAL_BRANCH from $(git rev-parse --short "$CORRAL_BASE")"
fi
)sh";

constexpr std::string_view kSnapshot = R"sh(index=$(git rev-parse --git-path index)
GIT_INDEX_FILE=$(mktemp -d)/index
export GIT_INDEX_FILE
cp "$index" "$GIT_INDEX_FILE" 2>/dev/null || true
git add -A
tree=$(git write-tree)
commit=$(git commit-tree "$tree" -p HEAD -m "Corral: the work tree after $CORRAL_STEP")
transfer push -q --force "$CORRAL_GIT" "$commit:$CORRAL_SNAPSHOT_REF"
)sh";

constexpr std::string_view kCommit = R"sh(git add -A
git diff --cached --quiet || printf '%s' "$CORRAL_MESSAGE" | git commit -q --no-verify --cleanup=verbatim -F -
if [ "$(git rev-parse HEAD)" = "$CORRAL_BASE" ]; then
  echo "Nothing has changed: there is nothing to commit."
  exit 0
fi
transfer push -q --force "$CORRAL_GIT" "HEAD:$CORRAL_REF"
echo "Commit $(git rev-parse --short HEAD) on $CORRAL_BRANCH"
git --no-pager diff --stat "$CORRAL_BASE" HEAD
)sh";

// By its hash: a workspace sees no branch of another's.
constexpr std::string_view kTakeOver = R"sh(transfer fetch -q --no-tags origin "$CORRAL_OTHER"
git read-tree -u --reset "$CORRAL_OTHER"
git reset -q
echo "Took the work of $(git rev-parse --short "$CORRAL_OTHER")"
)sh";

// A header value of a commit: one line, without what delimits it.
std::string header_text(std::string text) {
  std::erase_if(
      text, [](char c) { return c == '<' || c == '>' || static_cast<unsigned char>(c) < 0x20; });
  return text;
}

std::string first_line(std::string_view text, std::size_t most) {
  const auto start = text.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos) return {};
  text = text.substr(start);
  text = text.substr(0, text.find_first_of("\r\n"));
  if (text.size() <= most) return std::string(text);
  text = text.substr(0, most - 3);
  // Not within a character, and rather at a word's end.
  while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xc0) == 0x80)
    text.remove_suffix(1);
  if (!text.empty() && static_cast<unsigned char>(text.back()) >= 0xc0) text.remove_suffix(1);
  if (const auto space = text.rfind(' '); space != std::string_view::npos && space > most / 2)
    text = text.substr(0, space);
  return std::string(text) + "…";
}

std::string commit_message(const domain::Run& run) {
  std::string subject = first_line(run.request.prompt, 72);
  if (subject.empty()) subject = "Work of " + run.request.agent;
  std::string message = subject + "\n\n";
  // The whole request when it says more than the subject and is still a message rather than a
  // document.
  const std::string_view prompt = run.request.prompt;
  if (first_line(prompt, prompt.size() + 1) != subject ||
      prompt.find('\n') != std::string_view::npos)
    if (prompt.size() <= 4096) message += std::string(prompt) + "\n\n";
  return message + fmt::format("Corral-Run: {}\nCorral-Agent: {}\n", run.id.to_string(),
                               header_text(run.request.agent));
}

std::map<std::string, std::string> environment(const StepContext& context) {
  const auto& run = context.run;
  return {
      {"CORRAL_GIT", context.workspace->git_url()},
      {"CORRAL_BRANCH", run.request.branch},
      {"CORRAL_REF", branch_ref(run)},
      {"CORRAL_SNAPSHOT_REF", snapshot_ref(run)},
      {"CORRAL_SNAPSHOT", run.snapshot},
      {"CORRAL_BASE", run.base_commit},
      {"CORRAL_BASE_BRANCH", run.base_branch},
      {"CORRAL_STEP", context.name},
      {"CORRAL_MESSAGE", commit_message(run)},
      {"GIT_TERMINAL_PROMPT", "0"},
      {"GIT_AUTHOR_NAME", header_text(run.request.author_name)},
      {"GIT_AUTHOR_EMAIL", header_text(run.request.author_email)},
      {"GIT_COMMITTER_NAME", "Corral"},
      {"GIT_COMMITTER_EMAIL", "corral@localhost"},
      // The files belong to whoever the sandbox maps them to; git must not take that for a
      // stranger.
      {"GIT_CONFIG_COUNT", "1"},
      {"GIT_CONFIG_KEY_0", "safe.directory"},
      {"GIT_CONFIG_VALUE_0", "*"},
  };
}

Task<Result<std::optional<domain::Failure>>> run_script(StepContext& context, std::string process,
                                                        std::string script, std::string doing,
                                                        std::string other = {}) {
  ProcessEnd end;
  int failed = 0;
  for (int attempt = 1; failed < kTransferAttempts; ++attempt) {
    const std::string again = fmt::format("transfer/{}.{}", process, attempt);
    const bool of_earlier = attempt > 1 && context.log->source_end("corral/" + again) > 0;
    if (attempt > 1 && !of_earlier)
      CORRAL_CO_CHECK(co_await context.note(
          again, fmt::format("git could not {}: trying again ({})\n", doing, attempt)));
    ports::ProcessSpec spec;
    spec.id = attempt == 1 ? process : fmt::format("{}.{}", process, attempt);
    spec.argv = {"sh", "-c", std::string(kPrelude) + script};
    spec.env = environment(context);
    if (!other.empty()) spec.env["CORRAL_OTHER"] = other;
    // Git's own work gets a minute even when time is up: it saves what was done.
    if (const auto left = context.time_left(); left.count() > 0)
      spec.timeout = std::max<Duration>(left, std::chrono::minutes(1));
    CORRAL_CO_TRY(end, co_await run_logged_process(context, std::move(spec)));
    if (end.failure) co_return std::move(end.failure);
    if (end.exit_code != kTransferFailed) break;
    if (of_earlier) continue;
    // The first may be an earlier server's as well: what follows it does so at once.
    co_await context.core.deps.clock.sleep(kTransferPause * failed++);
  }
  if (end.exit_code == kTransferFailed)
    co_return domain::Failure{
        ErrorCode::unavailable,
        fmt::format(
            "git could not {}: the project's mirror did not answer; the log's last lines say why",
            doing)};
  if (end.exit_code != 0)
    co_return domain::Failure{
        ErrorCode::conflict,
        fmt::format("git could not {} (exit code {}); the log's last lines say why", doing,
                    end.exit_code)};
  co_return std::nullopt;
}

}  // namespace

std::string branch_ref(const domain::Run& run) { return "refs/heads/" + run.request.branch; }
std::string snapshot_ref(const domain::Run& run) {
  return "refs/corral/" + run.request.branch + "/snapshot";
}

namespace {

// The mirror may be another server's, where the run was begun: here it is made anew.
Task<std::optional<domain::Failure>> have_sources(StepContext& context) {
  const auto& run = context.run;
  auto& mirrors = context.core.deps.mirrors;
  if (co_await mirrors.resolve(run.request.project, run.base_commit)) co_return std::nullopt;
  const auto fetched =
      co_await mirrors.fetch(run.request.project, run.request.git_url, run.base_branch);
  if (!fetched) co_return domain::failure_of(fetched.error());
  co_return std::nullopt;
}

}  // namespace

Task<Result<std::optional<domain::Failure>>> clone_sources(StepContext& context) {
  if (auto failure = co_await have_sources(context)) co_return failure;
  co_return co_await run_script(context, context.process_id(),
                                std::string(kOpenRepository) + std::string(kClone),
                                "clone the sources");
}

Task<Result<std::optional<domain::Failure>>> commit_and_push(StepContext& context) {
  co_return co_await run_script(context, context.process_id(), std::string(kCommit),
                                "commit the changes");
}

Task<Result<std::optional<domain::Failure>>> take_snapshot(StepContext& context) {
  // Nothing was cloned: there is no work tree to save.
  if (context.run.base_commit.empty()) co_return std::nullopt;
  CORRAL_CO_TRY(auto failure, co_await run_script(context, context.process_id() + ".snapshot",
                                                  std::string(kSnapshot), "save the work tree"));
  if (failure) co_return failure;
  auto commit = co_await context.core.deps.mirrors.resolve(context.run.request.project,
                                                           snapshot_ref(context.run));
  if (!commit)
    co_return domain::Failure{commit.error().code, "the saved work tree is not in the mirror: " +
                                                       commit.error().describe()};
  CORRAL_CO_CHECK(co_await context.tell(domain::TakeSnapshot{context.name, *commit}));
  co_return std::nullopt;
}

Task<Result<std::optional<domain::Failure>>> take_over(StepContext& context, std::string commit) {
  co_return co_await run_script(context, context.process_id(), std::string(kTakeOver),
                                "take the work of the chosen attempt", std::move(commit));
}

Task<Result<std::optional<domain::Failure>>> restore_workspace(StepContext& context) {
  if (auto failure = co_await have_sources(context)) co_return failure;
  co_return co_await run_script(context, fmt::format("restore-{}", context.run.workspaces),
                                std::string(kOpenRepository) + std::string(kRestore),
                                "restore the workspace");
}

}  // namespace corral::engine
