#include "edge/cli/cli.h"

#include <poll.h>
#include <pty.h>

#include "edge/cli/discovery.h"
#include "edge/cli/test_server.h"

namespace corral::edge::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kId = "0199abcd-1234-7000-8000-000000000001";
constexpr std::string_view kOther = "0199abcd-1299-7000-8000-000000000002";

json::object run_document(std::string_view id, std::string_view status) {
  return {{"id", id},
          {"project", json::object{{"id", "p"}, {"name", "thing"}}},
          {"agent", "claude"},
          {"prompt", "do it"},
          {"status", status},
          {"branch", "corral/one"},
          {"commit", "4f0c"},
          {"diff_stat", json::object{{"files", 1}, {"insertions", 2}, {"deletions", 3}}},
          {"cost_usd", 0.25},
          {"usage", json::object{{"calls", 1}}},
          {"created_at", "2026-11-21T09:00:00.000Z"},
          {"version", 3},
          {"approvals", json::array{}},
          {"steps", json::array{}}};
}

constexpr std::string_view kNoContent = "HTTP/1.1 204 X\r\nConnection: close\r\n\r\n";

// A server with two runs, the first under way until its log was read to the end, with one open
// question if asked for.
struct FakeCorral {
  std::atomic<bool> over = false, events_end_it = false;
  std::atomic<bool> asks = false, answered = false;
  json::array choices;  // of the question
  std::atomic<int> log_connections = 0;
  std::string status_at_end = "completed";
  std::string log = "── agent\nworking\x1b[31m…\n";
  TestServer server{
      [this](const TestRequest& request, TestReply& reply) { answer(request, reply); }};

  json::object document() const {
    auto run = run_document(kId, over ? std::string_view(status_at_end) : "running");
    if (asks && !answered) {
      run["waiting"] = true;
      run["approvals"] = json::array{json::object{{"id", "appr-1"},
                                                  {"run", kId},
                                                  {"tool", "Bash"},
                                                  {"choices", choices},
                                                  {"input", json::object{{"command", "make"}}},
                                                  {"text", ""}}};
    }
    return run;
  }
  void answer(const TestRequest& request, TestReply& reply) {
    const std::string path = request.target.substr(0, request.target.find('?'));
    const std::string run = "/api/v1/runs/" + std::string(kId);
    if (path == "/healthz") return reply.text("ok");
    if (path == "/api/v1/info")
      return reply.json(json::object{{"warnings", json::array{"no memory limit here"}}});
    if (path == "/api/v1/runs" && request.method == "POST") return reply.json(document(), 202);
    if (path == "/api/v1/runs")
      return reply.json(
          json::object{{"items", json::array{document(), run_document(kOther, "failed")}},
                       {"next_cursor", nullptr}});
    if (path == run) return reply.json(document());
    if (path == run + "/cancel") {
      status_at_end = "cancelled";
      over = true;
      return reply.json(document(), 202);
    }
    if (path == run + "/diff")
      return reply.text("diff --git a/x b/x\n+a\x1b[2J\n", 200, "text/x-diff");
    if (path == run + "/files/content" && request.method == "PUT") return reply.raw(kNoContent);
    if (path == run + "/files/content") return reply.text("bin\x1b[2J\n");
    if (path == run + "/files")
      return reply.json(json::object{
          {"path", ""},
          {"items",
           json::array{json::object{{"name", "src"}, {"type", "folder"}, {"modified_at", "t"}},
                       json::object{{"name", "a\x1b.txt"}, {"type", "file"}, {"size_bytes", 12345}},
                       json::object{{"name", "l"}, {"type", "link"}, {"target", "/etc"}}}},
          {"truncated", true},
          {"left_out", 2}});
    if (path == "/api/v1/approvals")
      return reply.json(json::object{
          {"items", asks && !answered ? document()["approvals"].as_array() : json::array{}}});
    if (path == "/api/v1/approvals/appr-1") {
      answered = true;
      return reply.json(json::object{{"id", "appr-1"}});
    }
    if (path == run + "/log" && !request.headers.at("accept").starts_with("text/event-stream"))
      return reply.text(log);
    if (path == run + "/log") return stream_log(request, reply);
    if (path == run + "/events") {
      if (!request.headers.at("accept").starts_with("text/event-stream"))
        return reply.json(
            json::object{{"items", json::array{json::object{{"version", 1},
                                                            {"type", "run.created"},
                                                            {"time", "t"},
                                                            {"actor", "user:a"},
                                                            {"data", json::object{}}}}}});
      reply.stream();
      if (events_end_it) {
        over = true;
        reply.event("4", "", R"({"version":4,"type":"run.failed"})");
      }
      return reply.wait_closed();
    }
    reply.problem(404, "not_found", "there is no " + path);
  }
  // The log in two connections: the first breaks in the middle.
  void stream_log(const TestRequest& request, TestReply& reply) {
    reply.stream();
    if (++log_connections == 1) {
      reply.event("10", "log", json::serialize(json::value(log.substr(0, 10))));
      return;
    }
    EXPECT_EQ(request.headers.at("last-event-id"), "10");
    reply.event(std::to_string(log.size()), "log", json::serialize(json::value(log.substr(10))));
    while (asks && !answered && !over) std::this_thread::yield();
    if (status_at_end != "held") over = true;
    while (!over) std::this_thread::yield();
    reply.event(std::to_string(log.size()), "end", "{}");
  }
};

