// The API over a real socket and a fake service.
#include "edge/http/api.h"

#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <sstream>

#include "base/log.h"
#include "edge/http/components.h"
#include "edge/http/schema.h"
#include "edge/http/testing/api_server.h"
#include "edge/http/testing/raw_client.h"

namespace corral::edge {
namespace {

using testing::ApiServer;
using testing::RawClient;
using namespace std::string_literals;

constexpr const char* kJson = "Content-Type: application/json\r\n";

// "" when `body` is what the component promises.
std::string mismatch(std::string_view body, std::string_view component) {
  static const Schemas schemas(component_schemas());
  const auto value = parse_json(body, "answer");
  if (!value) return value.error().message;
  const auto checked = schemas.check(
      *value, schemas.components().at(json::string_view(component.data(), component.size())),
      "answer");
  return checked ? "" : checked.error().message;
}

class ApiTest : public ::testing::Test {
 protected:
  std::string start_run(std::string_view extra = "") {
    const auto answer =
        client.request("POST", "/api/v1/runs",
                       fmt::format(R"({{"git_url":"/repo","prompt":"p"{}}})", extra), kJson);
    EXPECT_EQ(answer.status, 202) << answer.body;
    EXPECT_EQ(mismatch(answer.body, "Run"), "");
    const std::string id(find_string(json::parse(answer.body), {"id"}));
    EXPECT_EQ(answer.header("location"), "/api/v1/runs/" + id);
    return "/api/v1/runs/" + id;
  }
  template <class Work>
  void with_newest(Work work) {
    server.run([&](testing::FakeService& service) { work(service, service.newest()); });
  }

