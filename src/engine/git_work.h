// Git inside a workspace: shell scripts that the runner carries out in the sandbox. What they say
// is not believed: what came of them is read from the project's mirror, outside.
#pragma once

#include <optional>
#include <string>

#include "engine/process.h"

namespace corral::engine {

std::string branch_ref(const domain::Run& run);    // refs/heads/corral/…
std::string snapshot_ref(const domain::Run& run);  // refs/corral/corral/…/snapshot

// Checks out the run's branch at its base commit, in the empty /workspace.
Task<Result<std::optional<domain::Failure>>> clone_sources(StepContext& context);

// Commits what is not committed and pushes the branch to the mirror. Nothing changed: does nothing,
// successfully.
Task<Result<std::optional<domain::Failure>>> commit_and_push(StepContext& context);

// Pushes the work tree as it is (ignored files excepted) to the mirror, as a commit on top of HEAD,
// without touching HEAD, index or branches; and records it. A lost workspace is restored from the
// last one.
Task<Result<std::optional<domain::Failure>>> take_snapshot(StepContext& context);

// Makes the work tree what a commit of another run of the project holds; nothing is committed.
Task<Result<std::optional<domain::Failure>>> take_over(StepContext& context, std::string commit);

// Brings a fresh workspace to the last snapshot, or to the base commit when there is none. Once a
// workspace.
Task<Result<std::optional<domain::Failure>>> restore_workspace(StepContext& context);

}  // namespace corral::engine