class Cli : public CliFixture {
 protected:
  void SetUp() override {
    CliFixture::SetUp();
    ::unsetenv("TERM");
    ::setenv("CORRAL_DATA", (folder_ / "data").c_str(), 1);
    std::filesystem::create_directories(folder_ / "repo/.git");
    std::filesystem::create_directories(folder_ / "repo/sub");
  }
  void TearDown() override {
    ::unsetenv("CORRAL_DATA");
    CliFixture::TearDown();
  }
  void announce(const std::string& url, pid_t pid = ::getpid(), const std::string& token = "t0k") {
    write(folder_ / "data/run/server.json",
          json::serialize(json::object{{"url", url}, {"pid", pid}, {"token", token}}));
  }
  FakeCorral fake_;
};

TEST_F(Cli, FollowsARunToItsEndThroughALostConnection) {
  announce(fake_.server.url());
  const auto done = corral({"run", "do it", "--repo", (folder_ / "repo/sub").string(), "--author",
                            "Ada <ada@example.org>", "--checks", "make test", "--budget", "2"});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_THAT(done.out, HasSubstr(fake_.log))
      << "not a terminal: byte by byte, no gap and no repeat";
  for (const char* words : {"run 0199abcd-1234 on thing with claude", "completed", "corral/one",
                            "4f0c", "1 file, +2 −3", "$0.2500 (1 model call", "git -C "})
    EXPECT_THAT(done.out, HasSubstr(words));
  EXPECT_THAT(done.err, HasSubstr("no memory limit here"));
  for (const auto& request : fake_.server.requests()) {
    EXPECT_EQ(request.headers.at("authorization"), "Bearer t0k") << request.target;
    if (request.method != "POST") continue;
    const auto body = parse_json(request.body, "body").value();
    EXPECT_EQ(body, (json::object{
                        {"prompt", "do it"},
                        {"git_url", std::filesystem::canonical(folder_ / "repo").string()},
                        {"agent", "claude"},
                        {"checks", "make test"},
                        {"budget_usd", 2.0},
                        {"author", json::object{{"name", "Ada"}, {"email", "ada@example.org"}}}}));
    EXPECT_EQ(request.headers.at("idempotency-key").size(), 32u);
  }
}

TEST_F(Cli, RunPrintsOneDocumentWithJson) {
  fake_.status_at_end = "failed";
  fake_.events_end_it = true;
  announce(fake_.server.url());
  const auto done = corral({"run", "--json", "--project", "thing", "--", "prog", "-x"});
  EXPECT_EQ(done.code, kFailed) << done.err;
  EXPECT_EQ(parse_json(done.out, "out").value().at("status"), "failed");
  EXPECT_EQ(std::ranges::count(done.out, '\n'), 1);
  const auto body = parse_json(fake_.server.requests()[1].body, "body").value();
  EXPECT_EQ(body.at("agent"), "command");
  EXPECT_EQ(body.at("command"), (json::array{"prog", "-x"}));
  EXPECT_EQ(body.at("prompt"), "prog -x");
}

