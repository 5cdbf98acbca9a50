// The part of the route table that is about groups and projects.
#include "edge/http/route_parts.h"

namespace corral::edge {

using namespace route_parts;

std::vector<Route> project_routes() {
  constexpr std::string_view kGroups =
      R"({"type":"object","required":["items","next_cursor"],"properties":{"items":{"type":"array","items":{"$ref":"#/components/schemas/Group"}},"next_cursor":{"type":["string","null"]}}})";
  constexpr std::string_view kProjects =
      R"({"type":"object","required":["items","next_cursor"],"properties":{"items":{"type":"array","items":{"$ref":"#/components/schemas/Project"}},"next_cursor":{"type":["string","null"]}}})";
  return {
      {.method = "POST",
       .path = "/api/v1/groups",
       .operation_id = "createGroup",
       .tag = "projects",
       .summary = "Make a group",
       .parameters = {kIdempotencyKey},
       .body = "NewGroup",
       .replies = {{201, "Made.", kJson, R"({"$ref":"#/components/schemas/Group"})", {kLocation}}},
       .endpoint = ep::create_group},
      {.method = "GET",
       .path = "/api/v1/groups",
       .operation_id = "listGroups",
       .tag = "projects",
       .summary = "The groups",
       .parameters = {kLimit, kCursor, kIfNoneMatch},
       .replies = {document(kGroups)},
       .endpoint = ep::list_groups},
      {.method = "GET",
       .path = "/api/v1/groups/{group}",
       .operation_id = "getGroup",
       .tag = "projects",
       .summary = "One group",
       .parameters = {kGroup, kIfNoneMatch},
       .replies = {document(R"({"$ref":"#/components/schemas/Group"})")},
       .endpoint = ep::get_group},
      {.method = "POST",
       .path = "/api/v1/projects",
       .operation_id = "createProject",
       .tag = "projects",
       .summary = "Make a project",
       .parameters = {kIdempotencyKey},
       .body = "NewProject",
       .replies =
           {{201, "Made.", kJson, R"({"$ref":"#/components/schemas/Project"})", {kLocation}}},
       .endpoint = ep::create_project},
      {.method = "GET",
       .path = "/api/v1/projects",
       .operation_id = "listProjects",
       .tag = "projects",
       .summary = "The projects",
       .parameters = {kLimit, kCursor, kIfNoneMatch},
       .replies = {document(kProjects)},
       .endpoint = ep::list_projects},
      {.method = "GET",
       .path = "/api/v1/projects/{project}",
       .operation_id = "getProject",
       .tag = "projects",
       .summary = "One project",
       .parameters = {kProject, kIfNoneMatch},
       .replies = {document(R"({"$ref":"#/components/schemas/Project"})")},
       .endpoint = ep::get_project},
      {.method = "DELETE",
       .path = "/api/v1/projects/{project}",
       .operation_id = "deleteProject",
       .tag = "projects",
       .summary = "Delete a project",
       .parameters = {kProject, kIdempotencyKey},
       .replies = {{204, "Deleted."}},
       .endpoint = ep::delete_project},
  };
}

}  // namespace corral::edge
