// Workflows, schedules and the queue on the command line, against a server that answers as told.
#include "edge/cli/test_server.h"

namespace corral::edge::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kFan = R"(name: fan
description: Builds what there is
inputs:
  level: {type: number, default: 1}
  words: list
  must: {type: string, required: true}
steps:
  - {name: list, kind: command, run: ls, outputs: {names: list}}
  - {name: end, kind: command, run: build, matrix: {name: "${{ steps.list.outputs.names }}"}}
  - {name: told, kind: command, run: say "no", needs: [list], if: failure() && 'a"b' != ''}
  - {name: join, kind: command, run: join, needs: [end, told], retry: {attempts: 5}}
finally:
  - {name: clean, kind: command, run: clean}
)";
constexpr const char* kRun = "0199abcd-1234-7000-8000-000000000001";

struct WorkflowCli : CliFixture {
  void SetUp() override {
    CliFixture::SetUp();
    std::filesystem::create_directories(folder_ / "repo/.git");
    fan_ = folder_ / "fan.yaml";
    write(fan_, kFan);
    ::setenv("CORRAL_URL", server_.url().c_str(), 1);
  }
  void TearDown() override {
    ::unsetenv("CORRAL_URL");
    CliFixture::TearDown();
  }

  // What the server answers, by "METHOD path"; a run for POST /runs.
  void answer(const TestRequest& request, TestReply& reply) {
    const auto key = request.method + " " + request.target;
    if (dropped_ > 0 && request.method == "POST") {
      --dropped_;
      return;
    }
    const auto at = answers_.find(key);
    if (at == answers_.end()) return reply.problem(404, "not_found", "no " + key);
    if (at->second.is_null()) return reply.raw("HTTP/1.1 204 X\r\nConnection: close\r\n\r\n");
    reply.json(at->second, request.method == "POST" ? 201 : 200);
  }
  TestRequest last() const { return server_.requests().back(); }
  json::value body() const { return json::parse(last().body); }

  std::filesystem::path fan_;
  std::map<std::string, json::value> answers_;
  std::atomic<int> dropped_ = 0;  // POSTs whose connection is closed without an answer
  TestServer server_{
      [this](const TestRequest& request, TestReply& reply) { answer(request, reply); }};
};

TEST_F(WorkflowCli, ValidatesFilesAndStdin) {
  EXPECT_EQ(corral({"workflow", "validate", fan_.string()}).out, fan_.string() + ": ok, 5 steps\n");
  const auto stdin_ok = corral({"workflow", "validate", "-"}, kFan);
  EXPECT_EQ(stdin_ok.code, kOk) << stdin_ok.err;
  const auto wrong = corral({"workflow", "validate", fan_.string(), "-"},
                            "name: x\nsteps:\n  - name: a\n    kind: command\n    runs: make\n");
  EXPECT_EQ(wrong.code, kUsage);
  EXPECT_THAT(wrong.err, AllOf(HasSubstr("stdin:5:5: "), HasSubstr("runs")));
  const auto absent = corral({"workflow", "validate", "/none.yaml"});
  EXPECT_EQ(absent.code, kUsage);
  EXPECT_THAT(absent.err, HasSubstr("/none.yaml:1:1: cannot be read"));
  EXPECT_TRUE(server_.requests().empty()) << "no server is needed";
}

TEST_F(WorkflowCli, DrawsTheGraph) {
  const auto text = corral({"workflow", "graph", fan_.string()}).out;
  EXPECT_THAT(text, AllOf(HasSubstr("fan: Builds what there is"), HasSubstr("for each name"),
                          HasSubstr("end, told"), HasSubstr("all of the above"),
                          HasSubstr("5 attempts"), Not(HasSubstr("3 attempts"))));
  EXPECT_LT(text.find("list"), text.find("join"));
  const auto mermaid = corral({"workflow", "graph", fan_.string(), "--format", "mermaid"}).out;
  EXPECT_THAT(mermaid,
              AllOf(HasSubstr("flowchart TD\n"), HasSubstr("s0 --> s1\n"), HasSubstr("s1 --> s3\n"),
                    HasSubstr("s3 -.-> s4\n"), HasSubstr("a#quot;b")));
  const auto dot = corral({"workflow", "graph", "-", "--format", "dot"}, kFan).out;
  EXPECT_THAT(dot, AllOf(HasSubstr("digraph \"fan\" {"), HasSubstr("\"list\" -> \"end\";"),
                         HasSubstr("\"join\" -> \"clean\" [style=dashed];"), HasSubstr("a\\\"b")));
  const auto data = json::parse(corral({"workflow", "graph", fan_.string(), "--json"}).out);
  EXPECT_EQ(data.at("steps").at(3).at("needs"), (json::array{"end", "told"}));
  answers_["GET /api/v1/workflows/kept"] = json::object{{"source", kFan}};
  EXPECT_EQ(corral({"workflow", "graph", "kept"}).out, text);
  EXPECT_EQ(corral({"workflow", "graph", "none"}).code, kNotFound);
}

