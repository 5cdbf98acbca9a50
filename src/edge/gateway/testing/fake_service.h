// The engine as the gateway sees it: one run with a token and a budget. What the gateway must not
// call is `internal`.
#pragma once

#include <string>
#include <vector>

#include "engine/service.h"

namespace corral::edge::testing {

class FakeService final : public engine::Service {
 public:
  RunId run{Uuid{{1}}};
  std::string token = "run-token-0123456789";
  bool ended = false, budget_spent = false;
  std::vector<engine::ModelCall> calls;

  Task<Result<RunId>> authenticate_run_token(std::string given) override {
    if (given != token) co_return fail(ErrorCode::unauthenticated, "this is not a run's token");
    if (ended) co_return fail(ErrorCode::forbidden, "the run has ended");
    co_return run;
  }
  Task<Result<void>> admit_model_call(RunId) override {
    if (budget_spent) co_return fail(ErrorCode::exhausted, "the run's budget of $1.00 is spent");
    co_return Result<void>{};
  }
  Task<Result<void>> record_model_call(RunId, engine::ModelCall call) override {
    calls.push_back(std::move(call));
    co_return Result<void>{};
  }

  Task<Result<json::value>> start_run(engine::StartRun, engine::Caller) override {
    return none<json::value>();
  }
  Task<Result<json::value>> cancel_run(RunId, std::string, engine::Caller) override {
    return none<json::value>();
  }
  Task<Result<json::value>> retry_run(RunId, std::string, engine::Caller) override {
    return none<json::value>();
  }
  Task<Result<json::value>> steer_run(RunId, std::string, domain::SteeringKind, std::string,
                                      engine::Caller) override {
    return none<json::value>();
  }
  Task<Result<json::value>> pause_run(RunId, std::string, engine::Caller) override {
    return none<json::value>();
  }
  Task<Result<json::value>> resume_run(RunId, engine::Caller) override {
    return none<json::value>();
  }
  Task<Result<json::value>> fork_run(RunId, std::string, engine::Caller) override {
    return none<json::value>();
  }
  Task<Result<json::value>> decide_approval(std::string, bool, std::string, std::string,
                                            engine::Caller) override {
    return none<json::value>();
  }
  Task<Result<json::value>> save_workflow(std::string, engine::Caller) override {
    return none<json::value>();
  }
  Task<Result<void>> delete_workflow(std::string, engine::Caller) override { return none<void>(); }
  Task<Result<json::value>> create_schedule(engine::NewSchedule, engine::Caller) override {
    return none<json::value>();
  }
  Task<Result<json::value>> pause_schedule(std::string, bool, engine::Caller) override {
    return none<json::value>();
  }
  Task<Result<void>> delete_schedule(std::string, engine::Caller) override { return none<void>(); }
  Task<Result<json::value>> create_group(std::string, engine::Caller) override {
    return none<json::value>();
  }
  Task<Result<json::value>> create_project(std::string, std::string, std::string,
                                           engine::Caller) override {
    return none<json::value>();
  }
  Task<Result<void>> delete_project(std::string, engine::Caller) override { return none<void>(); }
  Task<Result<json::value>> pause_queue(std::string, bool, engine::Caller) override {
    return none<json::value>();
  }
  Task<Result<void>> retry_job(std::uint64_t, engine::Caller) override { return none<void>(); }
  Task<Result<void>> discard_job(std::uint64_t, engine::Caller) override { return none<void>(); }
  Task<Result<json::value>> get_run(RunId) override { return none<json::value>(); }
  Task<Result<json::value>> get_run_at(RunId, std::uint64_t) override {
    return none<json::value>();
  }
  Task<Result<engine::Page>> list_runs(engine::RunFilter) override { return none<engine::Page>(); }
  Task<Result<json::value>> get_project(std::string) override { return none<json::value>(); }
  Task<Result<engine::Page>> list_projects(std::string, std::uint32_t) override {
    return none<engine::Page>();
  }
  Task<Result<json::value>> get_group(std::string) override { return none<json::value>(); }
  Task<Result<engine::Page>> list_groups(std::string, std::uint32_t) override {
    return none<engine::Page>();
  }
  Task<Result<std::vector<json::value>>> list_workflows() override {
    return none<std::vector<json::value>>();
  }
  Task<Result<json::value>> get_workflow(std::string) override { return none<json::value>(); }
  json::value workflow_schema() override { return nullptr; }
  Result<json::value> validate_workflow(std::string) override {
    return fail(ErrorCode::internal, "not the gateway's");
  }
  Task<Result<json::value>> get_schedule(std::string) override { return none<json::value>(); }
  Task<Result<std::vector<json::value>>> list_schedules() override {
    return none<std::vector<json::value>>();
  }
  Task<Result<std::vector<json::value>>> list_approvals(std::optional<RunId>) override {
    return none<std::vector<json::value>>();
  }
  Task<Result<std::vector<json::value>>> run_events(RunId, std::uint64_t, std::uint32_t,
                                                    Duration) override {
    return none<std::vector<json::value>>();
  }
  Task<Result<std::vector<json::value>>> all_events(engine::EventFilter, Duration) override {
    return none<std::vector<json::value>>();
  }
  Task<Result<std::uint64_t>> last_position() override { return none<std::uint64_t>(); }
  Task<Result<std::shared_ptr<session::Log>>> run_log(RunId) override {
    return none<std::shared_ptr<session::Log>>();
  }
  Task<Result<std::shared_ptr<session::Log>>> run_timeline(RunId) override {
    return none<std::shared_ptr<session::Log>>();
  }
  Task<Result<std::string>> run_diff(RunId) override { return none<std::string>(); }
  Task<Result<std::vector<json::value>>> list_artifacts(RunId) override {
    return none<std::vector<json::value>>();
  }
  Task<Result<Artifact>> get_artifact(RunId, std::string) override { return none<Artifact>(); }
  Task<Result<json::value>> queue_state() override { return none<json::value>(); }
  Task<Result<engine::Page>> list_jobs(engine::JobFilter) override { return none<engine::Page>(); }
  Task<Result<std::string>> metrics() override { return none<std::string>(); }

 private:
  template <class T>
  static Task<Result<T>> none() {
    co_return fail(ErrorCode::internal, "not the gateway's");
  }
};

}  // namespace corral::edge::testing