TEST_F(Cli, StartsAServerForOneRunAndStopsIt) {
  bool stopped = false;
  ServeOptions seen;
  hooks_.start_embedded = [&](const ServeOptions& options) -> Result<EmbeddedServer> {
    seen = options;
    return EmbeddedServer{fake_.server.url(), "", [&] { stopped = true; }};
  };
  announce("http://127.0.0.1:1", 0x7ffffff0);  // of a server that has died
  const auto done = corral({"run", "x", "--repo", (folder_ / "repo").string(), "--replay",
                            "some.cassette", "--sandbox", "reduced", "--author", "a <b>"});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_TRUE(stopped);
  EXPECT_EQ(seen.port, 0);
  EXPECT_EQ(seen.replay, "some.cassette");
  EXPECT_EQ(seen.sandbox, "reduced");
  EXPECT_EQ(seen.max_runs, 10u);
  EXPECT_EQ(
      corral({"run", "x", "--repo", (folder_ / "repo").string(), "--detach", "--author", "a <b>"})
          .code,
      kUsage);
  EXPECT_EQ(corral({"runs", "list"}).code, 0);
  EXPECT_EQ(seen.max_runs, 0u);
}

TEST_F(Cli, AsksForAServersOptionsOnlyWhereItStartsOne) {
  announce(fake_.server.url());
  const auto done = corral({"run", "x", "--project", "p", "--replay", "c"});
  EXPECT_EQ(done.code, kUsage);
  EXPECT_THAT(done.err, HasSubstr("already runs at http://"));
}

TEST_F(Cli, RefusesBadPromptsAndRepositoriesBeforeAnyServer) {
  const auto repo = (folder_ / "repo").string();
  write(folder_ / "huge", std::string((16u << 20) + 1, 'x'));
  write(folder_ / "binary", "\xff\xfe");
  const auto refused = [&](std::vector<std::string> words) { return corral(std::move(words)); };
  EXPECT_EQ(refused({"run", "--prompt-file", (folder_ / "huge").string(), "--repo", repo}).code,
            kUsage);
  EXPECT_THAT(refused({"run", "--prompt-file", (folder_ / "huge").string(), "--repo", repo}).err,
              HasSubstr("larger than 16 MiB"));
  EXPECT_EQ(refused({"run", "--prompt-file", (folder_ / "binary").string(), "--repo", repo}).code,
            kUsage);
  EXPECT_EQ(refused({"run", "--prompt-file", (folder_ / "absent").string(), "--repo", repo}).code,
            kUsage);
  EXPECT_EQ(refused({"run", " \n ", "--repo", repo}).code, kUsage);
  EXPECT_EQ(refused({"run", "x", "--repo", (folder_ / "absent").string()}).code, kNotFound);
  EXPECT_THAT(refused({"run", "x", "--repo", folder_.string()}).err,
              HasSubstr("is not in a git repository"));
  EXPECT_EQ(refused({"run", "x", "--repo", repo, "--author", "nobody"}).code, kUsage);
}

TEST_F(Cli, TakesAPromptOfTenMegabytesFromStdin) {
  announce(fake_.server.url());
  const std::string prompt(10'000'000, 'p');
  const auto done = corral(
      {"run", "--prompt-file", "-", "--repo", (folder_ / "repo").string(), "--author", "a <b>"},
      prompt);
  EXPECT_EQ(done.code, 0) << done.err;
  for (const auto& request : fake_.server.requests())
    if (request.method == "POST")
      EXPECT_EQ(parse_json(request.body, "body").value().at("prompt").as_string().size(),
                prompt.size());
}

