#include <algorithm>

#include "engine/engine_impl.h"
#include "engine/definitions.h"
#include "engine/projection.h"
#include "engine/run_log.h"
#include "engine/workflow_yaml.h"

namespace corral::engine {
namespace {

constexpr std::uint32_t kMaxEvents = 1000;

json::object event_json(const ports::Event& event) {
  return {{"version", event.version},
          {"type", event.type},
          {"time", to_rfc3339(event.time)},
          {"actor", event.origin.actor},
          {"data", event.data}};
}

}  // namespace

Task<Result<json::value>> EngineImpl::get_document(std::string_view kind, std::string id,
                                                   std::string_view what) {
  CORRAL_CO_TRY(auto document, co_await core_.deps.store.get(std::string(kind), id));
  if (!document) co_return fail(ErrorCode::not_found, "there is no {} {}", what, id);
  co_return std::move(document->body);
}

Task<Result<json::value>> EngineImpl::get_run(RunId run) {
  co_return co_await get_document(kRunKind, run.to_string(), "run");
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
    std::vector<json::value> out;
    for (const auto& event : events) out.emplace_back(event_json(event));
    co_return out;
  }
}

Task<Result<std::vector<json::value>>> EngineImpl::all_events(std::uint64_t after_position,
                                                              std::uint32_t limit, Duration wait) {
  limit = std::clamp<std::uint32_t>(limit, 1, kMaxEvents);
  const Time end = core_.deps.clock.now() + wait;
  for (;;) {
    CORRAL_CO_TRY(const auto events, co_await core_.deps.store.read_all(
                                         {.after_position = after_position, .limit = limit}));
    const Duration left = end - core_.deps.clock.now();
    if (events.empty() && left.count() > 0) {
      CORRAL_CO_CHECK(co_await core_.deps.store.wait_after(after_position, left));
      continue;
    }
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

Task<Result<std::shared_ptr<session::Log>>> EngineImpl::open_log(RunId run, std::string_view name) {
  const auto end = core_.ends.of(run);
  CORRAL_CO_TRY(const auto document, co_await get_run(run));
  domain::RunStatus status{};
  if (domain::from_string(find_string(document, {"status"}), status))
    end->ended = domain::has_ended(status);
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
