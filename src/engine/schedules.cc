#include "engine/schedules.h"

#include "base/log.h"
#include "domain/cron.h"
#include "engine/catalog.h"
#include "engine/definitions.h"
#include "engine/digest.h"
#include "engine/new_run.h"
#include "engine/start_run.h"
#include "engine/time_zone.h"
#include "engine/workflow_yaml.h"

namespace corral::engine {
namespace {

constexpr std::uint32_t kAttempts = 1'000'000;  // a worker that dies with it is no reason to stop
constexpr std::size_t kMaxName = 200;

std::string job_key(const std::string& id) { return "schedule/" + id; }

ports::NewJob job_at(const std::string& id, Time due) {
  return {.kind = std::string(kScheduleKind),
          .key = job_key(id),
          .payload = json::object{{"schedule", id}},
          .due = due,
          .max_attempts = kAttempts,
          .group = "schedules"};
}

// Which run a time of a schedule starts: the same however often it is tried.
RunId run_of(const std::string& id, Time due) {
  const auto schedule = RunId::parse(id).value_or(RunId{});
  return child_run_id(schedule, "schedule/" + to_rfc3339(due), due);
}

ports::PutDocument put(std::string id, json::value body, std::optional<std::uint64_t> version) {
  const bool paused = find_bool(body, {"paused"});
  return {.document = {.kind = std::string(kScheduleKind),
                       .id = std::move(id),
                       .state = paused ? "paused" : "active",
                       .body = std::move(body)},
          .expected_version = version};
}

}  // namespace

Result<std::optional<Time>> Schedules::next_time(const json::value& body, Time after) const {
  CORRAL_TRY(const auto cron, domain::Cron::parse(find_string(body, {"cron"})));
  CORRAL_TRY(const auto zone, find_zone(std::string(find_string(body, {"timezone"}))));
  return cron.next_after(after, *zone);
}

Task<Result<json::value>> Schedules::create(NewSchedule schedule, Caller by) {
  // With a key the same schedule again is the same schedule.
  const auto now = core_.deps.clock.now();
  const auto id = (by.idempotency_key.empty()
                       ? RunId::make(now, core_.deps.random)
                       : RunId{uuid_of("schedule/" + by.actor + "/" + by.idempotency_key)})
                      .to_string();
  if (!by.idempotency_key.empty())
    if (auto known = co_await load(id)) co_return known->body;
  CORRAL_CO_TRY(const auto checked, co_await new_run(core_, schedule.run, by.actor, RunId{}));
  const auto& own = checked.request.workflow.schedule;
  if (schedule.cron.empty() && !own)
    co_return fail(ErrorCode::invalid,
                   "cron: is empty, and the workflow {} has no `schedule:` either",
                   checked.request.workflow.name);
  const std::string timezone = !schedule.timezone.empty() ? schedule.timezone
                               : own                      ? own->timezone
                                                          : "UTC";
  schedule.run.project = checked.request.project.to_string();
  schedule.run.git_url.clear();
  json::value body = json::object{{"id", id},
                                  {"name", checked.request.workflow.name.substr(0, kMaxName)},
                                  {"project", json::object{{"id", schedule.run.project},
                                                           {"name", checked.request.project_name}}},
                                  {"cron", schedule.cron.empty() ? own->cron : schedule.cron},
                                  {"timezone", timezone},
                                  {"paused", false},
                                  {"last_at", nullptr},
                                  {"last_run", nullptr},
                                  {"last_error", nullptr},
                                  {"run", request_json(schedule.run)},
                                  {"created_by", by.actor},
                                  {"created_at", to_rfc3339(now)}};
  CORRAL_CO_TRY(const auto next, next_time(body, now));
  if (!next)
    co_return fail(ErrorCode::invalid, "cron: \"{}\" names no time within five years",
                   find_string(body, {"cron"}));
  body.get_object()["next_at"] = to_rfc3339(*next);
  std::vector<ports::Change> changes;
  changes.emplace_back(put(id, body, 0));
  changes.emplace_back(job_at(id, *next));
  CORRAL_CO_CHECK(co_await core_.commit(std::move(changes)));
  co_return body;
}

Task<Result<ports::Document>> Schedules::load(const std::string& id) {
  CORRAL_CO_TRY(auto document, co_await core_.deps.store.get(std::string(kScheduleKind), id));
  if (!document) co_return fail(ErrorCode::not_found, "there is no schedule {}", id);
  co_return *std::move(document);
}

Task<Result<json::value>> Schedules::get(std::string id) {
  CORRAL_CO_TRY(auto document, co_await load(id));
  co_return std::move(document.body);
}

Task<Result<std::vector<json::value>>> Schedules::list() {
  ports::DocumentQuery query{.kind = std::string(kScheduleKind), .limit = ports::kMaxListLimit};
  CORRAL_CO_TRY(auto documents, co_await core_.deps.store.list(std::move(query)));
  std::vector<json::value> all;
  for (auto& document : documents) all.push_back(std::move(document.body));
  co_return all;
}

// A paused one's job comes due, finds it paused and goes; resuming enqueues the next time.
Task<Result<json::value>> Schedules::pause(std::string id, bool paused) {
  CORRAL_CO_TRY(auto document, co_await load(id));
  if (find_bool(document.body, {"paused"}) == paused) co_return std::move(document.body);
  auto& body = document.body.get_object();
  body["paused"] = paused;
  body["next_at"] = nullptr;
  std::vector<ports::Change> changes;
  if (!paused) {
    CORRAL_CO_TRY(const auto next, next_time(document.body, core_.deps.clock.now()));
    if (next) {
      body["next_at"] = to_rfc3339(*next);
      changes.emplace_back(job_at(id, *next));
    }
  }
  changes.emplace_back(put(id, document.body, document.version));
  CORRAL_CO_CHECK(co_await core_.commit(std::move(changes)));
  co_return std::move(document.body);
}

Task<Result<void>> Schedules::remove(std::string id) {
  CORRAL_CO_CHECK(co_await load(id));
  co_return co_await core_.commit(ports::DeleteDocument{std::string(kScheduleKind), id});
}

Task<Result<void>> Schedules::fire(const ports::Job& job) {
  const std::string id(find_string(job.payload, {"schedule"}));
  CORRAL_CO_TRY(auto document, co_await core_.deps.store.get(std::string(kScheduleKind), id));
  std::vector<ports::Change> changes;
  changes.emplace_back(ports::CompleteJob{job.id, core_.options.worker});
  // Deleted, paused, or put to another time by pausing and resuming.
  const bool wanted =
      document && !find_bool(document->body, {"paused"}) &&
      find_string(document->body, {"next_at"}) <= to_rfc3339(core_.deps.clock.now());
  if (!wanted) {
    if (document && !find_bool(document->body, {"paused"}))
      if (const auto next = time_from_rfc3339(find_string(document->body, {"next_at"})))
        changes.emplace_back(job_at(id, *next));
    co_return co_await core_.commit(std::move(changes));
  }
  auto& body = document->body.get_object();
  const auto now = core_.deps.clock.now();
  const auto due = time_from_rfc3339(find_string(document->body, {"next_at"})).value_or(now);
  CORRAL_CO_TRY(const auto next, next_time(document->body, std::max(now, due)));
  body["last_at"] = to_rfc3339(now);
  body["next_at"] = next ? json::value(to_rfc3339(*next)) : json::value(nullptr);
  if (next) changes.emplace_back(job_at(id, *next));
  const auto actor = "schedule:" + id;
  const auto run = run_of(id, due);
  CORRAL_CO_TRY(auto asked, request_of(body.at("run")));
  // Under the name of whoever made the schedule.
  const std::string person(find_string(document->body, {"created_by"}));
  auto create = co_await new_run(core_, std::move(asked), person, run);
  if (!create) {
    if (retryable(create.error().code)) co_return std::unexpected(create.error());
    log::warning("schedule.failed", {{"schedule", id}, {"why", create.error().describe()}});
    body["last_error"] = create.error().describe();
    changes.emplace_back(put(id, document->body, document->version));
    co_return co_await core_.commit(std::move(changes));
  }
  create->request.schedule = id;
  body["last_error"] = nullptr;
  body["last_run"] = run.to_string();
  changes.emplace_back(put(id, document->body, document->version));
  CORRAL_CO_CHECK(
      co_await create_run(core_, *std::move(create), Caller(actor), std::move(changes)));
  co_return Result<void>{};
}

}  // namespace corral::engine