TEST_F(Cli, NamesRunsByBeginningAndLast) {
  announce(fake_.server.url());
  EXPECT_EQ(parse_json(corral({"runs", "show", "0199abcd-1234", "--json"}).out, "out")
                .value()
                .at("id")
                .as_string(),
            kId);
  EXPECT_EQ(parse_json(corral({"runs", "show", "last", "--json"}).out, "out")
                .value()
                .at("id")
                .as_string(),
            kId);
  const auto both = corral({"runs", "show", "0199abcd"});
  EXPECT_EQ(both.code, kUsage);
  EXPECT_THAT(both.err, HasSubstr("beginning of 2 runs"));
  EXPECT_EQ(corral({"runs", "show", "ffff0000"}).code, kNotFound);
  EXPECT_EQ(corral({"runs", "show", "no such"}).code, kUsage);
  EXPECT_EQ(corral({"runs", "show", "0199abcd-1234-7000-8000-00000000dead"}).code, kNotFound);
}

TEST_F(Cli, ListsShowsAndPrints) {
  announce(fake_.server.url());
  const auto list = corral({"runs", "list"});
  EXPECT_THAT(list.out, HasSubstr("0199abcd-1234"));
  EXPECT_THAT(list.out, HasSubstr("failed"));
  EXPECT_TRUE(parse_json(corral({"runs", "list", "--json"}).out, "out").value().is_array());
  EXPECT_EQ(corral({"runs", "logs", "last"}).out, fake_.log);
  EXPECT_EQ(corral({"runs", "diff", "last"}).out, "diff --git a/x b/x\n+a\x1b[2J\n")
      << "as it is, for git apply";
  EXPECT_THAT(corral({"runs", "diff", "last", "--color", "always"}).out, Not(HasSubstr("\x1b[2J")));
  EXPECT_EQ(corral({"runs", "diff", "last", "--stat"}).out,
            "1 files changed, 2 insertions, 3 deletions\n");
  EXPECT_THAT(corral({"runs", "events", "last"}).out, HasSubstr("run.created"));
  EXPECT_EQ(parse_json(corral({"runs", "events", "last", "--json"}).out, "out").value().at("type"),
            "run.created");
}

TEST_F(Cli, ListsGetsAndPutsFilesOfARun) {
  announce(fake_.server.url());
  const auto listed = corral({"files", "list", "last", "a b/c"});
  EXPECT_EQ(listed.code, 0) << listed.err;
  for (const char* words : {"src/", "12,345", "l -> /etc", "… and more", "2 not listed"})
    EXPECT_THAT(listed.out, HasSubstr(words));
  EXPECT_THAT(listed.out, Not(HasSubstr("\x1b")));
  EXPECT_TRUE(fake_.server.requests().back().target.ends_with("/files?path=a%20b%2Fc"));
  EXPECT_EQ(parse_json(corral({"files", "list", "last", "--json"}).out, "out")
                .value()
                .at("items")
                .as_array()
                .size(),
            3u);
  EXPECT_EQ(corral({"files", "get", "last", "x"}).out, "bin\x1b[2J\n") << "not a terminal";
  EXPECT_EQ(corral({"files", "get", "last", "x", "-o", "-"}).out, "bin\x1b[2J\n");
  EXPECT_EQ(corral({"files", "get", "last", "x", "-o", (folder_ / "kept").string()}).code, 0);
  EXPECT_EQ(read_file(folder_ / "kept").value(), "bin\x1b[2J\n");

  const auto put = [&](std::vector<std::string> words, const std::string& input = {}) {
    words.insert(words.begin(), {"files", "put", "last"});
    const auto done = corral(std::move(words), input);
    EXPECT_EQ(done.code, 0) << done.err;
    const auto request = fake_.server.requests().back();
    EXPECT_EQ(request.method, "PUT");
    return request.target.substr(request.target.find('?')) + " " + request.body;
  };
  write(folder_ / "mine.txt", "my own\n");
  const auto mine = (folder_ / "mine.txt").string();
  EXPECT_EQ(put({mine}), "?path=mine.txt my own\n");
  EXPECT_EQ(put({mine, "src/"}), "?path=src%2Fmine.txt my own\n");
  EXPECT_EQ(put({mine, "other"}), "?path=other my own\n");
  EXPECT_EQ(put({"-", "in"}, std::string("\0\xff", 2)), "?path=in " + std::string("\0\xff", 2));
  EXPECT_EQ(corral({"files", "put", "last", "-"}).code, kUsage);
  EXPECT_EQ(corral({"files", "put", "last", (folder_ / "none").string()}).code, kNotFound);
  write(folder_ / "large", std::string((16u << 20) + 1, 'x'));
  EXPECT_THAT(corral({"files", "put", "last", (folder_ / "large").string()}).err,
              HasSubstr("larger than 16 MiB"));
}

