#include "engine/core.h"

#include "base/log.h"

namespace corral::engine {
namespace {

// A run's own retry policies decide when to give up. The queue's count only grows when a worker
// dies with the job, and must never drop a run into the dead letters while it is alive.
constexpr std::uint32_t kJobAttempts = 1'000'000;

bool may_ready_a_job(const ports::Change& change) {
  return std::holds_alternative<ports::NewJob>(change) ||
         std::holds_alternative<ports::WakeJob>(change) ||
         std::holds_alternative<ports::RetryJob>(change) ||
         std::holds_alternative<ports::PauseQueue>(change);
}

}  // namespace

std::shared_ptr<RunEnds::End> RunEnds::of(RunId run) {
  std::erase_if(ends_, [](const auto& entry) { return entry.second.expired(); });
  auto& known = ends_[run];
  auto end = known.lock();
  if (!end) known = end = std::make_shared<End>(executor_);
  return end;
}

void RunEnds::set(RunId run, bool ended) {
  const auto known = ends_.find(run);
  if (known == ends_.end()) return;
  if (const auto end = known->second.lock()) {
    end->ended = ended;
    end->changed.notify();
  }
}

ports::Agent* Core::find_agent(std::string_view name) const {
  for (const auto& agent : deps.agents)
    if (agent->name() == name) return agent.get();
  return nullptr;
}

Task<Result<domain::Run>> Core::tell(RunId id, domain::Command command, Caller by,
                                     std::vector<ports::Change> extra, Claiming* claiming,
                                     Then then) {
  const bool jobs_changed = std::ranges::any_of(extra, may_ready_a_job);
  CORRAL_CO_TRY(auto told, co_await runs.execute(id, std::move(command), std::move(by),
                                                 std::move(extra), claiming, then));
  count(told.before, told.after);
  ends.set(id, domain::has_ended(told.after.status));
  drivers.notify(id);
  if (jobs_changed) announce_jobs();
  co_return std::move(told.after);
}

void Core::count(const domain::Run& before, const domain::Run& after) {
  figures.count(before, after);
  if (before.status != after.status && domain::has_ended(after.status))
    ++counters.runs_ended[std::string(to_string(after.status))];
  for (const auto& step : after.steps) {
    const auto* old = before.find(step.definition.name);
    if (domain::has_ended(step.status) &&
        (old == nullptr || old->status != step.status || old->attempt != step.attempt))
      ++counters.steps_ended[std::string(to_string(step.status))];
  }
}

Task<void> Core::destroy_workspace(WorkspaceId id) {
  leftovers.insert(id);
  const auto destroyed = co_await deps.launcher.destroy(id);
  owners.erase(id);
  if (destroyed)
    leftovers.erase(id);
  else
    log::warning("workspace.left",
                 {{"workspace", id.to_string()}, {"why", destroyed.error().describe()}});
}

Task<Result<void>> Core::commit(std::vector<ports::Change> changes) {
  const bool jobs_changed = std::ranges::any_of(changes, may_ready_a_job);
  ports::Transaction transaction{std::move(changes)};
  CORRAL_CO_CHECK(co_await deps.store.commit(std::move(transaction)));
  if (jobs_changed) announce_jobs();
  co_return Result<void>{};
}

Task<Result<void>> Core::commit(ports::Change change) {
  std::vector<ports::Change> changes;
  changes.push_back(std::move(change));
  co_return co_await commit(std::move(changes));
}

void Core::announce_jobs() {
  ++job_news;
  jobs.notify();
}

ports::NewJob run_job(const domain::Run& run) {
  std::vector<ports::Slot> slots;
  if (const auto& request = run.request; !request.concurrency_group.empty())
    slots.push_back({"concurrency/" + request.concurrency_group,
                     static_cast<std::uint32_t>(request.concurrency_limit)});
  return {.kind = "run",
          .key = run_job_key(run.id),
          .payload = json::object{{"run", run.id.to_string()}},
          .priority = run.request.priority,
          .due = run.request.not_before,
          .max_attempts = kJobAttempts,
          .group = run.request.project.to_string(),
          .slots = std::move(slots)};
}

std::string run_job_key(RunId run) { return "run/" + run.to_string(); }
std::string run_log_folder(RunId run) { return "runs/" + run.to_string(); }

}  // namespace corral::engine
