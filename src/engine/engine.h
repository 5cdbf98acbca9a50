// The engine as the composition root sees it: a Service with a life. Lives on one executor, as do
// all its ports' callbacks; nothing of it is thread-safe.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/secret.h"
#include "engine/file_service.h"
#include "engine/service.h"
#include "engine/session_service.h"
#include "engine/step_kinds.h"
#include "ports/agent.h"
#include "ports/blob.h"
#include "ports/cache.h"
#include "ports/git.h"
#include "ports/http_client.h"
#include "ports/launcher.h"
#include "ports/llm.h"
#include "ports/store.h"
#include "session/log_store.h"

namespace corral::engine {

// What the engine stands on. Everything outlives it.
struct EngineDeps {
  Executor executor;
  ports::Store& store;
  ports::Cache& cache;  // of one server alone, or of all that share the store
  ports::Launcher& launcher;
  ports::Mirrors& mirrors;
  std::vector<std::shared_ptr<ports::Agent>> agents;
  ports::Blobs& blobs;
  session::LogStore& logs;
  ports::LlmProvider& models;
  ports::HttpClient& http;
  Clock& clock;
  Random& random;
  // Signs run tokens. At least 32 random bytes, the same for the life of the data folder: a
  // workspace that outlives the server keeps the token it was given.
  Secret token_key;
};

// Whether other servers may be at work on the same store.
enum class StoreUse { alone, shared };

struct EngineOptions {
  // Names the data folder, for as long as it lives: leases of workers named "<server>/…" are those
  // of this process or of earlier ones, which are dead when it starts. Empty: there are none.
  std::string server;
  std::string worker;  // names this process's leases; unique to each start. Empty: made up
  StoreUse store_use = StoreUse::alone;
  std::uint32_t running = 10;     // runs driven at once
  std::uint32_t per_project = 5;  // of one project
  Duration lease{15'000};
  // A run that only waits is looked at this often, should nobody have woken it; nobody relies on
  // it.
  Duration longest_park = std::chrono::hours(1);
  Duration heartbeat{5'000};
  Duration idle_wait{5'000};  // the longest wait for a job before the queue is asked again
  Duration run_timeout{std::chrono::hours(6)};  // of runs that name none
  Duration stop_grace{3'000};   // from interrupt to SIGTERM, and again from SIGTERM to SIGKILL
  Duration exit_grace{10'000};  // for an agent to end by itself, once it has given its result
  std::uint64_t max_output_bytes =
      256u << 20;         // of one channel of a process; more ends the process and fails its step
  Duration keep_logs{0};  // after the end of their run or session; 0: for ever
  std::uint64_t log_quota_bytes = 0;  // of all logs on disk; the oldest ended go; 0: no limit
  std::uint64_t session_log_bytes =
      10ull << 30;  // that a session may print: one that does more is ended; 0: no limit
  std::optional<double> budget_usd;  // of runs that name none
  ports::Limits limits;              // of every workspace
};

// Whose a workspace is, for the doors (gateway, git) that connections from inside come out of.
struct WorkspaceOwner {
  RunId run;
  ProjectId project;
  std::string branch;  // what Mirrors::serve lets it write
};

class Engine : public Service {
 public:
  // Takes up what an earlier process left (leases, workspaces), then starts to drive runs. Await
  // once, before any use.
  virtual Task<Result<void>> start() = 0;
  // Stops driving; workspaces live on and a later start() re-attaches to them. Await once, before
  // destruction.
  virtual Task<void> stop() = 0;
  // Known before a workspace's runner is created or attached to. Empty for a workspace that no
  // driven run uses.
  virtual std::optional<WorkspaceOwner> workspace_owner(WorkspaceId workspace) const = 0;
  virtual SessionService& sessions() = 0;
  virtual FileService& files() = 0;
};

// The kinds of steps that every engine knows; a composition root may add to them.
StepKinds standard_step_kinds();

std::unique_ptr<Engine> make_engine(EngineDeps deps, EngineOptions options = {},
                                    StepKinds kinds = standard_step_kinds());

}  // namespace corral::engine