TEST_F(Cli, AnswersAQuestion) {
  announce(fake_.server.url());
  EXPECT_EQ(corral({"runs", "approve", "last"}).code, kNotFound);
  fake_.asks = true;
  const auto done = corral({"runs", "approve", "0199abcd", "--message", "fine"});
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_EQ(done.out, "allowed Bash\n");
  EXPECT_EQ(parse_json(fake_.server.requests().back().body, "body").value(),
            (json::object{{"decision", "allow"}, {"message", "fine"}}));
}

TEST_F(Cli, SaysHowToAnswerWhereNobodyCanBeAsked) {
  announce(fake_.server.url());
  fake_.asks = true;
  std::thread elsewhere([this] {
    while (fake_.log_connections < 2) std::this_thread::yield();
    fake_.answered = true;
  });
  const auto done = corral({"run", "x", "--project", "p", "--author", "a <b>"});
  elsewhere.join();
  EXPECT_EQ(done.code, 0) << done.err;
  EXPECT_THAT(done.err, HasSubstr("corral runs approve 0199abcd-1234"));
  EXPECT_THAT(done.err, HasSubstr("make"));
}

// A person at a terminal of 60 columns, who types `typed` once `cue` is on the screen. Returns the
// screen's bytes.
std::string at_terminal(const std::string& cue, const std::string& typed,
                        const std::function<void()>& act) {
  int master = -1, slave = -1;
  winsize size{.ws_row = 24, .ws_col = 60, .ws_xpixel = 0, .ws_ypixel = 0};
  EXPECT_EQ(::openpty(&master, &slave, nullptr, nullptr, &size), 0);
  ::setenv("TERM", "xterm", 1);
  std::fflush(nullptr);
  const Fd old[] = {Fd(::dup(0)), Fd(::dup(1)), Fd(::dup(2))};
  for (int fd = 0; fd < 3; ++fd) ::dup2(slave, fd);
  ::close(slave);
  std::string screen;
  std::thread person([&] {
    bool answered = false;
    char buffer[4096];
    for (ssize_t got;
         (got = ::read(master, buffer, sizeof buffer)) > 0;) {  // EIO once nobody has the other end
      screen.append(buffer, static_cast<std::size_t>(got));
      if (!answered && screen.contains(cue))
        answered = ::write(master, typed.data(), typed.size()) > 0;
    }
  });
  act();
  std::fflush(nullptr);
  for (int fd = 0; fd < 3; ++fd) ::dup2(old[fd].get(), fd);
  person.join();
  ::close(master);
  return screen;
}

TEST_F(Cli, AsksThePersonAtTheTerminal) {
  announce(fake_.server.url());
  fake_.asks = true;
  int code = -1;
  std::string name = "corral", words[] = {"run", "x", "--project", "p", "--author", "a <b>"};
  std::vector<char*> argv{name.data()};
  for (auto& word : words) argv.push_back(word.data());
  const auto screen = at_terminal("allow? [y]es, [n]o: ", "maybe\ny\n", [&] {
    code = cli_main(static_cast<int>(argv.size()), argv.data(), hooks_);
  });
  EXPECT_EQ(code, 0) << screen;
  EXPECT_TRUE(fake_.answered);
  EXPECT_THAT(screen, HasSubstr("y or n?"));
  EXPECT_THAT(screen, HasSubstr("\x1b[1m── agent\x1b[0m")) << "headings are set off";
  EXPECT_THAT(screen, HasSubstr("working…")) << "the agent's own colours are not obeyed";
  const auto sent = fake_.server.requests();
  EXPECT_TRUE(std::ranges::any_of(
      sent, [](const TestRequest& request) { return request.body == R"({"decision":"allow"})"; }));
}