TEST_F(WorkflowCli, RunsAFileWithTypedInputs) {
  answers_["POST /api/v1/runs"] = json::object{{"id", kRun}};
  const auto run =
      corral({"workflow", "run", fan_.string(), "--repo", (folder_ / "repo").string(), "--input",
              "level=3", "--input", "must=a=b", "--input", "words=[\"x\"]", "--detach"});
  ASSERT_EQ(run.code, kOk) << run.err;
  EXPECT_EQ(run.out, std::string(kRun) + "\n");
  EXPECT_EQ(body().at("inputs"),
            (json::object{{"level", 3}, {"must", "a=b"}, {"words", json::array{"x"}}}));
  EXPECT_EQ(body().at("definition"), kFan);
  EXPECT_FALSE(body().as_object().contains("prompt"));
  EXPECT_FALSE(body().as_object().contains("agent"));
  EXPECT_FALSE(last().headers.at("idempotency-key").empty());
}

TEST_F(WorkflowCli, RunsAKeptOneByName) {
  answers_["GET /api/v1/workflows/fan%402"] = json::object{{"source", kFan}};
  answers_["POST /api/v1/runs"] = json::object{{"id", kRun}};
  const auto run =
      corral({"workflow", "run", "fan@2", "--project", "p", "--input", "must=x", "--prompt", "go",
              "--not-before", "2026-11-22T03:00:00Z", "-d", "--", "sh", "-c", "true"});
  ASSERT_EQ(run.code, kOk) << run.err;
  EXPECT_EQ(body().at("workflow"), "fan@2");
  EXPECT_EQ(body().at("project"), "p");
  EXPECT_EQ(body().at("prompt"), "go");
  EXPECT_EQ(body().at("not_before"), "2026-11-22T03:00:00Z");
  EXPECT_EQ(body().at("agent"), "command");
  EXPECT_EQ(body().at("command"), (json::array{"sh", "-c", "true"}));
}

TEST_F(WorkflowCli, RefusesWrongInputsBeforeTheServer) {
  const auto run = [&](std::vector<std::string> inputs) {
    std::vector<std::string> words{"workflow", "run", fan_.string(), "--project", "p", "-d"};
    for (const auto& input : inputs) words.insert(words.end(), {"--input", input});
    return corral(words);
  };
  EXPECT_THAT(run({}).err, HasSubstr("inputs.must: is required"));
  EXPECT_THAT(run({"must=1", "other=2"}).err, HasSubstr("level, must, words"));
  EXPECT_THAT(run({"must=1", "level=x"}).err, HasSubstr("\"x\" is no number"));
  EXPECT_THAT(run({"must=1", "must=2"}).err, HasSubstr("given twice"));
  EXPECT_THAT(run({"must"}).err, HasSubstr("'must' is not NAME=VALUE"));
  EXPECT_EQ(run({"must=1", "level=x"}).code, kUsage);
  EXPECT_THAT(corral({"workflow", "run", fan_.string(), "--project", "p", "--input", "must=1",
                      "--not-before", "soon"})
                  .err,
              HasSubstr("'soon' is no time"));
  EXPECT_TRUE(server_.requests().empty());
}

TEST_F(WorkflowCli, KeepsWorkflows) {
  answers_["POST /api/v1/workflows"] = json::object{{"name", "fan"}, {"version", 2}};
  EXPECT_EQ(corral({"workflow", "save", fan_.string()}).out, "workflow fan is kept, version 2\n");
  EXPECT_EQ(body().at("definition"), kFan);
  answers_["GET /api/v1/workflows"] = json::object{
      {"items", json::array{json::object{{"name", "fan"},
                                         {"version", 2},
                                         {"origin", "stored"},
                                         {"steps", json::array{json::object{}}},
                                         {"schedule", json::object{{"cron", "0 3 * * *"}}},
                                         {"description", "Builds"}}}}};
  EXPECT_THAT(corral({"workflow", "list"}).out,
              AllOf(HasSubstr("fan"), HasSubstr("0 3 * * *"), HasSubstr("Builds")));
  answers_["GET /api/v1/workflows/fan"] = json::object{{"name", "fan"}, {"source", kFan}};
  EXPECT_EQ(corral({"workflow", "show", "fan"}).out, kFan);
  answers_["DELETE /api/v1/workflows/fan"] = nullptr;
  EXPECT_EQ(corral({"workflow", "delete", "fan"}).code, kOk);
  EXPECT_EQ(corral({"workflow", "delete", "none"}).code, kNotFound);
  const auto schema = json::parse(corral({"workflow", "schema"}).out);
  EXPECT_EQ(schema.at("$schema"), "https://json-schema.org/draft/2020-12/schema");
}

