#include "edge/cli/event_streams.h"

#include <atomic>

#include "edge/cli/test_server.h"

namespace corral::edge::cli {
namespace {

std::string parse_all(const std::vector<std::string>& pieces) {
  EventParser parser;
  std::string seen;
  for (const auto& piece : pieces)
    parser.feed(piece, [&](const ServerEvent& event) {
      seen += "[" + event.id + "|" + event.event + "|" + event.data + "]";
    });
  return seen;
}

TEST(EventParser, FollowsTheSpecification) {
  EXPECT_EQ(parse_all({"id: 1\nevent: log\ndata: \"a\"\n\n"}), "[1|log|\"a\"]");
  EXPECT_EQ(parse_all({": comment\n\ndata:x\ndata: y\n\ndata\n\n"}), "[||x\ny][||]");
  EXPECT_EQ(parse_all({"id: 7\n\ndata: a\r\n\r\ndata: b\r\r"}), "[7||a][7||b]");
  EXPECT_EQ(parse_all({"data: unfinished"}), "");
  EXPECT_EQ(parse_all({"retry: 10\nunknown: x\ndata:  two\n\n"}), "[|| two]");
}

TEST(EventParser, DoesNotDependOnWhereTheStreamIsCut) {
  const std::string text =
      "id: 1\r\nevent: log\r\ndata: x\r\ndata: y\r\n\r\n: ping\n\nid: 2\ndata: z\n\n";
  const auto whole = parse_all({text});
  EXPECT_EQ(whole, "[1|log|x\ny][2||z]");
  for (std::size_t cut = 0; cut <= text.size(); ++cut)
    EXPECT_EQ(parse_all({text.substr(0, cut), text.substr(cut)}), whole) << cut;
}

using Next = EventStreams::Next;

TEST(EventStreams, GoesOnAfterALostConnectionWhereItWas) {
  std::atomic<int> connections = 0;
  TestServer server([&](const TestRequest& request, TestReply& reply) {
    const int number = ++connections;
    reply.stream();
    if (number == 1) {
      reply.event("5", "log", "\"a\"");
      reply.raw("id: 9\ndata: \"cut");  // never finished
    } else {
      EXPECT_EQ(request.headers.at("last-event-id"), "5");
      reply.event("7", "log", "\"b\"");
      reply.event("7", "end", "{}");
    }
  });
  std::string seen;
  EventStreams streams([&] { return Endpoint{server.url(), "secret"}; });
  streams.add("/log", [&](const ServerEvent& event) {
    seen += event.data;
    return event.event == "end" ? Next::end : Next::more;
  });
  EXPECT_TRUE(streams.run());
  EXPECT_EQ(seen, "\"a\"\"b\"{}");
  EXPECT_EQ(server.requests()[0].headers.at("authorization"), "Bearer secret");
  EXPECT_EQ(server.requests()[0].headers.at("accept"), "text/event-stream");
}

TEST(EventStreams, FindsAServerThatHasMoved) {
  TestServer second([](const TestRequest&, TestReply& reply) {
    reply.stream();
    reply.event("1", "end", "{}");
  });
  std::string url = "http://127.0.0.1:1";
  std::string lost;
  bool back = false;
  EventStreams streams([&] { return Endpoint{url, ""}; });
  streams.on_lost(
      [&](const Error& error) {
        lost = error.message;
        url = second.url();
      },
      [&] { back = true; });
  streams.add("/x", [](const ServerEvent&) { return Next::end; });
  EXPECT_TRUE(streams.run());
  EXPECT_THAT(lost, ::testing::HasSubstr("no server answers at http://127.0.0.1:1"));
  EXPECT_TRUE(back);
}

TEST(EventStreams, GivesUpInTheEnd) {
  EventStreams streams([] { return Endpoint{"http://127.0.0.1:1", ""}; });
  streams.give_up_after(std::chrono::milliseconds(1));
  streams.add("/x", [](const ServerEvent&) { return Next::more; });
  EXPECT_EQ(streams.run().error().code, ErrorCode::unavailable);
}

TEST(EventStreams, ReportsARefusalAtOnce) {
  TestServer server(
      [](const TestRequest&, TestReply& reply) { reply.problem(404, "not_found", "no such run"); });
  EventStreams streams([&] { return Endpoint{server.url(), ""}; });
  streams.add("/x", [](const ServerEvent&) { return Next::more; });
  const auto ended = streams.run();
  EXPECT_EQ(ended.error().code, ErrorCode::not_found);
  EXPECT_EQ(ended.error().message, "no such run");
}

TEST(EventStreams, SeveralAtOnceAndADescriptor) {
  TestServer server([](const TestRequest& request, TestReply& reply) {
    reply.stream();
    reply.event("1", "", request.target);
    reply.wait_closed();
  });
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  std::string seen;
  EventStreams streams([&] { return Endpoint{server.url(), ""}; });
  const auto on_event = [&](const ServerEvent& event) {
    seen += event.data;
    if (seen.size() == 4) EXPECT_EQ(::write(ends[1], "x", 1), 1);
    return Next::more;
  };
  streams.add("/a", on_event);
  streams.add("/b", on_event);
  streams.watch(ends[0], [&] { streams.stop(); });
  EXPECT_TRUE(streams.run());
  EXPECT_EQ(seen.size(), 4u);
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace
}  // namespace corral::edge::cli
