#include "edge/http/endpoints.h"

namespace corral::edge::endpoints {

Task<Result<void>> list_workflows(Api& api, Call& call) {
  CORRAL_CO_TRY(auto workflows, co_await api.service().list_workflows());
  co_return co_await call.document(items(std::move(workflows)));
}

Task<Result<void>> save_workflow(Api& api, Call& call) {
  const auto source = call.text("definition");
  // Whether it makes a version more is for the status only: a save in between changes no document.
  CORRAL_CO_TRY(const auto given, api.service().validate_workflow(source));
  const std::string name(find_string(given, {"name"}));
  const auto last = co_await api.service().get_workflow(name);
  CORRAL_CO_TRY(auto workflow, co_await api.service().save_workflow(source, call.caller()));
  const bool unchanged =
      last && find(*last, {"version"}) != nullptr && last->at("version") == workflow.at("version");
  co_return co_await call.json_reply(unchanged ? 200 : 201,
                                     {{"Location", "/api/v1/workflows/" + name}}, workflow);
}

Task<Result<void>> get_workflow(Api& api, Call& call) {
  CORRAL_CO_TRY(auto workflow, co_await api.service().get_workflow(call.param("name")));
  co_return co_await call.document(workflow);
}

Task<Result<void>> delete_workflow(Api& api, Call& call) {
  CORRAL_CO_CHECK(co_await api.service().delete_workflow(call.param("name"), call.caller()));
  co_return co_await call.out.send(204, {}, {});
}

Task<Result<void>> validate_workflow(Api& api, Call& call) {
  CORRAL_CO_TRY(auto workflow, api.service().validate_workflow(call.text("definition")));
  co_return co_await call.json_reply(200, {}, workflow);
}

Task<Result<void>> get_workflow_schema(Api& api, Call& call) {
  return call.document(api.service().workflow_schema());
}

Task<Result<void>> list_schedules(Api& api, Call& call) {
  CORRAL_CO_TRY(auto schedules, co_await api.service().list_schedules());
  co_return co_await call.document(items(std::move(schedules)));
}

Task<Result<void>> create_schedule(Api& api, Call& call) {
  engine::NewSchedule schedule;
  CORRAL_CO_TRY(schedule.run, start_of(call));
  if (find(call.body, {"workflow"}) == nullptr && find(call.body, {"definition"}) == nullptr)
    co_return fail(ErrorCode::invalid,
                   "request body: give exactly one of \"workflow\" and \"definition\"");
  schedule.cron = call.text("cron");
  schedule.timezone = call.text("timezone");
  CORRAL_CO_TRY(auto made,
                co_await api.service().create_schedule(std::move(schedule), call.caller()));
  co_return co_await call.json_reply(
      201, {{"Location", fmt::format("/api/v1/schedules/{}", find_string(made, {"id"}))}}, made);
}

Task<Result<void>> get_schedule(Api& api, Call& call) {
  CORRAL_CO_TRY(auto schedule, co_await api.service().get_schedule(call.param("schedule")));
  co_return co_await call.document(schedule);
}

Task<Result<void>> delete_schedule(Api& api, Call& call) {
  CORRAL_CO_CHECK(co_await api.service().delete_schedule(call.param("schedule"), call.caller()));
  co_return co_await call.out.send(204, {}, {});
}

Task<Result<void>> pause_schedule(Api& api, Call& call) {
  CORRAL_CO_TRY(auto schedule,
                co_await api.service().pause_schedule(call.param("schedule"), true, call.caller()));
  co_return co_await call.json_reply(200, {}, schedule);
}

Task<Result<void>> resume_schedule(Api& api, Call& call) {
  CORRAL_CO_TRY(auto schedule, co_await api.service().pause_schedule(call.param("schedule"), false,
                                                                     call.caller()));
  co_return co_await call.json_reply(200, {}, schedule);
}

}  // namespace corral::edge::endpoints