TEST_F(WorkflowCli, GivesACommandOnceThoughTheAnswerIsLost) {
  answers_["POST /api/v1/workflows"] = json::object{{"name", "fan"}, {"version", 1}};
  dropped_ = 1;
  EXPECT_EQ(corral({"workflow", "save", fan_.string()}).code, kOk);
  const auto requests = server_.requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[0].headers.at("idempotency-key"), requests[1].headers.at("idempotency-key"));
}

TEST_F(WorkflowCli, SchedulesRuns) {
  const json::value schedule = json::object{{"id", "0199abcd-5555-7000-8000-00000000000a"},
                                            {"name", "nightly"},
                                            {"cron", "0 3 * * *"},
                                            {"timezone", "Europe/Berlin"},
                                            {"paused", false},
                                            {"next_at", "2026-11-22T02:00:00.000Z"}};
  answers_["POST /api/v1/schedules"] = schedule;
  const auto made = corral({"schedule", "create", "nightly", "--project", "p", "--cron",
                            "0 3 * * *", "--timezone", "Europe/Berlin"});
  ASSERT_EQ(made.code, kOk) << made.err;
  EXPECT_THAT(made.out, HasSubstr("2026-11-22T02:00:00.000Z"));
  auto request = body().as_object();
  request.erase("author");  // the tester's own
  EXPECT_EQ(request, (json::object{{"project", "p"},
                                   {"workflow", "nightly"},
                                   {"cron", "0 3 * * *"},
                                   {"timezone", "Europe/Berlin"}}));
  answers_["GET /api/v1/schedules"] = json::object{{"items", json::array{schedule}}};
  const std::string path = "/api/v1/schedules/0199abcd-5555-7000-8000-00000000000a";
  answers_["GET " + path] = answers_["POST " + path + "/pause"] =
      answers_["POST " + path + "/resume"] = schedule;
  answers_["DELETE " + path] = nullptr;
  EXPECT_THAT(corral({"schedule", "list"}).out, HasSubstr("Europe/Berlin"));
  EXPECT_EQ(corral({"schedule", "show", "0199abcd"}).code, kOk);
  EXPECT_EQ(corral({"schedule", "pause", "nightly"}).code, kOk);
  EXPECT_EQ(last().target, path + "/pause");
  EXPECT_EQ(corral({"schedule", "resume", "nightly"}).code, kOk);
  EXPECT_EQ(last().target, path + "/resume");
  EXPECT_EQ(corral({"schedule", "show", "none"}).code, kNotFound);
  EXPECT_EQ(corral({"schedule", "delete", "nightly"}).code, kOk);
  EXPECT_EQ(last().method, "DELETE");
}

TEST_F(WorkflowCli, ShowsAndSteersTheQueue) {
  const json::value queue = json::object{{"ready", 2},
                                         {"delayed", 0},
                                         {"claimed", 1},
                                         {"completed", 5},
                                         {"failed", 1},
                                         {"oldest_ready_s", 1.5},
                                         {"paused", json::array{"", "g"}}};
  answers_["GET /api/v1/queue"] = answers_["POST /api/v1/queue/pause"] =
      answers_["POST /api/v1/queue/resume"] = queue;
  answers_["GET /api/v1/projects/p"] = json::object{{"id", "g"}};
  EXPECT_THAT(corral({"queue", "show"}).out,
              AllOf(HasSubstr("ready for 1.5 s"), HasSubstr("everything"), HasSubstr("group g")));
  EXPECT_EQ(corral({"queue", "pause", "--project", "p"}).code, kOk);
  EXPECT_EQ(body().at("group"), "g");
  EXPECT_EQ(corral({"queue", "resume"}).code, kOk);
  EXPECT_EQ(body(), json::object{});
  answers_["GET /api/v1/jobs?state=claimed&limit=1"] = json::object{{"items", json::array{}}};
  EXPECT_EQ(corral({"queue", "drain"}).code, kOk);
  answers_["GET /api/v1/jobs?limit=20&state=failed&group=g"] = json::object{
      {"items", json::array{json::object{{"id", 7}, {"kind", "run"}, {"error", "disk is full"}}}},
      {"next_cursor", nullptr}};
  EXPECT_THAT(corral({"queue", "jobs", "--state", "failed", "--project", "p"}).out,
              HasSubstr("disk is full"));
  answers_["POST /api/v1/jobs/7/retry"] = nullptr;
  answers_["DELETE /api/v1/jobs/7"] = nullptr;
  EXPECT_EQ(corral({"queue", "retry", "7"}).out, "job 7 is tried again\n");
  EXPECT_EQ(corral({"queue", "discard", "7"}).out, "job 7 is forgotten\n");
  EXPECT_EQ(corral({"queue", "retry", "8"}).code, kNotFound);
  EXPECT_EQ(corral({"queue", "retry", "x"}).code, kUsage);
}