TEST_F(Cli, LetsThePersonAtTheTerminalChoose) {
  announce(fake_.server.url());
  fake_.choices = {"blue", "y"};
  fake_.asks = true;
  int code = -1;
  std::string words[] = {"corral", "run", "x", "--project", "p", "--author", "a <b>"};
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  const auto screen = at_terminal("which one? or [n]o: ", "yes\ny\n", [&] {
    code = cli_main(static_cast<int>(argv.size()), argv.data(), hooks_);
  });
  EXPECT_EQ(code, 0) << screen;
  EXPECT_THAT(screen, HasSubstr("a yes chooses one of: blue, y"));
  EXPECT_THAT(screen, HasSubstr("one of them, or n?")) << "a yes says too little";
  EXPECT_TRUE(std::ranges::any_of(fake_.server.requests(), [](const TestRequest& request) {
    return request.body == R"({"decision":"allow","choice":"y"})";
  }));
}

TEST_F(Cli, FitsListsIntoTheTerminal) {
  announce(fake_.server.url());
  std::string words[] = {"corral", "runs", "list"};
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  const auto screen =
      at_terminal("never", "", [&] { EXPECT_EQ(cli_main(3, argv.data(), hooks_), 0); });
  EXPECT_THAT(screen, HasSubstr("\x1b[31mfailed\x1b[0m"));
}

TEST_F(Cli, CtrlCCancelsTheRun) {
  announce(fake_.server.url());
  fake_.status_at_end = "held";
  std::thread person([this] {
    while (fake_.log_connections < 2) std::this_thread::yield();
    ::kill(::getpid(), SIGINT);
  });
  const auto done = corral({"run", "x", "--project", "p", "--author", "a <b>"});
  person.join();
  EXPECT_EQ(done.code, kFailed) << done.err;
  EXPECT_THAT(done.err, HasSubstr("cancelling the run"));
  EXPECT_THAT(done.out, HasSubstr("cancelled"));
}

TEST_F(Cli, MapsWhatTheServerSaysToExitCodes) {
  int status = 0;
  TestServer server(
      [&](const TestRequest&, TestReply& reply) { reply.problem(status, "", "because"); });
  for (const auto& [given, code] : std::map<int, int>{{400, kUsage},
                                                      {401, kForbidden},
                                                      {403, kForbidden},
                                                      {404, kNotFound},
                                                      {409, kConflict},
                                                      {429, kFailed},
                                                      {500, kFailed},
                                                      {503, kUnreachable}}) {
    status = given;
    const auto done = corral({"runs", "list", "--server", server.url()});
    EXPECT_EQ(done.code, code) << given;
    EXPECT_THAT(done.err, HasSubstr("because"));
  }
  status = 401;
  EXPECT_THAT(corral({"runs", "list", "--server", server.url()}).err, HasSubstr("CORRAL_TOKEN"));
  const auto document = corral({"runs", "list", "--json", "--server", server.url()});
  EXPECT_EQ(parse_json(document.err, "err").value().at("error").at("code"), "unauthenticated");
  const auto nobody = corral({"runs", "list", "--server", "http://127.0.0.1:1"});
  EXPECT_EQ(nobody.code, kUnreachable);
  EXPECT_THAT(nobody.err, HasSubstr("corral serve"));
  EXPECT_EQ(corral({"runs", "list", "--server", "ftp://x"}).code, kUsage);
  TestServer other(
      [](const TestRequest&, TestReply& reply) { reply.text("<html>", 200, "text/html"); });
  EXPECT_THAT(corral({"runs", "list", "--server", other.url()}).err,
              HasSubstr("does not answer as a Corral server"));
}

TEST_F(Cli, ValidatesWorkflowsWithoutAServer) {
  write(folder_ / "bad.yaml", "name: x\nsteps:\n  - name: a\n    kind: comand\n");
  write(folder_ / "good.yaml",
        "name: x\nversion: 1\nsteps:\n  - name: a\n    kind: command\n    run: make\n");
  const auto bad = corral(
      {"workflow", "validate", (folder_ / "bad.yaml").string(), (folder_ / "good.yaml").string()});
  EXPECT_EQ(bad.code, kUsage);
  EXPECT_THAT(bad.err, ::testing::ContainsRegex("bad\\.yaml:[0-9]+:[0-9]+: .*comand"));
  EXPECT_THAT(bad.out, HasSubstr("good.yaml: ok, 1 step\n"));
  EXPECT_EQ(corral({"workflow", "validate", (folder_ / "absent.yaml").string()}).code, kUsage);
}

