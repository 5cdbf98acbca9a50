#include "engine/new_run.h"

#include <set>

#include "domain/scope.h"
#include "engine/catalog.h"
#include "engine/digest.h"
#include "engine/start_run.h"

namespace corral::engine {

Task<Result<void>> check_installed(Core& core, const domain::Request& request) {
  std::set<std::string> names;
  for (const auto& step : request.workflow.steps)
    if (step.kind == "agent")
      if (const auto own = step.text("agent"); !domain::has_expression(own))
        names.insert(own.empty() ? request.agent : own);
  for (const auto& name : names)
    if (auto* agent = core.find_agent(name))
      // Trying again would not install it.
      if (auto mounts = co_await agent->mounts(); !mounts)
        co_return fail(ErrorCode::unsupported, "{}", mounts.error().describe());
  co_return Result<void>{};
}

Task<Result<domain::Create>> new_run(Core& core, StartRun request, std::string actor, RunId id) {
  CORRAL_CO_TRY(auto checked, co_await check_request(request, core, actor));
  CORRAL_CO_CHECK(co_await check_installed(core, checked));
  Catalog catalog(core);
  CORRAL_CO_TRY(const auto project, request.project.empty()
                                        ? co_await catalog.project_for(request.git_url, actor)
                                        : co_await catalog.get_project(request.project));
  checked.project = ProjectId::parse(find_string(project, {"id"})).value_or(ProjectId{});
  checked.project_name = std::string(find_string(project, {"name"}));
  checked.git_url = std::string(find_string(project, {"git_url"}));
  checked.branch = branch_name(request.prompt.empty() ? checked.workflow.name : request.prompt, id);
  if (const auto& group = checked.workflow.concurrency.group; !group.empty()) {
    auto evaluated =
        domain::evaluate_all({{"concurrency", group}}, domain::scope_of_request(checked));
    CORRAL_CO_CHECK(evaluated);
    checked.concurrency_group = domain::as_text(evaluated->at("concurrency"));
    checked.concurrency_limit = checked.workflow.concurrency.limit;
  }
  if (request.prompt.size() > checked.prompt.size()) {
    CORRAL_CO_TRY(checked.prompt_blob, co_await core.deps.blobs.put(request.prompt));
  }
  domain::Create create{.run = id, .request = std::move(checked)};
  if (!create.request.prompt_blob.empty()) create.home = core.options.server;
  co_return create;
}

Task<Result<domain::Run>> create_run(Core& core, domain::Create create, Caller by,
                                     std::vector<ports::Change> extra) {
  const auto id = create.run;
  domain::Run queued;
  queued.id = id;
  queued.request = create.request;
  extra.emplace_back(run_job(queued));
  auto created = co_await core.tell(id, std::move(create), std::move(by), std::move(extra));
  if (!created && created.error().code == ErrorCode::conflict)
    if (auto there = co_await core.runs.load(id)) co_return there;
  co_return created;
}

RunId child_run_id(RunId parent, std::string_view process, Time started_at) {
  return RunId{uuid_of(fmt::format("child/{}/{}", parent.to_string(), process), started_at)};
}

}  // namespace corral::engine
