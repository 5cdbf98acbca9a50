// The engine as the gateway sees it: one run with a token and a budget. What the gateway must not call is `internal`.
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

  Task<Result<json::value>> start_run(engine::StartRun, std::string, std::string) override { return none<json::value>(); }
  Task<Result<json::value>> cancel_run(RunId, std::string, std::string) override { return none<json::value>(); }
  Task<Result<json::value>> retry_run(RunId, std::string) override { return none<json::value>(); }
  Task<Result<json::value>> decide_approval(std::string, bool, std::string, std::string) override { return none<json::value>(); }
  Task<Result<json::value>> create_group(std::string, std::string) override { return none<json::value>(); }
  Task<Result<json::value>> create_project(std::string, std::string, std::string, std::string) override { return none<json::value>(); }
  Task<Result<void>> delete_project(std::string, std::string) override { return none<void>(); }
  Task<Result<json::value>> get_run(RunId) override { return none<json::value>(); }
  Task<Result<engine::Page>> list_runs(engine::RunFilter) override { return none<engine::Page>(); }
  Task<Result<json::value>> get_project(std::string) override { return none<json::value>(); }
  Task<Result<engine::Page>> list_projects(std::string, std::uint32_t) override { return none<engine::Page>(); }
  Task<Result<json::value>> get_group(std::string) override { return none<json::value>(); }
  Task<Result<engine::Page>> list_groups(std::string, std::uint32_t) override { return none<engine::Page>(); }
  Task<Result<std::vector<json::value>>> list_workflows() override { return none<std::vector<json::value>>(); }
  Result<json::value> validate_workflow(std::string) override { return fail(ErrorCode::internal, "not the gateway's"); }
  Task<Result<std::vector<json::value>>> list_approvals(std::optional<RunId>) override { return none<std::vector<json::value>>(); }
  Task<Result<std::vector<json::value>>> run_events(RunId, std::uint64_t, std::uint32_t, Duration) override { return none<std::vector<json::value>>(); }
  Task<Result<std::vector<json::value>>> all_events(std::uint64_t, std::uint32_t, Duration) override { return none<std::vector<json::value>>(); }
  Task<Result<std::shared_ptr<session::Log>>> run_log(RunId) override { return none<std::shared_ptr<session::Log>>(); }
  Task<Result<std::shared_ptr<session::Log>>> run_timeline(RunId) override { return none<std::shared_ptr<session::Log>>(); }
  Task<Result<std::string>> run_diff(RunId) override { return none<std::string>(); }
  Task<Result<std::vector<json::value>>> list_artifacts(RunId) override { return none<std::vector<json::value>>(); }
  Task<Result<Artifact>> get_artifact(RunId, std::string) override { return none<Artifact>(); }
  Task<Result<std::string>> metrics() override { return none<std::string>(); }

 private:
  template <class T>
  static Task<Result<T>> none() {
    co_return fail(ErrorCode::internal, "not the gateway's");
  }
};

}  // namespace corral::edge::testing