TEST_F(Cli, PrintsWhatTheHooksGive) {
  hooks_.openapi = [] { return std::string("{\"openapi\":\"3.1.0\"}"); };
  hooks_.doctor = [](const DoctorOptions& options) -> Result<json::value> {
    return json::object{
        {"version", "1"},
        {"ok", options.sandbox == "none"},
        {"isolation", "unavailable"},
        {"checks", json::array{json::object{{"name", "bwrap"},
                                            {"status", "problem"},
                                            {"detail", "not found"},
                                            {"remedy", "apt install bubblewrap"}}}}};
  };
  hooks_.agent_install = [](const std::string& name, const std::filesystem::path&,
                            std::function<void(std::string_view)> progress) -> Result<json::value> {
    progress("fetching\x1b[2J");
    return json::object{{"name", name}, {"version", "2"}};
  };
  EXPECT_EQ(corral({"openapi"}).out, "{\"openapi\":\"3.1.0\"}\n");
  EXPECT_EQ(corral({"version"}).out, "corral 1.2.3\n");
  const auto doctor = corral({"doctor"});
  EXPECT_EQ(doctor.code, kFailed);
  EXPECT_THAT(doctor.out, HasSubstr("apt install bubblewrap"));
  EXPECT_EQ(corral({"doctor", "--sandbox", "none", "--json"}).code, kOk);
  hooks_.store_rebuild = [](const RebuildOptions& options,
                            std::function<void(std::string_view)>) -> Result<json::value> {
    return json::object{
        {"runs", 2},      {"events", 9},
        {"documents", 4}, {"changed", options.mode == RebuildOptions::Mode::check ? 1 : 0},
        {"removed", 0},   {"differences", json::array{"run x is missing"}}};
  };
  const auto check = corral({"store", "rebuild", "--check"});
  EXPECT_EQ(check.code, kFailed);
  EXPECT_EQ(check.out, "run x is missing\n2 runs, 9 events, 4 documents: 1 differ\n");
  EXPECT_EQ(corral({"store", "rebuild"}).code, kOk);
  EXPECT_EQ(corral({"agent", "install", "claude"}).err, "fetching\n");
  EXPECT_EQ(corral({"completion", "bash"}).out.substr(0, 8), "# corral");
}

// ---- discovery ----

TEST_F(Cli, FindsTheLocalServerAndItsToken) {
  EXPECT_FALSE(local_server(folder_ / "data").value());
  announce("http://127.0.0.1:7/");
  EXPECT_EQ(local_server(folder_ / "data").value()->url, "http://127.0.0.1:7");
  EXPECT_EQ(find_server({"", folder_ / "data", {}}).value()->token, "t0k");
  EXPECT_EQ(find_server({"http://127.0.0.1:7/", folder_ / "data", {}}).value()->token, "t0k");
  EXPECT_EQ(find_server({"http://elsewhere:7", folder_ / "data", {}}).value()->token, "")
      << "a local token goes nowhere else";
  write(folder_ / "token", "given\n");
  EXPECT_EQ(find_server({"http://elsewhere:7", folder_ / "data", folder_ / "token"}).value()->token,
            "given");
  ::setenv("CORRAL_TOKEN", "env", 1);
  EXPECT_EQ(find_server({"", folder_ / "data", {}}).value()->token, "env");
  ::unsetenv("CORRAL_TOKEN");
  EXPECT_EQ(find_server({"http://h:7", folder_ / "data", folder_ / "none"}).error().code,
            ErrorCode::invalid);
  announce("http://127.0.0.1:7", 0x7ffffff0);
  EXPECT_FALSE(local_server(folder_ / "data").value());
  write(folder_ / "data/run/server.json", "{");
  EXPECT_FALSE(local_server(folder_ / "data").value());
}

}  // namespace
}  // namespace corral::edge::cli
