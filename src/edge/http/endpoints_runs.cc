#include "edge/http/endpoints.h"

#include <algorithm>

namespace corral::edge::endpoints {
namespace {

std::string location(const json::value& run) {
  return fmt::format("/api/v1/runs/{}", find_string(run, {"id"}));
}

// Fields that were not sent keep StartRun's defaults.
engine::StartRun fields_of(const Call& call) {
  engine::StartRun start;
  const auto take = [&](std::string& into, std::string_view name) {
    if (find(call.body, {name}) != nullptr) into = call.text(name);
  };
  take(start.project, "project");
  take(start.git_url, "git_url");
  take(start.workflow, "workflow");
  take(start.definition, "definition");
  take(start.agent, "agent");
  take(start.prompt, "prompt");
  take(start.checks, "checks");
  take(start.model, "model");
  take(start.base, "base");
  take(start.permissions, "permissions");
  if (const auto* command = find(call.body, {"command"}))
    for (const auto& word : command->get_array()) start.command.emplace_back(word.get_string());
  start.budget_usd = call.decimal("budget_usd");
  start.timeout_s = call.integer("timeout_s");
  start.priority = static_cast<int>(call.integer("priority").value_or(0));
  start.author_name = find_string(call.body, {"author", "name"});
  start.author_email = find_string(call.body, {"author", "email"});
  if (const auto* inputs = find(call.body, {"inputs"})) start.inputs = inputs->get_object();
  if (const auto time = call.text("not_before"); !time.empty())
    start.not_before = time_from_rfc3339(time);
  return start;
}

}  // namespace

Result<engine::StartRun> start_of(const Call& call) {
  const bool has_project = find(call.body, {"project"}) != nullptr,
             has_url = find(call.body, {"git_url"}) != nullptr;
  if (has_project == has_url)
    return fail(ErrorCode::invalid,
                "request body: give exactly one of \"project\" and \"git_url\"");
  if (find(call.body, {"workflow"}) != nullptr && find(call.body, {"definition"}) != nullptr)
    return fail(ErrorCode::invalid, "request body: give \"workflow\" or \"definition\", not both");
  return fields_of(call);
}

Task<Result<void>> start_run(Api& api, Call& call) {
  CORRAL_CO_TRY(auto start, start_of(call));
  CORRAL_CO_TRY(auto run, co_await api.service().start_run(std::move(start), call.caller()));
  co_return co_await call.json_reply(202, {{"Location", location(run)}}, run);
}

Task<Result<void>> list_runs(Api& api, Call& call) {
  engine::RunFilter filter{.project = call.query("project"),
                           .status = call.query("status"),
                           .cursor = call.query("cursor"),
                           .limit = limit_of(call)};
  CORRAL_CO_TRY(auto page, co_await api.service().list_runs(std::move(filter)));
  co_return co_await call.document(items(std::move(page)));
}

Task<Result<void>> get_run(Api& api, Call& call) {
  CORRAL_CO_TRY(const auto id, run_of(call));
  const auto version = call.number("version");
  CORRAL_CO_TRY(auto run, version ? co_await api.service().get_run_at(
                                        id, static_cast<std::uint64_t>(*version))
                                  : co_await api.service().get_run(id));
  co_return co_await call.document(run);
}

Task<Result<void>> list_steps(Api& api, Call& call) {
  CORRAL_CO_TRY(const auto id, run_of(call));
  CORRAL_CO_TRY(auto run, co_await api.service().get_run(id));
  co_return co_await call.document(json::object{{"items", run.at("steps")}});
}

Task<Result<void>> cancel_run(Api& api, Call& call) {
  CORRAL_CO_TRY(const auto id, run_of(call));
  CORRAL_CO_TRY(auto run,
                co_await api.service().cancel_run(id, call.text("reason"), call.caller()));
  co_return co_await call.json_reply(202, {{"Location", location(run)}}, run);
}

Task<Result<void>> retry_run(Api& api, Call& call) {
  CORRAL_CO_TRY(const auto id, run_of(call));
  CORRAL_CO_TRY(auto run, co_await api.service().retry_run(id, call.text("from"), call.caller()));
  co_return co_await call.json_reply(202, {{"Location", location(run)}}, run);
}

namespace {

Task<Result<void>> steer(Api& api, Call& call, domain::SteeringKind what, std::string text) {
  CORRAL_CO_TRY(const auto id, run_of(call));
  CORRAL_CO_TRY(auto run, co_await api.service().steer_run(id, call.param("step"), what,
                                                           std::move(text), call.caller()));
  co_return co_await call.json_reply(202, {{"Location", location(run)}}, run);
}

}  // namespace

Task<Result<void>> prompt_step(Api& api, Call& call) {
  return steer(api, call, domain::SteeringKind::prompt, call.text("text"));
}
Task<Result<void>> interrupt_step(Api& api, Call& call) {
  return steer(api, call, domain::SteeringKind::interrupt, "");
}
Task<Result<void>> set_step_mode(Api& api, Call& call) {
  return steer(api, call, domain::SteeringKind::mode, call.text("permissions"));
}

Task<Result<void>> pause_run(Api& api, Call& call) {
  CORRAL_CO_TRY(const auto id, run_of(call));
  CORRAL_CO_TRY(auto run, co_await api.service().pause_run(id, call.text("reason"), call.caller()));
  co_return co_await call.json_reply(200, {}, run);
}

Task<Result<void>> resume_run(Api& api, Call& call) {
  CORRAL_CO_TRY(const auto id, run_of(call));
  CORRAL_CO_TRY(auto run, co_await api.service().resume_run(id, call.caller()));
  co_return co_await call.json_reply(200, {}, run);
}

Task<Result<void>> fork_run(Api& api, Call& call) {
  CORRAL_CO_TRY(const auto id, run_of(call));
  CORRAL_CO_TRY(auto run, co_await api.service().fork_run(id, call.text("from"), call.caller()));
  co_return co_await call.json_reply(201, {{"Location", location(run)}}, run);
}

Task<Result<void>> get_diff(Api& api, Call& call) {
  CORRAL_CO_TRY(const auto id, run_of(call));
  CORRAL_CO_TRY(auto diff, co_await api.service().run_diff(id));
  co_return co_await call.content("text/x-diff; charset=utf-8", std::move(diff));
}

Task<Result<void>> list_artifacts(Api& api, Call& call) {
  CORRAL_CO_TRY(const auto id, run_of(call));
  CORRAL_CO_TRY(auto artifacts, co_await api.service().list_artifacts(id));
  co_return co_await call.document(items(std::move(artifacts)));
}

Task<Result<void>> get_artifact(Api& api, Call& call) {
  CORRAL_CO_TRY(const auto id, run_of(call));
  CORRAL_CO_TRY(auto artifact, co_await api.service().get_artifact(id, call.param("name")));
  // Made by an agent: to be kept, never to be run by the browser in this server's name.
  co_return co_await call.content(
      artifact.media_type.empty() ? "application/octet-stream" : artifact.media_type,
      std::move(artifact.content), {{"Content-Disposition", as_attachment(artifact.name)}});
}

Task<Result<void>> list_approvals(Api& api, Call& call) {
  std::optional<RunId> run;
  if (const auto text = call.query("run"); !text.empty()) run = RunId::parse(text);
  CORRAL_CO_TRY(auto approvals, co_await api.service().list_approvals(run));
  co_return co_await call.document(items(std::move(approvals)));
}

Task<Result<void>> decide_approval(Api& api, Call& call) {
  CORRAL_CO_TRY(auto approval, co_await api.service().decide_approval(
                                   call.param("approval"), call.text("decision") == "allow",
                                   call.text("message"), call.text("choice"), call.caller()));
  co_return co_await call.json_reply(200, {}, approval);
}

}  // namespace corral::edge::endpoints
