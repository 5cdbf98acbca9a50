// A small engine::Service in memory: enough for the edge's tests to see every kind of answer. Not a
// model of the engine: runs stay as the test puts them.
#pragma once

#include <map>

#include <boost/asio/steady_timer.hpp>

#include "engine/service.h"

namespace corral::edge::testing {

// A log in memory; append() takes any source offset.
class FakeLog final : public session::Log {
 public:
  explicit FakeLog(Executor executor);
  Task<Result<void>> append(std::string source, std::uint64_t source_offset,
                            std::string bytes) override;
  std::uint64_t source_end(const std::string& source) const override;
  std::uint64_t end() const override { return bytes_.size(); }
  bool closed() const override { return closed_; }
  Task<Result<void>> close() override;
  Task<Result<std::string>> read(std::uint64_t offset, std::size_t max_bytes) override;
  Task<void> wait_beyond(std::uint64_t offset, Duration timeout) override;

  void put(std::string_view bytes);
  void finish();
  std::size_t waiting = 0;  // coroutines in wait_beyond

 private:
  std::string bytes_;
  bool closed_ = false;
  asio::steady_timer changed_;
};

class FakeService final : public engine::Service {
 public:
  explicit FakeService(Executor executor);

  struct Run {
    json::object document;
    std::shared_ptr<FakeLog> log, timeline;
    std::vector<json::value> events;
    std::string diff;
    std::map<std::string, Artifact> artifacts;
    std::string idempotency_key;
  };
  Run& run(RunId id) { return runs_.at(id); }
  RunId newest() const { return runs_.rbegin()->first; }
  void add_event(RunId id, std::string type);
  void set_status(RunId id, std::string_view status);

  engine::StartRun last_start;  // as the edge passed it on
  std::string last_actor;
  std::optional<Error> next_error;  // given once, by the next query for a run

  Task<Result<json::value>> start_run(engine::StartRun request, std::string actor,
                                      std::string idempotency_key) override;
  Task<Result<json::value>> cancel_run(RunId run, std::string reason, std::string actor) override;
  Task<Result<json::value>> retry_run(RunId run, std::string actor) override;
  Task<Result<json::value>> decide_approval(std::string approval, bool allow, std::string message,
                                            std::string actor) override;
  Task<Result<json::value>> create_group(std::string name, std::string actor) override;
  Task<Result<json::value>> create_project(std::string name, std::string git_url, std::string group,
                                           std::string actor) override;
  Task<Result<void>> delete_project(std::string project, std::string actor) override;
  Task<Result<json::value>> get_run(RunId run) override;
  Task<Result<engine::Page>> list_runs(engine::RunFilter filter) override;
  Task<Result<json::value>> get_project(std::string id_or_name) override;
  Task<Result<engine::Page>> list_projects(std::string cursor, std::uint32_t limit) override;
  Task<Result<json::value>> get_group(std::string id_or_name) override;
  Task<Result<engine::Page>> list_groups(std::string cursor, std::uint32_t limit) override;
  Task<Result<std::vector<json::value>>> list_workflows() override;
  Result<json::value> validate_workflow(std::string yaml) override;
  Task<Result<std::vector<json::value>>> list_approvals(std::optional<RunId> run) override;
  Task<Result<std::vector<json::value>>> run_events(RunId run, std::uint64_t after_version,
                                                    std::uint32_t limit, Duration wait) override;
  Task<Result<std::vector<json::value>>> all_events(std::uint64_t after_position,
                                                    std::uint32_t limit, Duration wait) override;
  Task<Result<std::shared_ptr<session::Log>>> run_log(RunId run) override;
  Task<Result<std::shared_ptr<session::Log>>> run_timeline(RunId run) override;
  Task<Result<std::string>> run_diff(RunId run) override;
  Task<Result<std::vector<json::value>>> list_artifacts(RunId run) override;
  Task<Result<Artifact>> get_artifact(RunId run, std::string name) override;
  Task<Result<RunId>> authenticate_run_token(std::string token) override;
  Task<Result<void>> admit_model_call(RunId run) override;
  Task<Result<void>> record_model_call(RunId run, engine::ModelCall call) override;
  Task<Result<std::string>> metrics() override;

 private:
  Result<Run*> find_run(RunId id);
  json::object* find_named(std::map<std::string, json::object>& documents,
                           const std::string& id_or_name);
  Task<void> wait_for_event(Duration wait);

  Executor executor_;
  std::map<RunId, Run> runs_;
  std::map<std::string, json::object> groups_, projects_;  // by id
  std::vector<json::value> events_;
  asio::steady_timer event_added_;
};

}  // namespace corral::edge::testing
