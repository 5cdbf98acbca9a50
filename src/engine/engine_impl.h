// The engine: its parts put together behind Service.
#pragma once

#include "engine/catalog.h"
#include "engine/core.h"
#include "engine/homes.h"
#include "engine/idempotency.h"
#include "engine/retention.h"
#include "engine/schedules.h"
#include "engine/session_commands.h"
#include "engine/session_host.h"
#include "engine/workers.h"
#include "engine/workspace_files.h"

namespace corral::engine {

class EngineImpl final : public Engine {
 public:
  EngineImpl(EngineDeps deps, EngineOptions options, StepKinds kinds);

  Task<Result<void>> start() override;
  Task<void> stop() override;
  std::optional<WorkspaceOwner> workspace_owner(WorkspaceId workspace) const override;
  SessionService& sessions() override { return session_commands_; }
  FileService& files() override { return files_; }

  Task<Result<json::value>> start_run(StartRun request, Caller by) override;
  Task<Result<json::value>> cancel_run(RunId run, std::string reason, Caller by) override;
  Task<Result<json::value>> retry_run(RunId run, std::string from, Caller by) override;
  Task<Result<json::value>> steer_run(RunId run, std::string step, domain::SteeringKind what,
                                      std::string text, Caller by) override;
  Task<Result<json::value>> pause_run(RunId run, std::string reason, Caller by) override;
  Task<Result<json::value>> resume_run(RunId run, Caller by) override;
  Task<Result<json::value>> fork_run(RunId run, std::string from, Caller by) override;
  Task<Result<json::value>> decide_approval(std::string approval, bool allow, std::string message,
                                            std::string choice, Caller by) override;
  Task<Result<json::value>> save_workflow(std::string source, Caller by) override;
  Task<Result<void>> delete_workflow(std::string name, Caller by) override;
  Task<Result<json::value>> create_schedule(NewSchedule schedule, Caller by) override;
  Task<Result<json::value>> pause_schedule(std::string id, bool paused, Caller by) override;
  Task<Result<void>> delete_schedule(std::string id, Caller by) override;
  Task<Result<json::value>> create_group(std::string name, Caller by) override;
  Task<Result<json::value>> create_project(std::string name, std::string git_url, std::string group,
                                           Caller by) override;
  Task<Result<void>> delete_project(std::string project, Caller by) override;
  Task<Result<json::value>> pause_queue(std::string group, bool paused, Caller by) override;
  Task<Result<void>> retry_job(std::uint64_t job, Caller by) override;
  Task<Result<void>> discard_job(std::uint64_t job, Caller by) override;

  Task<Result<json::value>> get_run(RunId run) override;
  Task<Result<json::value>> get_run_at(RunId run, std::uint64_t version) override;
  Task<Result<Page>> list_runs(RunFilter filter) override;
  Task<Result<json::value>> get_project(std::string id_or_name) override;
  Task<Result<Page>> list_projects(std::string cursor, std::uint32_t limit) override;
  Task<Result<json::value>> get_group(std::string id_or_name) override;
  Task<Result<Page>> list_groups(std::string cursor, std::uint32_t limit) override;
  Task<Result<std::vector<json::value>>> list_workflows() override;
  Task<Result<json::value>> get_workflow(std::string name) override;
  json::value workflow_schema() override;
  Result<json::value> validate_workflow(std::string yaml) override;
  Task<Result<json::value>> get_schedule(std::string id) override;
  Task<Result<std::vector<json::value>>> list_schedules() override;
  Task<Result<std::vector<json::value>>> list_approvals(std::optional<RunId> run) override;
  Task<Result<std::vector<json::value>>> run_events(RunId run, std::uint64_t after_version,
                                                    std::uint32_t limit, Duration wait) override;
  Task<Result<std::vector<json::value>>> all_events(EventFilter filter, Duration wait) override;
  Task<Result<std::uint64_t>> last_position() override;
  Task<Result<std::shared_ptr<session::Log>>> run_log(RunId run) override;
  Task<Result<std::shared_ptr<session::Log>>> run_timeline(RunId run) override;
  Task<Result<std::string>> run_diff(RunId run) override;
  Task<Result<std::vector<json::value>>> list_artifacts(RunId run) override;
  Task<Result<Artifact>> get_artifact(RunId run, std::string name) override;

  Task<Result<RunId>> authenticate_run_token(std::string token) override;
  Task<Result<void>> admit_model_call(RunId run) override;
  Task<Result<void>> record_model_call(RunId run, ModelCall call) override;
  Task<Result<std::string>> metrics() override;
  Task<Result<json::value>> queue_state() override;
  Task<Result<Page>> list_jobs(JobFilter filter) override;

 private:
  // Those that wait to begin are left to their jobs: they have no workspace, and nothing can be
  // lost.
  Task<Result<std::vector<domain::Run>>> runs_under_way();
  Task<Result<void>> sort_workspaces(const std::vector<domain::Run>& live);
  // A person's command: whoever drives the run, or is to, takes notice.
  Task<Result<domain::Run>> command(RunId run, domain::Command command, Caller by, std::string what,
                                    std::vector<ports::Change> extra = {});
  Task<Result<json::value>> begin_run(domain::Create create, Caller by, const Once& once);
  Task<Result<json::value>> get_document(std::string_view kind, std::string id,
                                         std::string_view what);
  Task<Result<std::shared_ptr<session::Log>>> open_log(RunId run, std::string_view name);

  Core core_;
  Catalog catalog_;
  Schedules schedules_;
  Homes homes_;
  SessionHost sessions_;
  SessionCommands session_commands_;
  WorkspaceFiles files_;
  Retention retention_;
  Workers workers_;
};

}  // namespace corral::engine
