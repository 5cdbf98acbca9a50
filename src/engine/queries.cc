#include <algorithm>
#include <array>
#include <charconv>

#include "engine/definitions.h"
#include "engine/engine_impl.h"
#include "engine/projection.h"
#include "engine/run_log.h"
#include "engine/workflow_yaml.h"

namespace corral::engine {
namespace {

constexpr std::uint32_t kMaxEvents = 1000;

json::object event_json(const ports::Event& event) {
  return {{"version", event.version},       {"type", event.type},
          {"time", to_rfc3339(event.time)}, {"actor", event.origin.actor},
          {"cause", event.origin.cause},    {"correlation", event.origin.correlation},
          {"trace", event.origin.trace},    {"data", event.data}};
}

}  // namespace

Task<Result<json::value>> EngineImpl::get_document(std::string_view kind, std::string id,
                                                   std::string_view what) {
  CORRAL_CO_TRY(auto document, co_await core_.deps.store.get(std::string(kind), id));
  if (!document) co_return fail(ErrorCode::not_found, "there is no {} {}", what, id);
  co_return std::move(document->body);
}

Task<Result<json::value>> EngineImpl::get_run(RunId run) {
  CORRAL_CO_TRY(auto document, co_await core_.documents.get(run));
  if (!document) co_return fail(ErrorCode::not_found, "there is no run {}", run.to_string());
  co_return std::move(*document);
}

Task<Result<Page>> EngineImpl::list_runs(RunFilter filter) {
  ports::DocumentQuery query{
      .kind = std::string(kRunKind), .before_id = std::move(filter.cursor), .limit = filter.limit};
  if (!filter.project.empty()) {
    CORRAL_CO_TRY(const auto project, co_await catalog_.get_project(filter.project));
    query.parent = std::string(find_string(project, {"id"}));
  }
  if (!filter.status.empty()) {
    domain::RunStatus status{};
    if (!domain::from_string(filter.status, status))
      co_return fail(ErrorCode::invalid,
                     "status: \"{}\" is none of pending, running, completed, failed, cancelled",
                     filter.status);
    query.state = std::move(filter.status);
  }
  co_return co_await list_page(core_.deps.store, std::move(query));
}

Task<Result<json::value>> EngineImpl::get_project(std::string id_or_name) {
  co_return co_await catalog_.get_project(std::move(id_or_name));
}
Task<Result<Page>> EngineImpl::list_projects(std::string cursor, std::uint32_t limit) {
  co_return co_await catalog_.list_projects(std::move(cursor), limit);
}
Task<Result<json::value>> EngineImpl::get_group(std::string id_or_name) {
  co_return co_await catalog_.get_group(std::move(id_or_name));
}
Task<Result<Page>> EngineImpl::list_groups(std::string cursor, std::uint32_t limit) {
  co_return co_await catalog_.list_groups(std::move(cursor), limit);
}

Task<Result<std::vector<json::value>>> EngineImpl::list_workflows() {
  co_return co_await engine::list_workflows(core_);
}

Task<Result<json::value>> EngineImpl::get_workflow(std::string name) {
  CORRAL_CO_TRY(const auto all, co_await engine::list_workflows(core_));
  for (const auto& known : all)
    if (find_string(known, {"name"}) == name) co_return known;
  co_return co_await get_document(kWorkflowVersionKind, name, "workflow");
}

json::value EngineImpl::workflow_schema() { return engine::workflow_schema(core_.kinds.rules()); }

Result<json::value> EngineImpl::validate_workflow(std::string yaml) {
  CORRAL_TRY(const auto workflow, parse_workflow(yaml, "definition", core_.kinds.rules()));
  return workflow_json(workflow, yaml, "given");
}

Task<Result<json::value>> EngineImpl::get_run_at(RunId run, std::uint64_t version) {
  CORRAL_CO_TRY(const auto then, co_await core_.runs.load_at(run, version));
  co_return run_json(then);
}

Task<Result<std::vector<json::value>>> EngineImpl::list_approvals(std::optional<RunId> run) {
  ports::DocumentQuery query{.kind = std::string(kApprovalKind), .state = "open", .limit = 500};
  if (run) query.parent = run->to_string();
  CORRAL_CO_TRY(auto documents, co_await core_.deps.store.list(std::move(query)));
  std::vector<json::value> open;
  for (auto& document : documents) open.push_back(std::move(document.body));
  // Ids of approvals do not sort by time.
  std::ranges::sort(open, {}, [](const json::value& approval) {
    return std::string(find_string(approval, {"requested_at"}));
  });
  co_return open;
}

Task<Result<std::vector<json::value>>> EngineImpl::run_events(RunId run,
                                                              std::uint64_t after_version,
                                                              std::uint32_t limit, Duration wait) {
  limit = std::clamp<std::uint32_t>(limit, 1, kMaxEvents);
  CORRAL_CO_CHECK(co_await get_run(run));
  const Time end = core_.deps.clock.now() + wait;
  for (;;) {
    // Before the look, so that what comes in between ends the wait.
    const auto position = core_.runs.position();
    CORRAL_CO_TRY(const auto events,
                  co_await core_.deps.store.read_stream(run_stream(run), after_version, limit));
    const Duration left = end - core_.deps.clock.now();
    if (events.empty() && left.count() > 0) {
      CORRAL_CO_CHECK(co_await core_.deps.store.wait_after(position, left));
      // Past what others wrote: the next wait is for what comes after that.
      CORRAL_CO_TRY(const auto news, co_await core_.deps.store.read_all(
                                         {.after_position = position, .limit = kMaxEvents}));
      if (!news.empty()) core_.runs.saw(news.back().position);
      continue;
    }
    // Who knows of an event must not read a document from before it.
    if (core_.options.store_use == StoreUse::shared) co_await core_.documents.saw_changes(events);
    std::vector<json::value> out;
    for (const auto& event : events) out.emplace_back(event_json(event));
    co_return out;
  }
}

Task<Result<std::vector<json::value>>> EngineImpl::all_events(EventFilter filter, Duration wait) {
  ports::EventQuery query{.after_position = filter.after_position,
                          .types = std::move(filter.types),
                          .from = filter.from,
                          .until = filter.until,
                          .limit = std::clamp<std::uint32_t>(filter.limit, 1, kMaxEvents)};
  const Time end = core_.deps.clock.now() + wait;
  auto seen = query.after_position;
  for (;;) {
    CORRAL_CO_TRY(const auto events, co_await core_.deps.store.read_all(query));
    const Duration left = end - core_.deps.clock.now();
    if (events.empty() && left.count() > 0) {
      CORRAL_CO_CHECK(co_await core_.deps.store.wait_after(seen, left));
      // Past what the filter does not let through: the next wait is for what comes after that.
      CORRAL_CO_TRY(seen, co_await core_.deps.store.commit({}));
      continue;
    }
    if (core_.options.store_use == StoreUse::shared) co_await core_.documents.saw_changes(events);
    std::vector<json::value> out;
    for (const auto& event : events) {
      auto object = event_json(event);
      object["position"] = event.position;
      object["stream"] = event.stream;
      out.emplace_back(std::move(object));
    }
    co_return out;
  }
}

Task<Result<std::uint64_t>> EngineImpl::last_position() {
  co_return co_await core_.deps.store.commit({});
}

Task<Result<json::value>> EngineImpl::get_schedule(std::string id) {
  co_return co_await schedules_.get(std::move(id));
}
Task<Result<std::vector<json::value>>> EngineImpl::list_schedules() {
  co_return co_await schedules_.list();
}

Task<Result<json::value>> EngineImpl::queue_state() {
  const auto now = core_.deps.clock.now();
  CORRAL_CO_TRY(const auto counts, co_await core_.deps.store.queue_counts(now));
  json::value oldest = nullptr;
  if (counts.oldest_due)
    oldest =
        static_cast<double>(std::max<std::int64_t>(0, (now - *counts.oldest_due).count())) / 1000;
  co_return json::object{{"ready", counts.ready},
                         {"delayed", counts.delayed},
                         {"claimed", counts.claimed},
                         {"completed", counts.completed},
                         {"failed", counts.failed},
                         {"oldest_ready_s", std::move(oldest)},
                         {"paused", domain::field_to_json(counts.paused)}};
}

Task<Result<Page>> EngineImpl::list_jobs(JobFilter filter) {
  constexpr std::array<std::string_view, 5> kStates{"ready", "delayed", "claimed", "completed",
                                                    "failed"};
  ports::JobQuery query{.now = core_.deps.clock.now(),
                        .limit = std::clamp<std::uint32_t>(filter.limit, 1, ports::kMaxListLimit)};
  if (!filter.state.empty()) {
    if (std::ranges::find(kStates, filter.state) == kStates.end())
      co_return fail(ErrorCode::invalid, "state: \"{}\" is none of {}", filter.state,
                     fmt::join(kStates, ", "));
    query.state = filter.state;
  }
  if (!filter.kind.empty()) query.kind = filter.kind;
  if (!filter.group.empty()) query.group = filter.group;
  if (!filter.cursor.empty()) {
    const auto [at, error] = std::from_chars(
        filter.cursor.data(), filter.cursor.data() + filter.cursor.size(), query.before_id);
    if (error != std::errc() || at != filter.cursor.data() + filter.cursor.size() ||
        query.before_id == 0)
      co_return fail(ErrorCode::invalid, "cursor: \"{}\" is none that a page gave", filter.cursor);
  }
  CORRAL_CO_TRY(const auto jobs, co_await core_.deps.store.list_jobs(query));
  Page page;
  for (const auto& job : jobs) {
    const auto run = find_string(job.payload, {"run"});
    page.items.push_back(
        json::object{{"id", job.id},
                     {"kind", job.kind},
                     {"key", job.key},
                     {"group", job.group},
                     {"state", job.state == "ready" && job.due > query.now ? "delayed" : job.state},
                     {"attempt", job.attempt},
                     {"max_attempts", job.max_attempts},
                     {"priority", job.priority},
                     {"due", to_rfc3339(job.due)},
                     {"created_at", to_rfc3339(job.created)},
                     {"error", job.error.empty() ? json::value(nullptr) : json::value(job.error)},
                     {"run", run.empty() ? json::value(nullptr) : json::value(run)}});
  }
  if (jobs.size() == query.limit) page.next_cursor = std::to_string(jobs.back().id);
  co_return page;
}

Task<Result<std::shared_ptr<session::Log>>> EngineImpl::open_log(RunId run, std::string_view name) {
  const auto end = core_.ends.of(run);
  CORRAL_CO_TRY(const auto document, co_await get_document(kRunKind, run.to_string(), "run"));
  domain::RunStatus status{};
  if (domain::from_string(find_string(document, {"status"}), status))
    end->ended = domain::has_ended(status);
  // What was removed shall not look as if nothing had been there.
  if (end->ended) CORRAL_CO_CHECK(co_await core_.deps.logs.kept(run_log_folder(run)));
  CORRAL_CO_TRY(auto log,
                co_await core_.deps.logs.open(fmt::format("{}/{}", run_log_folder(run), name),
                                              session::LogStore::Open::create));
  co_return make_run_log_view(std::move(log), end);
}

Task<Result<std::shared_ptr<session::Log>>> EngineImpl::run_log(RunId run) {
  co_return co_await open_log(run, "log");
}
Task<Result<std::shared_ptr<session::Log>>> EngineImpl::run_timeline(RunId run) {
  co_return co_await open_log(run, "timeline");
}

Task<Result<std::string>> EngineImpl::run_diff(RunId id) {
  CORRAL_CO_TRY(const auto run, co_await core_.runs.load(id));
  // Before the commit, and when there was none, what the work tree was when it was last saved.
  const std::string head = run.commit.value_or(run.snapshot);
  if (run.base_commit.empty() || head.empty()) co_return std::string();
  co_return co_await core_.deps.mirrors.diff(run.request.project, run.base_commit, head);
}

Task<Result<std::vector<json::value>>> EngineImpl::list_artifacts(RunId run) {
  CORRAL_CO_CHECK(co_await get_run(run));
  CORRAL_CO_TRY(auto documents,
                co_await core_.deps.store.list(
                    {.kind = std::string(kArtifactKind), .parent = run.to_string(), .limit = 500}));
  std::vector<json::value> artifacts;
  for (auto& document : documents) artifacts.push_back(std::move(document.body));
  std::ranges::reverse(artifacts);
  co_return artifacts;
}

Task<Result<Service::Artifact>> EngineImpl::get_artifact(RunId run, std::string name) {
  CORRAL_CO_CHECK(co_await get_run(run));
  const auto document =
      co_await get_document(kArtifactKind, run.to_string() + "/" + name, "artifact");
  if (!document)
    co_return fail(document.error().code, "run {} has no artifact \"{}\"", run.to_string(), name);
  Artifact artifact{.name = name,
                    .media_type = std::string(find_string(*document, {"media_type"})),
                    .content = {},
                    .hash = std::string(find_string(*document, {"hash"}))};
  CORRAL_CO_TRY(artifact.content, co_await core_.deps.blobs.get(artifact.hash));
  co_return artifact;
}

}  // namespace corral::engine
