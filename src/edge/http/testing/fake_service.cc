#include "edge/http/testing/fake_service.h"

#include <algorithm>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace corral::edge::testing {
namespace {

constexpr const char* kTime = "2026-11-21T09:00:00.000Z";

std::string new_id() {
  return Uuid::v7(SystemClock::instance().now(), SystemRandom::instance()).to_string();
}

Task<void> wait_on(asio::steady_timer& timer, Duration longest) {
  timer.expires_after(longest);
  boost::system::error_code ignored;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

engine::Page page_of(const std::map<std::string, json::object>& documents,
                     const std::string& cursor, std::uint32_t limit) {
  engine::Page page;
  for (auto at = documents.rbegin(); at != documents.rend(); ++at) {
    if (!cursor.empty() && at->first >= cursor) continue;
    if (page.items.size() == limit) {
      page.next_cursor = find_string(page.items.back(), {"id"});
      break;
    }
    page.items.emplace_back(at->second);
  }
  return page;
}

}  // namespace

FakeLog::FakeLog(const Executor& executor) : changed_(executor) {}

Task<Result<void>> FakeLog::append(std::string, std::uint64_t, std::string bytes) {
  put(bytes);
  co_return Result<void>{};
}

std::uint64_t FakeLog::source_end(const std::string&) const { return bytes_.size(); }

Task<Result<void>> FakeLog::close() {
  finish();
  co_return Result<void>{};
}

void FakeLog::put(std::string_view bytes) {
  bytes_.append(bytes);
  changed_.cancel();
}

void FakeLog::finish() {
  closed_ = true;
  changed_.cancel();
}

Task<Result<std::string>> FakeLog::read(std::uint64_t offset, std::size_t max_bytes) {
  if (offset > bytes_.size()) co_return fail(ErrorCode::invalid, "past the end");
  co_return bytes_.substr(offset, max_bytes);
}

Task<void> FakeLog::wait_beyond(std::uint64_t offset, Duration timeout) {
  if (bytes_.size() > offset || closed_) co_return;
  ++waiting;
  co_await wait_on(changed_, timeout);
  --waiting;
}

FakeService::FakeService(Executor executor)
    : executor_(std::move(executor)), event_added_(executor_) {
  for (const auto* state : {"failed", "ready"}) {
    const auto id = jobs_.size() + 1;
    jobs_[id] = {{"id", id},      {"kind", "run"},       {"key", fmt::format("run/{}", id)},
                 {"group", "g"},  {"state", state},      {"attempt", 3},
                 {"priority", 0}, {"max_attempts", 3},   {"due", kTime},
                 {"error", ""},   {"created_at", kTime}, {"run", nullptr}};
  }
}

void FakeService::called(engine::Caller by, std::string words) {
  last_caller = std::move(by);
  last_words = std::move(words);
}

Result<json::object*> FakeService::find_job(std::uint64_t id) {
  const auto at = jobs_.find(id);
  if (at == jobs_.end()) return fail(ErrorCode::not_found, "there is no job {}", id);
  if (at->second.at("state") != "failed")
    return fail(ErrorCode::conflict, "job {} is no dead letter", id);
  return &at->second;
}

Result<FakeService::Run*> FakeService::find_run(RunId id) {
  if (next_error) return std::unexpected(*std::exchange(next_error, std::nullopt));
  const auto at = runs_.find(id);
  if (at == runs_.end()) return fail(ErrorCode::not_found, "there is no run {}", id.to_string());
  return &at->second;
}

json::object* FakeService::find_named(std::map<std::string, json::object>& documents,
                                      const std::string& id_or_name) {
  for (auto& [id, document] : documents)
    if (id == id_or_name || document.at("name").as_string() == json::string(id_or_name))
      return &document;
  return nullptr;
}

void FakeService::add_event(RunId id, std::string type) {
  auto& run = runs_.at(id);
  json::object event{{"version", run.events.size() + 1},
                     {"type", type},
                     {"time", kTime},
                     {"actor", "worker"},
                     {"data", json::object()}};
  run.events.emplace_back(event);
  event["position"] = events_.size() + 1;
  event["stream"] = "run/" + id.to_string();
  events_.emplace_back(std::move(event));
  event_added_.cancel();
}

void FakeService::set_status(RunId id, std::string_view status) {
  runs_.at(id).document["status"] = status;
  add_event(id, "run." + std::string(status));
}

Task<Result<json::value>> FakeService::start_run(engine::StartRun request, engine::Caller by) {
  auto& idempotency_key = by.idempotency_key;
  for (const auto& [id, run] : runs_)
    if (!idempotency_key.empty() && run.idempotency_key == idempotency_key) {
      if (run.document.at("prompt").as_string() != json::string(request.prompt))
        co_return fail(ErrorCode::conflict, "the key was used for another request");
      co_return run.document;
    }
  std::string project = request.project.empty() ? "repo" : request.project;
  if (!request.project.empty()) {
    auto* found = find_named(projects_, request.project);
    if (found == nullptr)
      co_return fail(ErrorCode::not_found, "there is no project \"{}\"", request.project);
    project = std::string(found->at("name").as_string());
  }
  const auto id = RunId::make(SystemClock::instance().now(), SystemRandom::instance());
  json::object step{
      {"name", "agent"},       {"kind", "agent"},          {"status", "pending"},
      {"attempt", 0},          {"needs", json::array()},   {"finally", false},
      {"matrix_of", nullptr},  {"matrix", json::object()}, {"reason", nullptr},
      {"wakes_at", nullptr},   {"summary", nullptr},       {"outputs", json::object()},
      {"started_at", nullptr}, {"finished_at", nullptr},   {"error", nullptr}};
  Run run;
  run.document = {{"id", id.to_string()},
                  {"project", json::object{{"id", new_id()}, {"name", project}}},
                  {"workflow", request.workflow},
                  {"workflow_version", 1},
                  {"inputs", request.inputs},
                  {"parent", nullptr},
                  {"parent_step", nullptr},
                  {"forked_from", nullptr},
                  {"forked_step", nullptr},
                  {"schedule", nullptr},
                  {"paused", false},
                  {"agent", request.agent},
                  {"prompt", request.prompt},
                  {"checks", request.checks},
                  {"permissions", request.permissions},
                  {"status", "running"},
                  {"attempt", 1},
                  {"waiting", false},
                  {"error", nullptr},
                  {"isolation", "sandbox"},
                  {"branch", "corral/" + id.to_string()},
                  {"base_branch", "main"},
                  {"base_commit", nullptr},
                  {"commit", nullptr},
                  {"diff_stat", nullptr},
                  {"cost_usd", 0.0123},
                  {"budget_usd", nullptr},
                  {"usage", json::object{{"calls", 1},
                                         {"input_tokens", 2},
                                         {"output_tokens", 3},
                                         {"cache_read_tokens", 0},
                                         {"cache_write_tokens", 0}}},
                  {"summary", nullptr},
                  {"approvals", json::array()},
                  {"steps", json::array{json::value(std::move(step))}},
                  {"created_by", by.actor},
                  {"created_at", kTime},
                  {"started_at", kTime},
                  {"finished_at", nullptr},
                  {"version", 1}};
  run.log = std::make_shared<FakeLog>(executor_);
  run.timeline = std::make_shared<FakeLog>(executor_);
  run.idempotency_key = idempotency_key;
  run.artifacts["report.html"] = {.name = "report.html",
                                  .media_type = "text/html",
                                  .content = "<script>alert(1)</script>",
                                  .hash = "abc"};
  const auto document = run.document;
  runs_.emplace(id, std::move(run));
  last_start = std::move(request);
  called(std::move(by));
  add_event(id, "run.created");
  co_return document;
}

Task<Result<json::value>> FakeService::cancel_run(RunId id, std::string reason, engine::Caller by) {
  called(std::move(by), std::move(reason));
  CORRAL_CO_TRY(auto* run, find_run(id));
  if (run->document.at("status") != "running")
    co_return fail(ErrorCode::conflict, "the run has ended");
  set_status(id, "cancelled");
  run->log->finish();
  run->timeline->finish();
  co_return run->document;
}

Task<Result<json::value>> FakeService::retry_run(RunId id, std::string from, engine::Caller by) {
  called(std::move(by), std::move(from));
  CORRAL_CO_TRY(auto* run, find_run(id));
  if (run->document.at("status") != "failed")
    co_return fail(ErrorCode::conflict, "only a failed run can be retried");
  set_status(id, "pending");
  co_return run->document;
}

Task<Result<json::value>> FakeService::steer_run(RunId id, std::string step,
                                                 domain::SteeringKind what, std::string text,
                                                 engine::Caller by) {
  called(std::move(by), fmt::format("{} {} {}", step, to_string(what), text));
  CORRAL_CO_TRY(auto* run, find_run(id));
  co_return run->document;
}

Task<Result<json::value>> FakeService::pause_run(RunId id, std::string reason, engine::Caller by) {
  called(std::move(by), std::move(reason));
  CORRAL_CO_TRY(auto* run, find_run(id));
  run->document["paused"] = true;
  co_return run->document;
}

Task<Result<json::value>> FakeService::resume_run(RunId id, engine::Caller by) {
  called(std::move(by));
  CORRAL_CO_TRY(auto* run, find_run(id));
  run->document["paused"] = false;
  co_return run->document;
}

Task<Result<json::value>> FakeService::fork_run(RunId id, std::string from, engine::Caller by) {
  called(std::move(by), from);
  CORRAL_CO_TRY(auto* run, find_run(id));
  auto document = run->document;
  document["id"] = new_id();
  document["forked_from"] = id.to_string();
  if (!from.empty()) document["forked_step"] = from;
  co_return document;
}

Task<Result<json::value>> FakeService::decide_approval(std::string approval, bool allow,
                                                       std::string message, std::string choice,
                                                       engine::Caller by) {
  called(std::move(by), fmt::format("{} {} {}", allow ? "allow" : "deny", message, choice));
  if (approval != "known")
    co_return fail(ErrorCode::not_found, "there is no open approval \"{}\"", approval);
  co_return json::object{{"id", approval},           {"run", new_id()},
                         {"step", "agent"},          {"tool", "Bash"},
                         {"input", json::object()},  {"text", "?"},
                         {"choices", json::array()}, {"approvers", json::array()},
                         {"until", nullptr},         {"requested_at", kTime}};
}

Task<Result<json::value>> FakeService::create_group(std::string name, engine::Caller by) {
  called(std::move(by));
  if (find_named(groups_, name) != nullptr)
    co_return fail(ErrorCode::conflict, "there is a group \"{}\" already", name);
  const auto id = new_id();
  co_return groups_[id] = {{"id", id}, {"name", name}, {"created_at", kTime}};
}

Task<Result<json::value>> FakeService::create_project(std::string name, std::string git_url,
                                                      std::string group, engine::Caller by) {
  called(std::move(by));
  if (!group.empty() && find_named(groups_, group) == nullptr)
    co_return fail(ErrorCode::not_found, "there is no group \"{}\"", group);
  if (find_named(projects_, name) != nullptr)
    co_return fail(ErrorCode::conflict, "there is a project \"{}\" already", name);
  const auto id = new_id();
  co_return projects_[id] = {{"id", id},
                             {"name", name},
                             {"git_url", git_url},
                             {"group", group},
                             {"default_branch", "main"},
                             {"created_at", kTime}};
}

Task<Result<void>> FakeService::delete_project(std::string project, engine::Caller by) {
  called(std::move(by));
  auto* found = find_named(projects_, project);
  if (found == nullptr) co_return fail(ErrorCode::not_found, "there is no project \"{}\"", project);
  projects_.erase(std::string(found->at("id").as_string()));
  co_return Result<void>{};
}

Task<Result<json::value>> FakeService::get_run(RunId id) {
  CORRAL_CO_TRY(auto* run, find_run(id));
  co_return run->document;
}

Task<Result<json::value>> FakeService::get_run_at(RunId id, std::uint64_t version) {
  CORRAL_CO_TRY(auto* run, find_run(id));
  if (version > run->events.size())
    co_return fail(ErrorCode::not_found, "run {} has {} events", id.to_string(),
                   run->events.size());
  auto document = run->document;
  document["version"] = version;
  co_return document;
}

Task<Result<engine::Page>> FakeService::list_runs(engine::RunFilter filter) {
  std::map<std::string, json::object> matching;
  for (const auto& [id, run] : runs_)
    if (filter.status.empty() ||
        run.document.at("status").as_string() == json::string(filter.status))
      matching[id.to_string()] = run.document;
  co_return page_of(matching, filter.cursor, filter.limit);
}

Task<Result<json::value>> FakeService::get_project(std::string id_or_name) {
  auto* found = find_named(projects_, id_or_name);
  if (found == nullptr)
    co_return fail(ErrorCode::not_found, "there is no project \"{}\"", id_or_name);
  co_return *found;
}

Task<Result<engine::Page>> FakeService::list_projects(std::string cursor, std::uint32_t limit) {
  co_return page_of(projects_, cursor, limit);
}

Task<Result<json::value>> FakeService::get_group(std::string id_or_name) {
  auto* found = find_named(groups_, id_or_name);
  if (found == nullptr)
    co_return fail(ErrorCode::not_found, "there is no group \"{}\"", id_or_name);
  co_return *found;
}

Task<Result<engine::Page>> FakeService::list_groups(std::string cursor, std::uint32_t limit) {
  co_return page_of(groups_, cursor, limit);
}

Task<Result<std::vector<json::value>>> FakeService::list_workflows() {
  std::vector<json::value> list{*validate_workflow("name: task")};
  for (const auto& [name, workflow] : workflows_) list.emplace_back(workflow);
  co_return list;
}

Task<Result<json::value>> FakeService::get_workflow(std::string name) {
  const auto at = workflows_.find(name);
  if (at == workflows_.end())
    co_return fail(ErrorCode::not_found, "there is no workflow \"{}\"", name);
  co_return at->second;
}

// Of a definition it reads the first line, "name: …".
Result<json::value> FakeService::validate_workflow(std::string yaml) {
  if (!yaml.starts_with("name: "))
    return fail(ErrorCode::invalid, "definition:1:1: \"name\" is missing");
  return json::object{{"name", yaml.substr(6, yaml.find('\n') - 6)},
                      {"version", 1},
                      {"description", ""},
                      {"inputs", json::object()},
                      {"schedule", nullptr},
                      {"origin", "given"},
                      {"source", yaml},
                      {"steps", json::array{json::object{{"name", "agent"},
                                                         {"kind", "agent"},
                                                         {"needs", json::array()},
                                                         {"if", ""},
                                                         {"matrix", false},
                                                         {"finally", false}}}}};
}

Task<Result<json::value>> FakeService::save_workflow(std::string source, engine::Caller by) {
  called(std::move(by));
  CORRAL_CO_TRY(auto workflow, validate_workflow(source));
  const std::string name(find_string(workflow, {"name"}));
  auto& kept = workflows_[name];
  if (!kept.empty() && kept.at("source") == workflow.at("source")) co_return kept;
  workflow.as_object()["version"] = kept.empty() ? 1 : find_int(kept, {"version"}) + 1;
  workflow.as_object()["origin"] = "stored";
  co_return kept = workflow.as_object();
}

Task<Result<void>> FakeService::delete_workflow(std::string name, engine::Caller by) {
  called(std::move(by));
  if (workflows_.erase(name) == 0)
    co_return fail(ErrorCode::not_found, "there is no workflow \"{}\"", name);
  co_return Result<void>{};
}

json::value FakeService::workflow_schema() { return json::object{{"title", "Corral workflow"}}; }

Task<Result<json::value>> FakeService::create_schedule(engine::NewSchedule schedule,
                                                       engine::Caller by) {
  if (schedule.cron == "never")
    co_return fail(ErrorCode::invalid, "cron: \"never\" has 1 field: five are needed");
  const auto id = new_id();
  schedules_[id] = {{"id", id},
                    {"name", schedule.run.workflow},
                    {"cron", schedule.cron},
                    {"timezone", schedule.timezone},
                    {"paused", false},
                    {"next_at", kTime},
                    {"last_at", nullptr},
                    {"last_run", nullptr},
                    {"run", json::object{{"workflow", schedule.run.workflow}}},
                    {"created_by", by.actor},
                    {"created_at", kTime}};
  called(std::move(by));
  last_schedule = std::move(schedule);
  co_return schedules_[id];
}

Task<Result<json::value>> FakeService::get_schedule(std::string id) {
  const auto at = schedules_.find(id);
  if (at == schedules_.end()) co_return fail(ErrorCode::not_found, "there is no schedule {}", id);
  co_return at->second;
}

Task<Result<json::value>> FakeService::pause_schedule(std::string id, bool paused,
                                                      engine::Caller by) {
  called(std::move(by));
  CORRAL_CO_CHECK(co_await get_schedule(id));
  auto& schedule = schedules_[id];
  schedule["paused"] = paused;
  co_return schedule;
}

Task<Result<void>> FakeService::delete_schedule(std::string id, engine::Caller by) {
  called(std::move(by));
  CORRAL_CO_CHECK(co_await get_schedule(id));
  schedules_.erase(id);
  co_return Result<void>{};
}

Task<Result<std::vector<json::value>>> FakeService::list_schedules() {
  std::vector<json::value> list;
  for (const auto& [id, schedule] : schedules_) list.emplace_back(schedule);
  co_return list;
}

Task<Result<json::value>> FakeService::queue_state() {
  std::int64_t failed = 0;
  for (const auto& [id, job] : jobs_) failed += job.at("state") == "failed" ? 1 : 0;
  co_return json::object{{"ready", 1},       {"delayed", 0},     {"claimed", 0},
                         {"completed", 0},   {"failed", failed}, {"oldest_ready_s", 0.5},
                         {"paused", paused_}};
}

Task<Result<json::value>> FakeService::pause_queue(std::string group, bool paused,
                                                   engine::Caller by) {
  called(std::move(by), group);
  paused_ = paused ? json::array{json::value(group)} : json::array{};
  co_return co_await queue_state();
}

Task<Result<engine::Page>> FakeService::list_jobs(engine::JobFilter filter) {
  engine::Page page;
  for (const auto& [id, job] : jobs_)
    if (filter.state.empty() || job.at("state").as_string() == json::string(filter.state))
      page.items.emplace_back(job);
  co_return page;
}

Task<Result<void>> FakeService::retry_job(std::uint64_t id, engine::Caller by) {
  called(std::move(by));
  CORRAL_CO_TRY(auto* job, find_job(id));
  (*job)["state"] = "ready";
  co_return Result<void>{};
}

Task<Result<void>> FakeService::discard_job(std::uint64_t id, engine::Caller by) {
  called(std::move(by));
  CORRAL_CO_CHECK(find_job(id));
  jobs_.erase(id);
  co_return Result<void>{};
}

Task<Result<std::vector<json::value>>> FakeService::list_approvals(std::optional<RunId>) {
  co_return std::vector<json::value>{};
}

Task<void> FakeService::wait_for_event(Duration wait) {
  if (wait.count() > 0) co_await wait_on(event_added_, wait);
}

Task<Result<std::vector<json::value>>> FakeService::run_events(RunId id, std::uint64_t after,
                                                               std::uint32_t limit, Duration wait) {
  CORRAL_CO_TRY(auto* run, find_run(id));
  if (run->events.size() <= after) co_await wait_for_event(wait);
  const auto first = std::min<std::size_t>(after, run->events.size()),
             last = std::min<std::size_t>(first + limit, run->events.size());
  co_return std::vector<json::value>(run->events.begin() + static_cast<std::ptrdiff_t>(first),
                                     run->events.begin() + static_cast<std::ptrdiff_t>(last));
}

Task<Result<std::vector<json::value>>> FakeService::all_events(engine::EventFilter filter,
                                                               Duration wait) {
  last_filter = filter;
  if (events_.size() <= filter.after_position) co_await wait_for_event(wait);
  std::vector<json::value> found;
  for (std::size_t at = filter.after_position; at < events_.size() && found.size() < filter.limit;
       ++at)
    if (filter.types.empty() ||
        std::ranges::find(filter.types, find_string(events_[at], {"type"})) != filter.types.end())
      found.push_back(events_[at]);
  co_return found;
}

Task<Result<std::uint64_t>> FakeService::last_position() { co_return events_.size(); }

Task<Result<std::shared_ptr<session::Log>>> FakeService::run_log(RunId id) {
  CORRAL_CO_TRY(auto* run, find_run(id));
  co_return run->log;
}

Task<Result<std::shared_ptr<session::Log>>> FakeService::run_timeline(RunId id) {
  CORRAL_CO_TRY(auto* run, find_run(id));
  co_return run->timeline;
}

Task<Result<std::string>> FakeService::run_diff(RunId id) {
  CORRAL_CO_TRY(auto* run, find_run(id));
  co_return run->diff;
}

Task<Result<std::vector<json::value>>> FakeService::list_artifacts(RunId id) {
  CORRAL_CO_TRY(auto* run, find_run(id));
  std::vector<json::value> list;
  for (const auto& [name, artifact] : run->artifacts)
    list.emplace_back(json::object{{"name", name},
                                   {"media_type", artifact.media_type},
                                   {"size_bytes", artifact.content.size()},
                                   {"hash", artifact.hash},
                                   {"created_at", kTime}});
  co_return list;
}

Task<Result<engine::Service::Artifact>> FakeService::get_artifact(RunId id, std::string name) {
  CORRAL_CO_TRY(auto* run, find_run(id));
  const auto at = run->artifacts.find(name);
  if (at == run->artifacts.end())
    co_return fail(ErrorCode::not_found, "the run has no artifact \"{}\"", name);
  co_return at->second;
}

Task<Result<RunId>> FakeService::authenticate_run_token(std::string) {
  co_return fail(ErrorCode::unauthenticated, "no run has this token");
}
Task<Result<void>> FakeService::admit_model_call(RunId) { co_return Result<void>{}; }
Task<Result<void>> FakeService::record_model_call(RunId, engine::ModelCall) {
  co_return Result<void>{};
}

Task<Result<std::string>> FakeService::metrics() {
  co_return fmt::format(
      "# HELP corral_runs Runs known.\n# TYPE corral_runs gauge\ncorral_runs {}\n", runs_.size());
}

}  // namespace corral::edge::testing
