#include "edge/http/router.h"

#include <gtest/gtest.h>

#include "edge/http/api.h"
#include "edge/http/api_impl.h"
#include "edge/http/components.h"

namespace corral::edge {
namespace {

struct Table {
  Schemas schemas{component_schemas()};
  Router router{api_routes(), schemas};
};
const Table& table() {
  static const Table made;
  return made;
}

std::string_view found(std::string_view method, std::string_view target) {
  const auto match = table().router.find(method, target);
  return match.route != nullptr ? match.route->operation_id : std::string_view();
}

TEST(Router, FindsRoutesByMethodAndPath) {
  EXPECT_EQ(found("GET", "/api/v1/runs"), "listRuns");
  EXPECT_EQ(found("POST", "/api/v1/runs?x=1"), "startRun");
  EXPECT_EQ(found("HEAD", "/api/v1/runs/1"), "getRun");
  EXPECT_EQ(found("GET", "http://host/api/v1/runs/1/log"), "getLog");
  for (const char* nothing : {"/", "/api/v1/runs/", "/api/v1//runs", "/api/v1/runs/1/log/2",
                              "/api/v1/RUNS", "/api/v1/runs/%"})
    EXPECT_EQ(found("GET", nothing), "") << nothing;
}

TEST(Router, KeepsAnEscapedSlashWithinItsSegment) {
  const auto match = table().router.find("GET", "/api/v1/runs/1/artifacts/a%2Fb%20c");
  ASSERT_NE(match.route, nullptr);
  EXPECT_EQ(match.params.at("name"), "a/b c");
}

TEST(Router, SaysWhichMethodsThereAre) {
  const auto match = table().router.find("PATCH", "/api/v1/projects/x");
  EXPECT_EQ(match.route, nullptr);
  EXPECT_EQ(match.allow, "GET, HEAD, DELETE");
  EXPECT_EQ(table().router.find("GET", "/nothing").allow, "");
}

int parameter_status(std::string_view method, std::string_view target,
                     std::map<std::string, std::string> headers = {}) {
  auto match = table().router.find(method, target);
  Request request;
  const auto mark = target.find('?');
  if (mark != std::string_view::npos)
    for (std::string_view rest = target.substr(mark + 1); !rest.empty();) {
      const auto end = std::min(rest.find('&'), rest.size());
      const auto pair = rest.substr(0, end);
      request.query.emplace_back(pair.substr(0, pair.find('=')), pair.substr(pair.find('=') + 1));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  request.headers = std::move(headers);
  request.params = match.params;
  const auto checked = table().router.check_parameters(*match.route, request);
  return checked ? 200 : checked.error().status;
}

TEST(Router, ChecksParameters) {
  EXPECT_EQ(parameter_status("GET", "/api/v1/runs?limit=5&status=failed"), 200);
  EXPECT_EQ(parameter_status("GET", "/api/v1/runs?limit=0"), 400);
  EXPECT_EQ(parameter_status("GET", "/api/v1/runs?status=fine"), 400);
  EXPECT_EQ(parameter_status("GET", "/api/v1/runs?limt=5"), 400);
  EXPECT_EQ(parameter_status("GET", "/api/v1/runs?limit=5&limit=6"), 400);
  EXPECT_EQ(parameter_status("GET", "/api/v1/runs/not-a-uuid"), 404);
  EXPECT_EQ(parameter_status("POST", "/api/v1/runs", {{"idempotency-key", std::string(256, 'k')}}),
            400);
}

int body_status(std::string_view target, std::string content_type, std::string body) {
  Request request;
  request.headers["content-type"] = std::move(content_type);
  request.body = std::move(body);
  const auto read = table().router.read_body(*table().router.find("POST", target).route, request);
  return read ? 200 : read.error().status;
}

TEST(Router, ChecksBodies) {
  EXPECT_EQ(body_status("/api/v1/groups", "application/json", R"({"name":"a"})"), 200);
  EXPECT_EQ(body_status("/api/v1/groups", "Application/JSON; charset=utf-8", R"({"name":"a"})"),
            200);
  EXPECT_EQ(body_status("/api/v1/groups", "text/plain", R"({"name":"a"})"), 415);
  EXPECT_EQ(body_status("/api/v1/groups", "", R"({"name":"a"})"), 415);
  EXPECT_EQ(body_status("/api/v1/groups", "application/json", ""), 400);
  EXPECT_EQ(body_status("/api/v1/groups", "application/json", "{"), 400);
  EXPECT_EQ(body_status("/api/v1/groups", "application/json", std::string(100'000, '[')), 400);
  EXPECT_EQ(body_status("/api/v1/runs/1/cancel", "", ""), 200);
  EXPECT_EQ(body_status("/api/v1/runs/1/retry", "application/json", R"({"x":1})"), 400);
}

TEST(OpenApi, DescribesEveryRouteAndResolves) {
  const auto document = json::parse(openapi_document("1.2.3"));
  EXPECT_EQ(find_string(document, {"openapi"}), "3.1.0");
  EXPECT_EQ(find_string(document, {"info", "version"}), "1.2.3");
  std::set<std::string_view> ids;
  for (const auto& route : api_routes()) {
    EXPECT_TRUE(ids.insert(route.operation_id).second) << route.operation_id;
    std::string method(route.method);
    for (char& c : method) c = static_cast<char>(std::tolower(c));
    const auto* operation = find(document, {"paths", route.path, method});
    ASSERT_NE(operation, nullptr) << route.path;
    EXPECT_NE(find(*operation, {"responses", std::to_string(route.replies.front().status)}),
              nullptr)
        << route.path;
  }
  // Every reference leads somewhere.
  const std::string text = json::serialize(document);
  std::size_t at = 0, count = 0;
  while ((at = text.find("\"$ref\":\"#/components/", at)) != std::string::npos) {
    at += 21;
    const auto reference = std::string_view(text).substr(at, text.find('"', at) - at);
    const auto slash = reference.find('/');
    EXPECT_NE(
        find(document, {"components", reference.substr(0, slash), reference.substr(slash + 1)}),
        nullptr)
        << reference;
    ++count;
  }
  EXPECT_GT(count, 100u);
}

}  // namespace
}  // namespace corral::edge