  ApiServer server;
  RawClient client{server.port()};
};

TEST_F(ApiTest, StartsARunWithEveryField) {
  start_run(
      R"(,"agent":"command","command":["sh","-c"],"checks":"make","model":"m","base":"dev","permissions":"ask","budget_usd":2,"timeout_s":60,"priority":3,"author":{"name":"A","email":"a@b"},"workflow":"nightly@2","inputs":{"n":2},"not_before":"2026-11-22T01:00:00+01:00")");
  server.run([](testing::FakeService& service) {
    const auto& start = service.last_start;
    EXPECT_EQ(start.git_url, "/repo");
    EXPECT_EQ(start.workflow, "nightly@2");
    EXPECT_EQ(start.inputs, (json::object{{"n", 2}}));
    EXPECT_EQ(to_rfc3339(start.not_before.value()), "2026-11-22T00:00:00.000Z");
    EXPECT_EQ(start.agent, "command");
    EXPECT_EQ(start.command, (std::vector<std::string>{"sh", "-c"}));
    EXPECT_EQ(start.checks, "make");
    EXPECT_EQ(start.model, "m");
    EXPECT_EQ(start.base, "dev");
    EXPECT_EQ(start.permissions, "ask");
    EXPECT_EQ(start.budget_usd, 2.0);
    EXPECT_EQ(start.timeout_s, 60);
    EXPECT_EQ(start.priority, 3);
    EXPECT_EQ(start.author_name, "A");
    EXPECT_EQ(start.author_email, "a@b");
    EXPECT_EQ(service.last_caller.actor, "user:local");
  });
}

TEST_F(ApiTest, TakesAnIdempotencyKey) {
  const std::string body = R"({"git_url":"/repo","prompt":"p"})",
                    key = std::string(kJson) + "Idempotency-Key: k1\r\n";
  const auto first = client.request("POST", "/api/v1/runs", body, key),
             second = client.request("POST", "/api/v1/runs", body, key);
  EXPECT_EQ(first.header("location"), second.header("location"));
  EXPECT_EQ(
      client.request("POST", "/api/v1/runs", R"({"git_url":"/repo","prompt":"q"})", key).status,
      409);
}

TEST_F(ApiTest, RefusesContradictingStarts) {
  for (const char* body :
       {R"({"prompt":"p"})", R"({"git_url":"/r","not_before":"tomorrow"})",
        R"({"git_url":"/r","inputs":[1]})", R"({"prompt":"p","git_url":"/r","project":"x"})",
        R"({"prompt":"p","git_url":"/r","workflow":"task","definition":"name: x"})"}) {
    const auto answer = client.request("POST", "/api/v1/runs", body, kJson);
    EXPECT_EQ(answer.status, 400) << body;
    EXPECT_EQ(mismatch(answer.body, "Problem"), "");
  }
}

TEST_F(ApiTest, AnswersDocumentsAsPromised) {
  const auto run = start_run();
  EXPECT_EQ(
      mismatch(client.request("POST", "/api/v1/groups", R"({"name":"g"})", kJson).body, "Group"),
      "");
  EXPECT_EQ(mismatch(client
                         .request("POST", "/api/v1/projects",
                                  R"({"name":"p","git_url":"/r","group":"g"})", kJson)
                         .body,
                     "Project"),
            "");
  EXPECT_EQ(mismatch(client.request("GET", "/api/v1/groups/g").body, "Group"), "");
  EXPECT_EQ(mismatch(client.request("GET", "/api/v1/projects/p").body, "Project"), "");
  EXPECT_EQ(mismatch(client.request("GET", run).body, "Run"), "");
  EXPECT_EQ(mismatch(client.request("GET", "/api/v1/info").body, "Info"), "");
  EXPECT_EQ(
      mismatch(
          client.request("POST", "/api/v1/workflows/validate", R"({"definition":"name: t"})", kJson)
              .body,
          "Workflow"),
      "");
  for (const auto& list :
       {"/api/v1/runs"s, "/api/v1/projects"s, "/api/v1/groups"s, "/api/v1/workflows"s,
        "/api/v1/agents"s, "/api/v1/approvals"s, "/api/v1/events"s, run + "/steps", run + "/events",
        run + "/artifacts"}) {
    const auto answer = client.request("GET", list);
    EXPECT_EQ(answer.status, 200) << list;
    EXPECT_TRUE(json::parse(answer.body).at("items").is_array()) << list;
  }
  EXPECT_EQ(client.request("DELETE", "/api/v1/projects/p").status, 204);
  EXPECT_EQ(client.request("GET", "/api/v1/projects/p").status, 404);
  EXPECT_EQ(
      client.request("POST", "/api/v1/approvals/known", R"({"decision":"allow"})", kJson).status,
      200);
  EXPECT_EQ(client.request("POST", run + "/cancel", R"({"reason":"enough"})", kJson).status, 202);
  EXPECT_EQ(client.request("POST", run + "/cancel").status, 409);
  EXPECT_EQ(client.request("POST", run + "/retry").status, 409);
}

TEST_F(ApiTest, HandsKeyAndTraceOnWithEveryCommand) {
  const auto run = start_run();
  const std::string parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const auto schedule = std::string(find_string(
      json::parse(client
                      .request("POST", "/api/v1/schedules",
                               R"({"git_url":"/r","workflow":"w","cron":"0 3 * * *"})", kJson)
                      .body),
      {"id"}));
  struct Command {
    std::string method, target, body;
    int status;
  };
  const std::vector<Command> commands{
      {"POST", "/api/v1/runs", R"({"git_url":"/r","prompt":"p"})", 202},
      {"POST", run + "/pause", R"({"reason":"look"})", 200},
      {"POST", run + "/resume", "", 200},
      {"POST", run + "/steps/agent/prompt", R"({"text":"And that."})", 202},
      {"POST", run + "/steps/agent/interrupt", "", 202},
      {"POST", run + "/steps/agent/mode", R"({"permissions":"ask"})", 202},
      {"POST", run + "/fork", R"({"from":"agent"})", 201},
      {"POST", run + "/retry", R"({"from":"agent"})", 409},
      {"POST", run + "/cancel", "", 202},
      {"POST", "/api/v1/approvals/known", R"({"decision":"allow","choice":"blue"})", 200},
      {"POST", "/api/v1/groups", R"({"name":"g"})", 201},
      {"POST", "/api/v1/projects", R"({"name":"p","git_url":"/r"})", 201},
      {"DELETE", "/api/v1/projects/p", "", 204},
      {"POST", "/api/v1/workflows", R"({"definition":"name: w"})", 201},
      {"DELETE", "/api/v1/workflows/w", "", 204},
      {"POST", "/api/v1/schedules", R"({"git_url":"/r","workflow":"w","cron":"0 3 * * *"})", 201},
      {"POST", "/api/v1/schedules/" + schedule + "/pause", "", 200},
      {"POST", "/api/v1/schedules/" + schedule + "/resume", "", 200},
      {"DELETE", "/api/v1/schedules/" + schedule, "", 204},
      {"POST", "/api/v1/queue/pause", R"({"group":"g"})", 200},
      {"POST", "/api/v1/queue/resume", "", 200},
      {"POST", "/api/v1/jobs/1/retry", "", 204},
      {"DELETE", "/api/v1/jobs/1", "", 409},
  };
  int number = 0;
  for (const auto& command : commands) {
    const auto key = fmt::format("key-{}", ++number);
    const auto answer = client.request(
        command.method, command.target, command.body,
        fmt::format("{}Idempotency-Key: {}\r\ntraceparent: {}\r\n", kJson, key, parent));
    EXPECT_EQ(answer.status, command.status) << command.target << answer.body;
    server.run([&](testing::FakeService& service) {
      EXPECT_EQ(service.last_caller.actor, "user:local") << command.target;
      EXPECT_EQ(service.last_caller.idempotency_key, key) << command.target;
      EXPECT_EQ(service.last_caller.trace, parent) << command.target;
    });
  }
  EXPECT_EQ(client.request("POST", run + "/steps/agent/prompt", R"({"text":""})", kJson).status,
            400);
  EXPECT_EQ(
      client.request("POST", run + "/steps/agent/mode", R"({"permissions":"yolo"})", kJson).status,
      400);
  client.request("POST", run + "/pause", {}, "traceparent: nonsense\r\n");
  server.run([](testing::FakeService& service) { EXPECT_EQ(service.last_caller.trace, ""); });
  EXPECT_EQ(
      client
          .request("POST", run + "/pause", {}, "Idempotency-Key: " + std::string(256, 'k') + "\r\n")
          .status,
      400);
}

TEST_F(ApiTest, SteersARun) {
  const auto run = start_run();
  const auto words = [&] {
    std::string last;
    server.run([&](testing::FakeService& service) { last = service.last_words; });
    return last;
  };
  const auto paused = client.request("POST", run + "/pause", R"({"reason":"look"})", kJson);
  EXPECT_EQ(mismatch(paused.body, "Run"), "");
  EXPECT_TRUE(json::parse(paused.body).at("paused").as_bool());
  EXPECT_EQ(words(), "look");
  EXPECT_FALSE(json::parse(client.request("POST", run + "/resume", "{}", kJson).body)
                   .at("paused")
                   .as_bool());
  const auto fork = client.request("POST", run + "/fork", R"({"from":"agent"})", kJson);
  EXPECT_EQ(fork.header("location"),
            "/api/v1/runs/" + std::string(find_string(json::parse(fork.body), {"id"})));
  EXPECT_EQ(mismatch(fork.body, "Run"), "");
  EXPECT_EQ(words(), "agent");
  client.request("POST", run + "/retry", R"({"from":"checks"})", kJson);
  EXPECT_EQ(words(), "checks");
  EXPECT_EQ(client.request("POST", run + "/retry", R"({"form":"checks"})", kJson).status, 400);
  client.request("POST", "/api/v1/approvals/known",
                 R"({"decision":"deny","message":"no","choice":"b"})", kJson);
  EXPECT_EQ(words(), "deny no b");
}

TEST_F(ApiTest, ShowsARunAsItWas) {
  const auto run = start_run();
  with_newest([](auto& service, RunId id) { service.add_event(id, "run.started"); });
  EXPECT_EQ(find_int(json::parse(client.request("GET", run + "?version=2").body), {"version"}), 2);
  EXPECT_EQ(client.request("GET", run + "?version=3").status, 404);
  EXPECT_EQ(client.request("GET", run + "?version=0").status, 400);
  EXPECT_EQ(client.request("GET", run + "?version=x").status, 400);
}

TEST_F(ApiTest, KeepsWorkflows) {
  const auto save = [&](const char* source) {
    return client.request("POST", "/api/v1/workflows",
                          json::serialize(json::object{{"definition", source}}), kJson);
  };
  const auto first = save("name: w\na");
  EXPECT_EQ(first.status, 201);
  EXPECT_EQ(first.header("location"), "/api/v1/workflows/w");
  EXPECT_EQ(mismatch(first.body, "Workflow"), "");
  EXPECT_EQ(save("name: w\na").status, 200);
  EXPECT_EQ(save("name: w\nb").status, 201);
  EXPECT_EQ(save("nonsense").status, 400);
  const auto got = client.request("GET", "/api/v1/workflows/w");
  EXPECT_EQ(mismatch(got.body, "Workflow"), "");
  EXPECT_EQ(find_int(json::parse(got.body), {"version"}), 2);
  EXPECT_EQ(client.request("GET", "/api/v1/workflow-schema").status, 200);
  EXPECT_EQ(client.request("DELETE", "/api/v1/workflows/w").status, 204);
  EXPECT_EQ(client.request("GET", "/api/v1/workflows/w").status, 404);
  EXPECT_EQ(client.request("PUT", "/api/v1/workflows/validate").header("allow"), "POST");
  EXPECT_EQ(client.request("PUT", "/api/v1/workflows/w").header("allow"), "GET, HEAD, DELETE");
}

TEST_F(ApiTest, KeepsSchedules) {
  const auto create = [&](const char* body) {
    return client.request("POST", "/api/v1/schedules", body, kJson);
  };
  const auto made = create(
      R"({"project":"p","workflow":"w","inputs":{"a":true},"cron":"0 3 * * *","timezone":"Europe/Berlin"})");
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(mismatch(made.body, "Schedule"), "");
  server.run([](testing::FakeService& service) {
    EXPECT_EQ(service.last_schedule.run.project, "p");
    EXPECT_EQ(service.last_schedule.run.inputs, (json::object{{"a", true}}));
    EXPECT_EQ(service.last_schedule.cron, "0 3 * * *");
    EXPECT_EQ(service.last_schedule.timezone, "Europe/Berlin");
  });
  const auto path = made.header("location");
  EXPECT_EQ(mismatch(client.request("GET", path).body, "Schedule"), "");
  EXPECT_TRUE(json::parse(client.request("POST", path + "/pause").body).at("paused").as_bool());
  EXPECT_FALSE(json::parse(client.request("POST", path + "/resume").body).at("paused").as_bool());
  EXPECT_EQ(
      json::parse(client.request("GET", "/api/v1/schedules").body).at("items").as_array().size(),
      1u);
  for (const char* wrong :
       {R"({"project":"p","cron":"0 3 * * *"})", R"({"workflow":"w"})",
        R"({"project":"p","workflow":"w","definition":"name: x"})",
        R"({"project":"p","workflow":"w","cron":"never"})",
        R"({"project":"p","workflow":"w","not_before":"2026-11-22T01:00:00Z"})"})
    EXPECT_EQ(create(wrong).status, 400) << wrong;
  EXPECT_EQ(client.request("DELETE", path).status, 204);
  EXPECT_EQ(client.request("GET", path).status, 404);
  EXPECT_EQ(client.request("POST", path + "/pause").status, 404);
}

TEST_F(ApiTest, ShowsAndSteersTheQueue) {
  EXPECT_EQ(mismatch(client.request("GET", "/api/v1/queue").body, "Queue"), "");
  const auto paused = client.request("POST", "/api/v1/queue/pause", R"({"group":"g"})", kJson);
  EXPECT_EQ(json::parse(paused.body).at("paused"), (json::array{"g"}));
  const auto all = client.request("POST", "/api/v1/queue/pause");
  EXPECT_EQ(json::parse(all.body).at("paused"), (json::array{""}));
  EXPECT_EQ(json::parse(client.request("POST", "/api/v1/queue/resume").body).at("paused"),
            json::array{});
  const auto dead = json::parse(client.request("GET", "/api/v1/jobs?state=failed").body);
  ASSERT_EQ(dead.at("items").as_array().size(), 1u);
  EXPECT_EQ(mismatch(json::serialize(dead.at("items").at(0)), "Job"), "");
  EXPECT_EQ(client.request("GET", "/api/v1/jobs?state=dead").status, 400);
  EXPECT_EQ(client.request("POST", "/api/v1/jobs/2/retry").status, 409);
  EXPECT_EQ(client.request("DELETE", "/api/v1/jobs/7").status, 404);
  EXPECT_EQ(client.request("DELETE", "/api/v1/jobs/x").status, 404);
  EXPECT_EQ(client.request("DELETE", "/api/v1/jobs/1").status, 204);
  EXPECT_EQ(client.request("POST", "/api/v1/jobs/1/retry").status, 404);
}

TEST_F(ApiTest, FiltersEvents) {
  start_run();
  with_newest([](auto& service, RunId id) {
    for (const char* type : {"run.started", "run.step.started", "run.started"})
      service.add_event(id, type);
  });
  const auto count = [&](const std::string& query) {
    const auto answer = client.request("GET", "/api/v1/events" + query);
    EXPECT_EQ(answer.status, 200) << query << answer.body;
    return json::parse(answer.body).at("items").as_array().size();
  };
  EXPECT_EQ(count(""), 4u);
  EXPECT_EQ(count("?from=4"), 1u);
  EXPECT_EQ(count("?after=1"), 3u);
  EXPECT_EQ(count("?after=latest"), 0u);
  EXPECT_EQ(count("?type=run.started"), 2u);
  EXPECT_EQ(count("?type=run.started,run.step.started&after=2"), 2u);
  EXPECT_EQ(count("?from=2026-11-21T09:00:00Z&until=2026-11-21T10:00:00Z"), 4u);
  server.run([](testing::FakeService& service) {
    EXPECT_EQ(to_rfc3339(service.last_filter.from.value()), "2026-11-21T09:00:00.000Z");
    EXPECT_EQ(to_rfc3339(service.last_filter.until.value()), "2026-11-21T10:00:00.000Z");
  });
  for (const char* wrong :
       {"?from=yesterday", "?until=3", "?after=first", "?after=1&from=2", "?from=-1"})
    EXPECT_EQ(client.request("GET", std::string("/api/v1/events") + wrong).status, 400) << wrong;
}

TEST_F(ApiTest, PagesThroughLists) {
  for (int i = 0; i < 5; ++i) start_run();
  std::set<std::string> seen;
  std::string cursor;
  for (int pages = 0; pages < 3; ++pages) {
    const auto page = json::parse(
        client.request("GET", "/api/v1/runs?limit=2" + (cursor.empty() ? "" : "&cursor=" + cursor))
            .body);
    for (const auto& run : page.at("items").as_array())
      seen.insert(std::string(find_string(run, {"id"})));
    if (page.at("next_cursor").is_null()) break;
    cursor = find_string(page, {"next_cursor"});
  }
  EXPECT_EQ(seen.size(), 5u);
}

TEST_F(ApiTest, SaysNotModified) {
  const auto run = start_run();
  const auto first = client.request("GET", run);
  const auto tag = first.header("etag");
  ASSERT_FALSE(tag.empty());
  EXPECT_EQ(client.request("GET", run, {}, "If-None-Match: " + tag + "\r\n").status, 304);
  with_newest([](auto& service, RunId id) {
    service.run(id).document["cost_usd"] = 9.5;
  });  // without a new version
  EXPECT_EQ(client.request("GET", run, {}, "If-None-Match: " + tag + "\r\n").status, 200);
}

TEST_F(ApiTest, AnswersEveryErrorAsAProblem) {
  log::set_level(log::Level::off);
  const auto run = start_run();
  const std::pair<ErrorCode, int> errors[] = {{ErrorCode::unavailable, 503},
                                              {ErrorCode::exhausted, 429},
                                              {ErrorCode::internal, 500},
                                              {ErrorCode::deadline, 504}};
  for (const auto& [code, status] : errors) {
    with_newest([&](auto& service, RunId) {
      service.next_error = Error{code, "on purpose \xff", nullptr};
    });
    const auto answer = client.request("GET", run, {}, "X-Request-Id: req-1\r\n");
    EXPECT_EQ(answer.status, status);
    EXPECT_EQ(answer.header("content-type"), "application/problem+json");
    EXPECT_EQ(answer.header("x-request-id"), "req-1");
    EXPECT_EQ(mismatch(answer.body, "Problem"), "");
    const auto problem = json::parse(answer.body);
    EXPECT_EQ(find_string(problem, {"request_id"}), "req-1");
    EXPECT_EQ(find_string(problem, {"code"}), to_string(code));
    EXPECT_EQ(answer.header("retry-after").empty(), status != 429 && status != 503);
  }
  log::set_level(log::Level::info);
  EXPECT_EQ(log::take_error_count(), 1);  // the internal one
  with_newest([&](auto& service, RunId) {
    service.next_error =
        wrap(errno_error(ENOSPC, "cannot write the log"), "cannot start the run").error();
  });
  const auto full = client.request("GET", run);
  EXPECT_EQ(full.status, 507) << "the operator's disk is no limit that the caller could keep to";
  EXPECT_EQ(find_string(json::parse(full.body), {"code"}), "exhausted");
  EXPECT_NE(full.body.find("No space left on device"), std::string::npos) << full.body;
}

TEST_F(ApiTest, RefusesWhatHttpRefuses) {
  const auto method = client.request("PUT", "/api/v1/runs");
  EXPECT_EQ(method.status, 405);
  EXPECT_EQ(method.header("allow"), "POST, GET, HEAD");
  EXPECT_EQ(client.request("GET", "/api/v1/nothing").status, 404);
  EXPECT_EQ(client.request("GET", "/api/v1/runs", {}, "Accept: image/png\r\n").status, 406);
  EXPECT_EQ(client
                .request("POST", "/api/v1/groups", "name=x",
                         "Content-Type: application/x-www-form-urlencoded\r\n")
                .status,
            415);
  EXPECT_EQ(client.request("POST", "/nothing").status, 404);
  const auto made_up =
      client.request("GET", "/healthz", {}, "X-Request-Id: bad id\r\n").header("x-request-id");
  EXPECT_EQ(made_up.size(), 36u);
  EXPECT_EQ(client.request("HEAD", "/api/v1/runs").status, 200);
}

TEST_F(ApiTest, GivesArtifactsAsFilesThatABrowserDoesNotRun) {
  const auto run = start_run();
  const auto answer = client.request("GET", run + "/artifacts/report.html");
  EXPECT_EQ(answer.body, "<script>alert(1)</script>");
  EXPECT_EQ(answer.header("content-disposition"), "attachment; filename*=UTF-8''report.html");
  EXPECT_NE(answer.header("content-security-policy").find("sandbox"), std::string::npos);
  EXPECT_EQ(answer.header("x-content-type-options"), "nosniff");
}

TEST_F(ApiTest, ListsTakesAndGivesFilesOfAWorkspace) {
  const auto files = start_run() + "/files";
  const auto put = client.request("PUT", files + "/content?path=a%2F%C3%A9%20%22.html",
                                  "<script>\0\xff"s, "Content-Type: text/html\r\n");
  EXPECT_EQ(put.status, 204) << put.body;
  server.run([&](testing::FakeService&) {
    EXPECT_TRUE(server.files().files.contains("a/\u00e9 \".html"));
    EXPECT_EQ(server.files().last_caller.actor, "user:local");
  });
  const auto listed = client.request("GET", files);
  EXPECT_EQ(listed.status, 200);
  EXPECT_EQ(mismatch(listed.body, "Folder"), "");
  EXPECT_EQ(json::parse(listed.body).at("items").as_array().size(), 1u);
  const auto got = client.request("GET", files + "/content?path=a/%C3%A9%20%22.html");
  EXPECT_EQ(got.body, "<script>\0\xff"s);
  EXPECT_EQ(got.header("content-type"), "application/octet-stream");
  EXPECT_EQ(got.header("content-disposition"), "attachment; filename*=UTF-8''%C3%A9%20%22.html");
  EXPECT_EQ(got.header("x-content-type-options"), "nosniff");
  EXPECT_NE(got.header("content-security-policy").find("sandbox"), std::string::npos);
  const auto again = client.request("GET", files + "/content?path=a/%C3%A9%20%22.html", {},
                                    "If-None-Match: " + got.header("etag") + "\r\n");
  EXPECT_EQ(again.status, 304);
  EXPECT_EQ(client.request("PUT", files + "/content?path=empty", "").status, 204);
  EXPECT_EQ(client.request("GET", files + "/content?path=empty").body, "");
}

TEST_F(ApiTest, RefusesFilesThatCannotBe) {
  const auto run = start_run();
  const auto content = run + "/files/content";
  EXPECT_EQ(client.request("GET", content + "?path=none").status, 404);
  EXPECT_EQ(client.request("PUT", content, "x").status, 400);
  EXPECT_EQ(client.request("PUT", content + "?path=" + std::string(4097, 'a'), "x").status, 400);
  EXPECT_EQ(client.request("PUT", content + "?path=a&other=b", "x").status, 400);
  EXPECT_EQ(client.request("PUT", content + "?path=a", std::string(engine::kMaxWorkspaceFile, 'x'))
                .status,
            204);
  const auto large =
      client.request("PUT", content + "?path=a", std::string(engine::kMaxWorkspaceFile + 1, 'x'));
  EXPECT_EQ(large.status, 413);
  EXPECT_EQ(find_string(json::parse(large.body), {"code"}), "too_large");
  server.run([&](testing::FakeService&) {
    server.files().next_error = Error{ErrorCode::conflict, "has no workspace now", nullptr};
  });
  EXPECT_EQ(client.request("GET", run + "/files").status, 409);
  EXPECT_EQ(
      client.request("PUT", content + "?path=a", "x", "Origin: https://evil.example\r\n").status,
      403);
}

TEST_F(ApiTest, TakesListsAndRemovesPushSubscriptions) {
  const auto key = client.request("GET", "/api/v1/push/key");
  EXPECT_EQ(key.status, 200);
  EXPECT_EQ(mismatch(key.body, "PushKey"), "");
  const auto added = client.request(
      "POST", "/api/v1/push/subscriptions",
      R"({"endpoint":"https://push.example.net/x","expirationTime":null,"keys":{"p256dh":"BA","auth":"AA"},"name":"phone"})",
      kJson);
  EXPECT_EQ(added.status, 201) << added.body;
  EXPECT_EQ(mismatch(added.body, "PushSubscription"), "");
  server.run([&](testing::FakeService&) {
    EXPECT_EQ(server.notify().last.endpoint, "https://push.example.net/x");
    EXPECT_EQ(server.notify().last.p256dh, "BA");
    EXPECT_EQ(server.notify().last.auth, "AA");
    EXPECT_EQ(server.notify().last.name, "phone");
  });
  const auto listed = client.request("GET", "/api/v1/push/subscriptions");
  ASSERT_EQ(json::parse(listed.body).at("items").as_array().size(), 1u) << listed.body;
  const std::string path =
      "/api/v1/push/subscriptions/" + std::string(find_string(json::parse(added.body), {"id"}));
  EXPECT_EQ(client.request("DELETE", path).status, 204);
  EXPECT_EQ(client.request("DELETE", path).status, 404);
}

TEST_F(ApiTest, RefusesPushSubscriptionsThatCannotBe) {
  const auto post = [&](std::string_view body) {
    return client.request("POST", "/api/v1/push/subscriptions", body, kJson).status;
  };
  EXPECT_EQ(post(R"({"endpoint":"https://a/"})"), 400);
  EXPECT_EQ(post(R"({"endpoint":"https://a/","keys":{"p256dh":"a"}})"), 400);
  EXPECT_EQ(post(R"({"endpoint":"https://a/","keys":{"p256dh":"a","auth":"b","more":1}})"), 400);
  EXPECT_EQ(post(fmt::format(R"({{"endpoint":"https://a/{}","keys":{{"p256dh":"a","auth":"b"}}}})",
                             std::string(2048, 'a'))),
            400);
  server.run([&](testing::FakeService&) {
    server.notify().next_error = Error{ErrorCode::forbidden, "endpoint: is private", nullptr};
  });
  EXPECT_EQ(post(R"({"endpoint":"https://a/","keys":{"p256dh":"a","auth":"b"}})"), 403);
}

TEST_F(ApiTest, StopsRequestsOfOtherSites) {
  RawClient browser(server.port());
  browser.send("GET /api/v1/runs HTTP/1.1\r\nHost: rebound.example\r\n\r\n");
  EXPECT_EQ(browser.receive().status, 403);
  EXPECT_EQ(client
                .request("POST", "/api/v1/groups", R"({"name":"g"})",
                         std::string(kJson) + "Origin: https://evil.example\r\n")
                .status,
            403);
}

TEST_F(ApiTest, ExposesFigures) {
  start_run();
  const auto text = client.request("GET", "/metrics");
  EXPECT_EQ(text.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_NE(text.body.find("corral_runs 1\n"), std::string::npos);
  EXPECT_NE(
      text.body.find(
          "corral_http_requests_total{method=\"POST\",route=\"/api/v1/runs\",status=\"202\"} 1\n"),
      std::string::npos);
}

TEST_F(ApiTest, ExposesFiguresInPrometheusForm) {
  start_run();
  const std::regex comment("# (HELP [a-z_]+ .+|TYPE [a-z_]+ (counter|gauge|histogram))"),
      sample("([a-z_]+)(\\{([a-z]+=\"[^\"\\n]*\",?)+\\})? [0-9.e+-]+");
  std::set<std::string> typed;
  std::istringstream lines(client.request("GET", "/metrics").body);
  for (std::string line; std::getline(lines, line);) {
    std::smatch parts;
    if (line.starts_with("# TYPE ")) typed.insert(line.substr(7, line.find(' ', 7) - 7));
    if (line.starts_with('#')) {
      EXPECT_TRUE(std::regex_match(line, comment)) << line;
      continue;
    }
    ASSERT_TRUE(std::regex_match(line, parts, sample)) << line;
    const std::string family =
        std::regex_replace(parts[1].str(), std::regex("_(bucket|sum|count)$"), "");
    EXPECT_TRUE(typed.contains(parts[1].str()) || typed.contains(family)) << line;
  }
  EXPECT_GE(typed.size(), 4u);
}

TEST_F(ApiTest, SaysWhenItIsNotReady) {
  EXPECT_EQ(client.request("GET", "/readyz").body, "ok\n");
  server.not_ready = true;
  EXPECT_EQ(client.request("GET", "/readyz").status, 503);
  EXPECT_EQ(client.request("GET", "/healthz").status, 200);
}

TEST(ApiWithToken, AsksForTheTokenEverywhereButAtTheDoor) {
  ApiServer server({.token = "secret"});
  RawClient client(server.port());
  const auto refused = client.request("GET", "/api/v1/runs");
  EXPECT_EQ(refused.status, 401);
  EXPECT_FALSE(refused.header("www-authenticate").empty());
  for (const char* open : {"/healthz", "/readyz", "/api/v1/openapi.json", "/"})
    EXPECT_EQ(client.request("GET", open).status, 200) << open;
  for (const char* closed : {"/metrics", "/api/v1/info", "/api/v1/events"})
    EXPECT_EQ(client.request("GET", closed).status, 401) << closed;
  EXPECT_EQ(client.request("GET", "/api/v1/runs", {}, "Authorization: Bearer secret\r\n").status,
            200);

  EXPECT_EQ(client.request("POST", "/api/v1/login", R"({"token":"wrong"})", kJson).status, 401);
  const auto login = client.request("POST", "/api/v1/login", R"({"token":"secret"})", kJson);
  EXPECT_EQ(login.status, 204);
  const auto cookie = login.header("set-cookie");
  EXPECT_EQ(client
                .request("GET", "/api/v1/runs", {},
                         "Cookie: " + cookie.substr(0, cookie.find(';')) + "\r\n")
                .status,
            200);
  EXPECT_NE(client.request("POST", "/api/v1/logout").header("set-cookie").find("Max-Age=0"),
            std::string::npos);
}

TEST(ApiWithToken, SlowsDownGuessing) {
  log::set_level(log::Level::off);
  ApiServer server({.token = "secret"});
  RawClient client(server.port());
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(client.request("GET", "/api/v1/runs", {}, "Authorization: Bearer x\r\n").status, 401);
  EXPECT_EQ(client.request("GET", "/api/v1/runs", {}, "Authorization: Bearer secret\r\n").status,
            429);
  EXPECT_EQ(client.request("POST", "/api/v1/login", R"({"token":"secret"})", kJson).status, 429);
  log::set_level(log::Level::info);
}

TEST(ApiRate, RefusesBeyondTheBurst) {
  ApiServer server({.requests_per_second = 0.001, .request_burst = 2});
  RawClient client(server.port());
  EXPECT_NE(client.request("GET", "/healthz").header("ratelimit").find("r=1"), std::string::npos);
  EXPECT_EQ(client.request("GET", "/healthz").status, 200);
  const auto refused = client.request("GET", "/healthz");
  EXPECT_EQ(refused.status, 429);
  EXPECT_GT(std::stoi(refused.header("retry-after")), 0);
}

}  // namespace
}  // namespace corral::edge
