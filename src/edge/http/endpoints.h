// What the routes do. Each is thin: it reads the checked request, asks the engine, and shapes the
// answer.
#pragma once

#include "edge/http/api_impl.h"
#include "edge/http/route.h"

namespace corral::edge::endpoints {

// endpoints_system.cc
Task<Result<void>> get_openapi(Api& api, Call& call);
Task<Result<void>> get_info(Api& api, Call& call);
Task<Result<void>> list_agents(Api& api, Call& call);
Task<Result<void>> login(Api& api, Call& call);
Task<Result<void>> logout(Api& api, Call& call);
Task<Result<void>> healthz(Api& api, Call& call);
Task<Result<void>> readyz(Api& api, Call& call);
Task<Result<void>> metrics(Api& api, Call& call);

// endpoints_projects.cc
Task<Result<void>> create_group(Api& api, Call& call);
Task<Result<void>> list_groups(Api& api, Call& call);
Task<Result<void>> get_group(Api& api, Call& call);
Task<Result<void>> create_project(Api& api, Call& call);
Task<Result<void>> list_projects(Api& api, Call& call);
Task<Result<void>> get_project(Api& api, Call& call);
Task<Result<void>> delete_project(Api& api, Call& call);

// endpoints_workflows.cc
Task<Result<void>> list_workflows(Api& api, Call& call);
Task<Result<void>> save_workflow(Api& api, Call& call);
Task<Result<void>> get_workflow(Api& api, Call& call);
Task<Result<void>> delete_workflow(Api& api, Call& call);
Task<Result<void>> validate_workflow(Api& api, Call& call);
Task<Result<void>> get_workflow_schema(Api& api, Call& call);
Task<Result<void>> list_schedules(Api& api, Call& call);
Task<Result<void>> create_schedule(Api& api, Call& call);
Task<Result<void>> get_schedule(Api& api, Call& call);
Task<Result<void>> delete_schedule(Api& api, Call& call);
Task<Result<void>> pause_schedule(Api& api, Call& call);
Task<Result<void>> resume_schedule(Api& api, Call& call);

// endpoints_queue.cc
Task<Result<void>> get_queue(Api& api, Call& call);
Task<Result<void>> pause_queue(Api& api, Call& call);
Task<Result<void>> resume_queue(Api& api, Call& call);
Task<Result<void>> list_jobs(Api& api, Call& call);
Task<Result<void>> retry_job(Api& api, Call& call);
Task<Result<void>> discard_job(Api& api, Call& call);

// endpoints_runs.cc
Task<Result<void>> start_run(Api& api, Call& call);
Task<Result<void>> list_runs(Api& api, Call& call);
Task<Result<void>> get_run(Api& api, Call& call);
Task<Result<void>> list_steps(Api& api, Call& call);
Task<Result<void>> cancel_run(Api& api, Call& call);
Task<Result<void>> retry_run(Api& api, Call& call);
Task<Result<void>> prompt_step(Api& api, Call& call);
Task<Result<void>> interrupt_step(Api& api, Call& call);
Task<Result<void>> set_step_mode(Api& api, Call& call);
Task<Result<void>> pause_run(Api& api, Call& call);
Task<Result<void>> resume_run(Api& api, Call& call);
Task<Result<void>> fork_run(Api& api, Call& call);
Task<Result<void>> get_diff(Api& api, Call& call);
Task<Result<void>> list_artifacts(Api& api, Call& call);
Task<Result<void>> get_artifact(Api& api, Call& call);
Task<Result<void>> list_approvals(Api& api, Call& call);
Task<Result<void>> decide_approval(Api& api, Call& call);

// endpoints_sessions.cc
Task<Result<void>> create_session(Api& api, Call& call);
Task<Result<void>> list_sessions(Api& api, Call& call);
Task<Result<void>> get_session(Api& api, Call& call);
Task<Result<void>> rename_session(Api& api, Call& call);
Task<Result<void>> stop_session(Api& api, Call& call);
Task<Result<void>> share_session(Api& api, Call& call);
Task<Result<void>> revoke_share(Api& api, Call& call);
Task<Result<void>> get_shared(Api& api, Call& call);
Task<Result<void>> get_screen(Api& api, Call& call);
Task<Result<void>> get_recording(Api& api, Call& call);
Task<Result<void>> open_socket(Api& api, Call& call);

// endpoints_files.cc
Task<Result<void>> list_files(Api& api, Call& call);
Task<Result<void>> get_file(Api& api, Call& call);
Task<Result<void>> put_file(Api& api, Call& call);

// endpoints_push.cc
Task<Result<void>> get_push_key(Api& api, Call& call);
Task<Result<void>> add_push_subscription(Api& api, Call& call);
Task<Result<void>> list_push_subscriptions(Api& api, Call& call);
Task<Result<void>> remove_push_subscription(Api& api, Call& call);

// endpoints_streams.cc: at once, or as server-sent events
Task<Result<void>> get_run_events(Api& api, Call& call);
Task<Result<void>> get_all_events(Api& api, Call& call);
Task<Result<void>> get_log(Api& api, Call& call);
Task<Result<void>> get_timeline(Api& api, Call& call);
Task<Result<void>> get_session_log(Api& api, Call& call);

// endpoints_search.cc
Task<Result<void>> search_log(Api& api, Call& call);
Task<Result<void>> search_session_log(Api& api, Call& call);

// The run that the path names.
inline Result<RunId> run_of(const Call& call) {
  const auto text = call.param("run");
  const auto run = RunId::parse(text);
  if (!run) return fail(ErrorCode::not_found, "there is no run \"{}\"", text);
  return *run;
}

// Likewise the session.
inline Result<SessionId> session_of(const Call& call) {
  const auto text = call.param("session");
  const auto session = SessionId::parse(text);
  if (!session) return fail(ErrorCode::not_found, "there is no session \"{}\"", text);
  return *session;
}

// Content-Disposition that has a browser keep the thing under any name (RFC 8187), never show it.
std::string as_attachment(std::string_view name);

inline std::uint32_t limit_of(const Call& call) {
  return static_cast<std::uint32_t>(call.number("limit").value_or(50));
}

// What the body asks to start. `invalid` for a contradiction in it.
Result<engine::StartRun> start_of(const Call& call);

// {"items": […]}, with "next_cursor" for pages.
json::object items(std::vector<json::value> values);
json::object items(engine::Page page);

}  // namespace corral::edge::endpoints
