// Logs, timelines and events, at once and live.
#include <gtest/gtest.h>

#include "base/log.h"
#include "edge/http/testing/api_server.h"
#include "edge/http/testing/raw_client.h"

namespace corral::edge {
namespace {

using std::chrono::milliseconds;
using testing::ApiServer;
using testing::RawClient;

constexpr const char* kLive = "Accept: text/event-stream\r\n";

class StreamTest : public ::testing::Test {
 protected:
  StreamTest() {
    RawClient client(server.port());
    path = client
               .request("POST", "/api/v1/runs", R"({"git_url":"/repo","prompt":"p"})",
                        "Content-Type: application/json\r\n")
               .header("location");
  }
  void put(std::string_view bytes) {
    server.run(
        [&](testing::FakeService& service) { service.run(service.newest()).log->put(bytes); });
  }
  void put_timeline(std::string_view bytes) {
    server.run(
        [&](testing::FakeService& service) { service.run(service.newest()).timeline->put(bytes); });
  }
  void finish() {
    server.run([](testing::FakeService& service) {
      service.run(service.newest()).log->finish();
      service.run(service.newest()).timeline->finish();
    });
  }
  RawClient open(const std::string& target, std::string_view headers = {}) {
    RawClient client(server.port());
    client.send(
        fmt::format("GET {} HTTP/1.1\r\nHost: localhost\r\n{}{}\r\n", target, kLive, headers));
    client.read_until("\r\n\r\n");
    return client;
  }
  bool eventually_waiting(std::size_t count) {
    return server.eventually([count](testing::FakeService& service) {
      return service.run(service.newest()).log->waiting == count;
    });
  }

