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
  explicit FakeLog(const Executor& executor);
  Task<Result<void>> append(std::string source, std::uint64_t source_offset,
                            std::string bytes) override;
  std::uint64_t source_end(const std::string& source) const override;
  std::uint64_t end() const override { return bytes_.size(); }
  bool closed() const override { return closed_; }
  Task<Result<void>> close() override;
  Task<Result<std::string>> read(std::uint64_t offset, std::size_t max_bytes) override;
  std::optional<Time> time_of(std::uint64_t) const override { return std::nullopt; }
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
  engine::Caller last_caller{""};
  std::string last_words;  // what came with the last command
  engine::NewSchedule last_schedule;
  engine::EventFilter last_filter;
  std::optional<Error> next_error;  // given once, by the next query for a run

  Task<Result<json::value>> start_run(engine::StartRun request, engine::Caller by) override;
  Task<Result<json::value>> cancel_run(RunId run, std::string reason, engine::Caller by) override;
  Task<Result<json::value>> retry_run(RunId run, std::string from, engine::Caller by) override;
  Task<Result<json::value>> steer_run(RunId run, std::string step, domain::SteeringKind what,
                                      std::string text, engine::Caller by) override;
  Task<Result<json::value>> pause_run(RunId run, std::string reason, engine::Caller by) override;
  Task<Result<json::value>> resume_run(RunId run, engine::Caller by) override;
  Task<Result<json::value>> fork_run(RunId run, std::string from, engine::Caller by) override;
  Task<Result<json::value>> decide_approval(std::string approval, bool allow, std::string message,
                                            std::string choice, engine::Caller by) override;
  Task<Result<json::value>> save_workflow(std::string source, engine::Caller by) override;
  Task<Result<void>> delete_workflow(std::string name, engine::Caller by) override;
  Task<Result<json::value>> create_schedule(engine::NewSchedule schedule,
                                            engine::Caller by) override;
  Task<Result<json::value>> pause_schedule(std::string id, bool paused, engine::Caller by) override;
  Task<Result<void>> delete_schedule(std::string id, engine::Caller by) override;
  Task<Result<json::value>> create_group(std::string name, engine::Caller by) override;
  Task<Result<json::value>> create_project(std::string name, std::string git_url, std::string group,
                                           engine::Caller by) override;
  Task<Result<void>> delete_project(std::string project, engine::Caller by) override;
  Task<Result<json::value>> pause_queue(std::string group, bool paused, engine::Caller by) override;
  Task<Result<void>> retry_job(std::uint64_t job, engine::Caller by) override;
  Task<Result<void>> discard_job(std::uint64_t job, engine::Caller by) override;
  Task<Result<json::value>> get_run(RunId run) override;
  Task<Result<json::value>> get_run_at(RunId run, std::uint64_t version) override;
  Task<Result<engine::Page>> list_runs(engine::RunFilter filter) override;
  Task<Result<json::value>> get_project(std::string id_or_name) override;
  Task<Result<engine::Page>> list_projects(std::string cursor, std::uint32_t limit) override;
  Task<Result<json::value>> get_group(std::string id_or_name) override;
  Task<Result<engine::Page>> list_groups(std::string cursor, std::uint32_t limit) override;
  Task<Result<std::vector<json::value>>> list_workflows() override;
  Task<Result<json::value>> get_workflow(std::string name) override;
  json::value workflow_schema() override;
  Task<Result<json::value>> get_schedule(std::string id) override;
  Task<Result<std::vector<json::value>>> list_schedules() override;
  Task<Result<json::value>> queue_state() override;
  Task<Result<engine::Page>> list_jobs(engine::JobFilter filter) override;
  Result<json::value> validate_workflow(std::string yaml) override;
  Task<Result<std::vector<json::value>>> list_approvals(std::optional<RunId> run) override;
  Task<Result<std::vector<json::value>>> run_events(RunId run, std::uint64_t after_version,
                                                    std::uint32_t limit, Duration wait) override;
  Task<Result<std::vector<json::value>>> all_events(engine::EventFilter filter,
                                                    Duration wait) override;
  Task<Result<std::uint64_t>> last_position() override;
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
  Result<json::object*> find_job(std::uint64_t id);
  void called(engine::Caller by, std::string words = {});
  json::object* find_named(std::map<std::string, json::object>& documents,
                           const std::string& id_or_name);
  Task<void> wait_for_event(Duration wait);

  Executor executor_;
  std::map<RunId, Run> runs_;
  std::map<std::string, json::object> groups_, projects_, schedules_;  // by id
  std::map<std::string, json::object> workflows_;                      // by name
  std::map<std::uint64_t, json::object> jobs_;
  json::array paused_;
  std::vector<json::value> events_;
  asio::steady_timer event_added_;
};

}  // namespace corral::edge::testing
