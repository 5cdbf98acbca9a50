#include "edge/http/endpoints.h"

namespace corral::edge::endpoints {
namespace {

std::string location(std::string_view collection, const json::value& document) {
  return fmt::format("/api/v1/{}/{}", collection, find_string(document, {"id"}));
}

}  // namespace

Task<Result<void>> create_group(Api& api, Call& call) {
  CORRAL_CO_TRY(auto group, co_await api.service().create_group(call.text("name"), call.caller()));
  co_return co_await call.json_reply(201, {{"Location", location("groups", group)}}, group);
}

Task<Result<void>> list_groups(Api& api, Call& call) {
  CORRAL_CO_TRY(auto page,
                co_await api.service().list_groups(call.query("cursor"), limit_of(call)));
  co_return co_await call.document(items(std::move(page)));
}

Task<Result<void>> get_group(Api& api, Call& call) {
  CORRAL_CO_TRY(auto group, co_await api.service().get_group(call.param("group")));
  co_return co_await call.document(group);
}

Task<Result<void>> create_project(Api& api, Call& call) {
  CORRAL_CO_TRY(auto project,
                co_await api.service().create_project(call.text("name"), call.text("git_url"),
                                                      call.text("group"), call.caller()));
  co_return co_await call.json_reply(201, {{"Location", location("projects", project)}}, project);
}

Task<Result<void>> list_projects(Api& api, Call& call) {
  CORRAL_CO_TRY(auto page,
                co_await api.service().list_projects(call.query("cursor"), limit_of(call)));
  co_return co_await call.document(items(std::move(page)));
}

Task<Result<void>> get_project(Api& api, Call& call) {
  CORRAL_CO_TRY(auto project, co_await api.service().get_project(call.param("project")));
  co_return co_await call.document(project);
}

Task<Result<void>> delete_project(Api& api, Call& call) {
  CORRAL_CO_CHECK(co_await api.service().delete_project(call.param("project"), call.caller()));
  co_return co_await call.out.send(204, {}, {});
}

}  // namespace corral::edge::endpoints