  ApiServer server{{.keep_alive = milliseconds(50)}};
  std::string path;
};

TEST_F(StreamTest, CatchesUpThenFollowsThenEnds) {
  put("one\n");
  auto client = open(path + "/log");
  EXPECT_NE(client.read_until("\n\n").find("id: 4\nevent: log\ndata: \"one\\n\"\n\n"),
            std::string::npos);
  put("two\n");
  EXPECT_NE(client.read_until("data: \"two\\n\"\n\n").find("id: 8\n"), std::string::npos);
  finish();
  EXPECT_NE(client.read_until("event: end\ndata: {}\n\n").find("id: 8\nevent: end"),
            std::string::npos);
  EXPECT_NE(client.read_until("0\r\n\r\n").find("0\r\n\r\n"), std::string::npos);
}

TEST_F(StreamTest, ResumesAtTheLastIdBeforeTheOffset) {
  put("0123456789");
  EXPECT_NE(open(path + "/log?offset=4").read_until("\n\n").find("data: \"456789\""),
            std::string::npos);
  EXPECT_NE(
      open(path + "/log?offset=4", "Last-Event-ID: 7\r\n").read_until("\n\n").find("data: \"789\""),
      std::string::npos);
  RawClient client(server.port());
  EXPECT_EQ(client.request("GET", path + "/log?offset=11").status, 400);
  EXPECT_EQ(
      client.request("GET", path + "/log", {}, std::string(kLive) + "Last-Event-ID: x\r\n").status,
      400);
  EXPECT_EQ(
      client.request("GET", path + "/log", {}, std::string(kLive) + "Last-Event-ID: 11\r\n").status,
      400);
}

TEST_F(StreamTest, NeverSplitsACodePointBetweenEvents) {
  put("a\xf0\x9f");
  auto client = open(path + "/log");
  EXPECT_NE(client.read_until("\n\n").find("id: 1\nevent: log\ndata: \"a\"\n\n"),
            std::string::npos);
  put("\x90\x8e"
      "b");
  EXPECT_NE(client.read_until("b\"\n\n").find("id: 6\nevent: log\ndata: \"🐎b\""),
            std::string::npos);
  put("\xff\xc3");  // never valid; and cut off for good
  EXPECT_NE(client.read_until("\xef\xbf\xbd\"\n\n").find("id: 7\n"), std::string::npos);
  finish();
  EXPECT_NE(client.read_until("event: end").find("id: 8\nevent: log\ndata: \"\xef\xbf\xbd\""),
            std::string::npos);
}

TEST_F(StreamTest, EndsWhenTheRunIsOverThoughItsLogWasNeverClosed) {
  put("x");
  server.run([](testing::FakeService& service) { service.set_status(service.newest(), "failed"); });
  EXPECT_NE(open(path + "/log").read_until("event: end").find("event: end"), std::string::npos);
}

TEST_F(StreamTest, KeepsASilentConnectionAliveAndNoticesWhenTheClientLeaves) {
  auto client = open(path + "/log");
  EXPECT_EQ(client.read_until(": keep-alive\n\n").ends_with(": keep-alive\n\n"), true);
  EXPECT_TRUE(eventually_waiting(1));
  client.close();
  EXPECT_TRUE(eventually_waiting(0));
}

TEST_F(StreamTest, SendsTheLogAsTextFromAnOffset) {
  std::string big(300'000, 'x');
  big += "\xff end";
  put(big);
  RawClient client(server.port());
  const auto answer = client.request("GET", path + "/log?offset=100");
  EXPECT_EQ(answer.header("content-type"), "text/plain; charset=utf-8");
  EXPECT_EQ(answer.body, big.substr(100));
  EXPECT_EQ(client.request("GET", path + "/log?offset=300005").body, "");
  const auto head = client.request("HEAD", path + "/log");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(client.request("GET", "/healthz").status, 200);
}

TEST_F(StreamTest, SendsTimelineEventsLineByLine) {
  put_timeline("{\"a\":1}\n{\"b\":2}\n{\"c\"");
  auto client = open(path + "/timeline");
  EXPECT_NE(
      client.read_until("{\"b\":2}\n\n")
          .find(
              "id: 8\nevent: agent\ndata: {\"a\":1}\n\nid: 16\nevent: agent\ndata: {\"b\":2}\n\n"),
      std::string::npos);
  put_timeline(":3}\n");
  EXPECT_NE(client.read_until("{\"c\":3}\n\n").find("id: 24\n"), std::string::npos);
  RawClient plain(server.port());
  const auto answer = plain.request("GET", path + "/timeline?offset=8");
  EXPECT_EQ(answer.header("content-type"), "application/x-ndjson");
  EXPECT_EQ(answer.body, "{\"b\":2}\n{\"c\":3}\n");
}

TEST_F(StreamTest, SendsATimelineLineLongerThanAChunkAsOneEvent) {
  const std::string line = "{\"text\":\"" + std::string(500'000, 'x') + "\"}";
  put_timeline(line + "\n");
  auto client = open(path + "/timeline");
  client.read_until("data: ");
  EXPECT_EQ(client.read_until("\n\n"), line + "\n\n");
}

TEST_F(StreamTest, FollowsARunsEvents) {
  auto client = open(path + "/events");
  EXPECT_NE(client.read_until("\n\n").find("id: 1\ndata: {\"version\":1,\"type\":\"run.created\""),
            std::string::npos);
  server.run(
      [](testing::FakeService& service) { service.add_event(service.newest(), "run.started"); });
  EXPECT_NE(client.read_until("run.started").find("id: 2\n"), std::string::npos);
  EXPECT_NE(open(path + "/events?from=2").read_until("\n\n").find("id: 2\n"), std::string::npos);
  auto resumed = open(path + "/events", "Last-Event-ID: 1\r\n");
  EXPECT_NE(resumed.read_until("\n\n").find("id: 2\n"), std::string::npos);
  RawClient plain(server.port());
  EXPECT_EQ(
      json::parse(plain.request("GET", path + "/events?from=2").body).at("items").as_array().size(),
      1u);
}

TEST_F(StreamTest, FollowsAllEvents) {
  auto client = open("/api/v1/events");
  EXPECT_NE(client.read_until("\n\n").find("\"position\":1,\"stream\":\"run/"), std::string::npos);
  server.run(
      [](testing::FakeService& service) { service.add_event(service.newest(), "run.started"); });
  EXPECT_NE(client.read_until("run.started").find("id: 2\n"), std::string::npos);
}

TEST_F(StreamTest, AnswersWhatIsWrongBeforeTheStreamBegins) {
  RawClient client(server.port());
  const std::string nobody = "/api/v1/runs/0193a5c2-0000-7000-8000-000000000000";
  for (const auto& target : {nobody + "/log", nobody + "/timeline", nobody + "/events"}) {
    const auto answer = client.request("GET", target, {}, kLive);
    EXPECT_EQ(answer.status, 404) << target;
    EXPECT_EQ(answer.header("content-type"), "application/problem+json") << target;
  }
}

TEST_F(StreamTest, HoldsBackForASlowViewerAlone) {
  put(std::string(64u << 20, 'x'));
  auto slow = open(path + "/log");  // reads no more
  auto quick = open(path + "/log?offset=67108860");
  EXPECT_NE(quick.read_until("\n\n").find("data: \"xxxx\""), std::string::npos);
  put("live");
  EXPECT_NE(quick.read_until("live").find("live"), std::string::npos);
}

}  // namespace
}  // namespace corral::edge
