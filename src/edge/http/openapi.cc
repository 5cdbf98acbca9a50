#include "edge/http/openapi.h"

#include <algorithm>
#include <array>

#include "edge/http/problem.h"

namespace corral::edge {
namespace {

json::value parsed(std::string_view text) { return json::parse({text.data(), text.size()}); }
std::string text(std::string_view view) { return std::string(view); }

// Statuses that any request can meet, apart from its route's own; docs/api.md says when.
constexpr std::array kAlways{400, 403, 406, 408, 413, 429, 431, 500, 503, 504, 507};

struct Described {
  int status;
  std::string_view name, when;
};
constexpr std::array kProblems{
    Described{400, "Invalid", "The request is wrong; the detail names the field and the remedy."},
    Described{401, "Unauthenticated", "A token is needed, or is wrong."},
    Described{403, "Forbidden", "Not allowed, or sent by the page of another site."},
    Described{404, "NotFound", "There is no such thing."},
    Described{406, "NotAcceptable", "None of the media types in Accept is on offer."},
    Described{408, "TooSlow", "The request did not arrive in time."},
    Described{409, "Conflict", "It does not fit the present state."},
    Described{413, "TooLarge", "The request's body is too large."},
    Described{415, "UnsupportedMediaType", "The body must be application/json."},
    Described{422, "Unsupported", "Understood, but this server cannot do it."},
    Described{426, "UpgradeRequired", "This is a WebSocket's address: ask for one."},
    Described{429, "Exhausted", "A limit has been reached; Retry-After says when to try again."},
    Described{431, "HeaderTooLarge", "The request's header is too large."},
    Described{500, "Internal", "A bug; the server's log says more under the request id."},
    Described{503, "Unavailable", "Try again later."},
    Described{504, "Deadline", "It took too long."},
    Described{
        507, "DiskFull",
        "A disk of the server is full; nothing of the request was kept. Try again once there is "
        "room."},
};

json::object problem_responses() {
  json::object responses;
  for (const auto& problem : kProblems) {
    json::object response{
        {"description", problem.when},
        {"content", {{kProblemType, {{"schema", {{"$ref", "#/components/schemas/Problem"}}}}}}}};
    if (problem.status == 429 || problem.status == 503)
      response["headers"] = {
          {"Retry-After", {{"description", "Seconds."}, {"schema", {{"type", "integer"}}}}}};
    responses[problem.name] = std::move(response);
  }
  return responses;
}

json::object problem_reference(int status) {
  const auto at = std::ranges::find(kProblems, status, &Described::status);
  CORRAL_ASSERT(at != kProblems.end());
  return {{"$ref", "#/components/responses/" + text(at->name)}};
}

json::array parameters(const Route& route) {
  constexpr std::array<std::string_view, 3> kIn{"path", "query", "header"};
  json::array list;
  for (const auto& parameter : route.parameters) {
    json::object entry{{"name", parameter.name},
                       {"in", kIn[static_cast<std::size_t>(parameter.in)]},
                       {"description", parameter.description},
                       {"schema", parsed(parameter.schema)}};
    if (parameter.in == Parameter::In::path) entry["required"] = true;
    list.push_back(std::move(entry));
  }
  return list;
}

json::object responses(const Route& route) {
  json::object result;
  bool has_etag = false;
  for (const auto& reply : route.replies) {
    auto& response = result[std::to_string(reply.status)];
    if (!response.is_object()) response = {{"description", reply.description}};
    auto& object = response.get_object();
    if (!reply.headers.empty()) {
      json::object headers;
      for (const auto& [name, description] : reply.headers) {
        headers[name] = {{"description", description}, {"schema", {{"type", "string"}}}};
        has_etag = has_etag || name == "ETag";
      }
      object["headers"] = std::move(headers);
    }
    if (reply.media_type.empty()) continue;
    if (!object.contains("content")) object["content"] = json::object();
    json::object media;
    if (!reply.schema.empty()) media["schema"] = parsed(reply.schema);
    object["content"].get_object()[reply.media_type] = std::move(media);
  }
  if (has_etag)
    result["304"] = {{"description", "The client's copy (If-None-Match) is still good."}};
  std::vector<int> problems(kAlways.begin(), kAlways.end());
  if (route.access == Access::token) problems.push_back(401);
  problems.insert(problems.end(), route.refusals.begin(), route.refusals.end());
  if (!route.parameters.empty() || !route.body.empty()) problems.push_back(404);
  if (route.method != "GET") problems.insert(problems.end(), {409, 422});
  if (!route.body.empty()) problems.push_back(415);
  std::ranges::sort(problems);
  for (const int status : problems) {
    const auto key = std::to_string(status);
    if (!result.contains(key)) result[key] = problem_reference(status);
  }
  return result;
}

json::object operation(const Route& route) {
  json::object result{{"operationId", route.operation_id},
                      {"tags", json::array{route.tag}},
                      {"summary", route.summary}};
  if (!route.description.empty()) result["description"] = route.description;
  if (auto list = parameters(route); !list.empty()) result["parameters"] = std::move(list);
  if (!route.body.empty())
    result["requestBody"] = {
        {"required", route.body_required},
        {"content",
         {{"application/json",
           {{"schema", {{"$ref", "#/components/schemas/" + text(route.body)}}}}}}}};
  if (route.upload_bytes > 0)
    result["requestBody"] = {
        {"required", true},
        {"description", fmt::format("The file, at most {} bytes.", route.upload_bytes)},
        {"content",
         {{"application/octet-stream", {{"schema", {{"type", "string"}, {"format", "binary"}}}}}}}};
  result["responses"] = responses(route);
  if (route.access == Access::open) result["security"] = json::array();
  return result;
}

}  // namespace

json::object describe(std::span<const Route> routes, const Schemas& schemas,
                      std::string_view version) {
  json::object paths;
  for (const auto& route : routes) {
    auto& path = paths[route.path];
    if (!path.is_object()) path = json::object();
    std::string method(route.method);
    std::ranges::transform(method, method.begin(),
                           [](char c) { return static_cast<char>(c + 32); });
    path.get_object()[method] = operation(route);
  }
  return {
      {"openapi", "3.1.0"},
      {"info",
       {{"title", "Corral"},
        {"version", version},
        {"description",
         "Runs coding agents on real repositories in isolated workspaces. docs/api.md tells it in "
         "prose."},
        {"license", {{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}}}},
      {"servers", json::array{{{"url", "/"}}}},
      // The empty one: on loopback, without a token set, none is asked for.
      {"security",
       json::array{{{"token", json::array()}}, {{"cookie", json::array()}}, json::object()}},
      {"paths", std::move(paths)},
      {"components",
       {{"schemas", schemas.components()},
        {"responses", problem_responses()},
        {"securitySchemes",
         {{"token", {{"type", "http"}, {"scheme", "bearer"}}},
          {"cookie", {{"type", "apiKey"}, {"in", "cookie"}, {"name", "corral_session"}}}}}}},
  };
}

}  // namespace corral::edge
