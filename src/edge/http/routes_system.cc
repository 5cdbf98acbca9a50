// The part of the route table that is about this server itself.
#include "edge/http/route_parts.h"

namespace corral::edge {

using namespace route_parts;

std::vector<Route> system_routes() {
  return {
      {.method = "GET",
       .path = "/api/v1/openapi.json",
       .operation_id = "getOpenApi",
       .tag = "system",
       .summary = "This document",
       .parameters = {kIfNoneMatch},
       .replies = {document(R"({"type":"object"})")},
       .access = Access::open,
       .endpoint = ep::get_openapi},
      {.method = "GET",
       .path = "/api/v1/info",
       .operation_id = "getInfo",
       .tag = "system",
       .summary = "What this server is and can do",
       .parameters = {kIfNoneMatch},
       .replies = {document(R"({"$ref":"#/components/schemas/Info"})")},
       .endpoint = ep::get_info},
      {.method = "GET",
       .path = "/api/v1/agents",
       .operation_id = "listAgents",
       .tag = "system",
       .summary = "The agents and whether they can run",
       .parameters = {kIfNoneMatch},
       .replies = {document(
           R"({"type":"object","required":["items"],"properties":{"items":{"type":"array","items":{"$ref":"#/components/schemas/Agent"}}}})")},
       .endpoint = ep::list_agents},
      {.method = "POST",
       .path = "/api/v1/login",
       .operation_id = "login",
       .tag = "system",
       .summary = "Trade the token for a cookie",
       .description = "The cookie is HttpOnly and SameSite=Strict. Where no token is set, any is "
                      "fine and no cookie is needed.",
       .body = "Login",
       .replies =
           {{204, "Logged in.", {}, {}, {{"Set-Cookie", "corral_session, when a token is set."}}}},
       .refusals = {401},
       .access = Access::open,
       .endpoint = ep::login},
      {.method = "POST",
       .path = "/api/v1/logout",
       .operation_id = "logout",
       .tag = "system",
       .summary = "Drop the cookie",
       .replies = {{204, "Logged out.", {}, {}, {{"Set-Cookie", "Empties corral_session."}}}},
       .access = Access::open,
       .endpoint = ep::logout},
      {.method = "GET",
       .path = "/healthz",
       .operation_id = "healthz",
       .tag = "system",
       .summary = "Whether the process lives",
       .replies = {{200, "It does.", "text/plain"}},
       .access = Access::open,
       .endpoint = ep::healthz},
      {.method = "GET",
       .path = "/readyz",
       .operation_id = "readyz",
       .tag = "system",
       .summary = "Whether it can serve",
       .replies = {{200, "It can.", "text/plain"}},
       .access = Access::open,
       .endpoint = ep::readyz},
      {.method = "GET",
       .path = "/metrics",
       .operation_id = "metrics",
       .tag = "system",
       .summary = "Figures for Prometheus",
       .replies = {{200, "Text exposition, version 0.0.4.", "text/plain"}},
       .endpoint = ep::metrics},
  };
}

}  // namespace corral::edge