TEST_F(WorkflowCli, SteersARun) {
  const std::string path = std::string("/api/v1/runs/") + kRun;
  const json::value run = json::object{
      {"id", kRun},
      {"status", "running"},
      {"paused", true},
      {"workflow", "fan"},
      {"workflow_version", 2},
      {"inputs", json::object{{"level", 3}}},
      {"forked_from", "0199abcd-0000"},
      {"forked_step", "join"},
      {"steps",
       json::array{json::object{{"name", "join"}, {"status", "waiting"}, {"reason", "approval"}}}}};
  for (const char* command : {"/pause", "/resume", "/retry", "/fork"})
    answers_["POST " + path + command] = run;
  answers_["GET " + path + "?version=4"] = run;
  EXPECT_THAT(corral({"runs", "pause", kRun, "--reason", "look"}).out,
              HasSubstr("corral runs resume 0199abcd-1234"));
  EXPECT_EQ(body().at("reason"), "look");
  EXPECT_EQ(corral({"runs", "resume", kRun}).code, kOk);
  EXPECT_EQ(corral({"runs", "retry", kRun, "--from", "join"}).code, kOk);
  EXPECT_EQ(body().at("from"), "join");
  EXPECT_EQ(corral({"runs", "fork", kRun, "--from", "join"}).out, std::string(kRun) + "\n");
  EXPECT_EQ(body().at("from"), "join");
  EXPECT_THAT(corral({"runs", "show", kRun, "--at", "4"}).out,
              AllOf(HasSubstr("fan@2"), HasSubstr("level=3"), HasSubstr("paused"),
                    HasSubstr("fork of run 0199abcd-0000 from step join"), HasSubstr("approval")));
  EXPECT_EQ(corral({"runs", "show", kRun, "--at", "0"}).code, kUsage);
}

TEST_F(WorkflowCli, TellsTheAgentAtWork) {
  const std::string path = std::string("/api/v1/runs/") + kRun;
  const auto step = [](const char* name, const char* kind, const char* status) {
    return json::object{{"name", name}, {"kind", kind}, {"status", status}};
  };
  json::object run{
      {"id", kRun},
      {"status", "running"},
      {"steps", json::array{step("prepare", "git", "completed"), step("one", "agent", "waiting"),
                            step("two", "agent", "pending")}}};
  answers_["GET " + path] = run;
  for (const char* command :
       {"/steps/one/prompt", "/steps/one/interrupt", "/steps/one/mode", "/steps/two/interrupt"})
    answers_["POST " + path + command] = run;
  EXPECT_EQ(corral({"runs", "prompt", kRun, "And that."}).out,
            "one of run 0199abcd-1234 is told\n");
  EXPECT_EQ(body().at("text"), "And that.");
  EXPECT_EQ(corral({"runs", "interrupt", kRun}).code, kOk);
  EXPECT_EQ(corral({"runs", "mode", kRun, "ask"}).code, kOk);
  EXPECT_EQ(body().at("permissions"), "ask");
  EXPECT_EQ(corral({"runs", "mode", kRun, "yolo"}).code, kUsage);
  run["steps"].as_array()[2].as_object()["status"] = "running";
  answers_["GET " + path] = run;
  EXPECT_THAT(corral({"runs", "interrupt", kRun}).err, HasSubstr("--step (one, two)"));
  EXPECT_EQ(corral({"runs", "interrupt", kRun, "--step", "two"}).code, kOk);
}

TEST_F(WorkflowCli, ChoosesWithAYes) {
  const json::value approval = json::object{{"id", "a1"},
                                            {"run", kRun},
                                            {"step", "deploy"},
                                            {"tool", ""},
                                            {"choices", json::array{"blue", "green"}},
                                            {"text", "Where?"}};
  answers_["GET /api/v1/approvals"] = json::object{{"items", json::array{approval}}};
  answers_["POST /api/v1/approvals/a1"] = approval;
  EXPECT_EQ(corral({"runs", "approve", "0199abcd", "--choice", "green"}).out, "allowed deploy\n");
  EXPECT_EQ(body(), (json::object{{"decision", "allow"}, {"choice", "green"}}));
}

}  // namespace
}  // namespace corral::edge::cli
