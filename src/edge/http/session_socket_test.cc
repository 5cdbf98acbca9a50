// Sessions over the WebSocket, as docs/websocket.md says, against a session that echoes.
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "edge/http/testing/api_server.h"
#include "edge/http/testing/raw_client.h"
#include "edge/websocket/client.h"
#include "edge/websocket/session_frame.h"
#include "session/screen/screen.h"

namespace corral::edge {
namespace {

// A client that runs its own loop for each step: blocking, for tests.
class Client {
 public:
  Client(std::uint16_t port, const std::string& path) {
    connected_ = run(connect_websocket(fmt::format("ws://127.0.0.1:{}{}", port, path), {}));
    if (connected_) socket_ = *std::move(connected_);
  }
  bool open() const { return socket_ != nullptr; }
  ErrorCode refusal() const { return connected_.error().code; }

  void tell(json::object message) {
    ASSERT_TRUE(run(socket_->send(Message::Kind::text, json::serialize(message))));
  }
  void hello(std::string viewer, std::string name = "ann") {
    viewer.resize(16, 'x');
    tell({{"type", "hello"}, {"version", 1}, {"viewer", viewer}, {"name", name}});
  }
  void type(std::uint64_t position, std::string_view bytes, std::uint32_t channel = 1) {
    const auto header = encode_session_frame(SessionFrameKind::input, channel, position);
    std::string frame(header.begin(), header.end());
    ASSERT_TRUE(run(socket_->send(Message::Kind::binary, frame + std::string(bytes))));
  }
  // Reads on until a message of that type comes; output on the way is collected.
  json::value until(std::string_view type) {
    return until(
        [&](const json::value& message) { return find_string(message, {"type"}) == type; });
  }
  json::value until(std::function<bool(const json::value&)> wanted) {
    for (;;) {
      auto message = run(socket_->receive());
      if (!message) {
        ADD_FAILURE() << message.error().describe();
        return nullptr;
      }
      if (message->kind == Message::Kind::binary) {
        take(message->bytes);
        continue;
      }
      const auto parsed = json::parse(message->bytes);
      if (wanted(parsed)) return parsed;
    }
  }
  void until_output(std::size_t bytes) {
    while (output.size() < bytes) {
      auto message = run(socket_->receive());
      ASSERT_TRUE(message) << message.error().describe();
      if (message->kind == Message::Kind::binary) take(message->bytes);
    }
  }
  void until_snapshot() {
    for (const auto before = snapshots; snapshots == before;) {
      auto message = run(socket_->receive());
      ASSERT_TRUE(message) << message.error().describe();
      if (message->kind == Message::Kind::binary) take(message->bytes);
    }
  }
  bool is_closed() { return !run(socket_->receive()); }

  std::string output, snapshot;
  std::uint64_t next = 0;  // offset after what has come
  int snapshots = 0;

 private:
  void take(std::string_view message) {
    const auto frame = decode_session_frame(message);
    ASSERT_TRUE(frame);
    if (frame->kind == SessionFrameKind::snapshot) {
      snapshot = frame->bytes;
      next = frame->position;
      ++snapshots;
      return;
    }
    EXPECT_EQ(frame->position, next) << "a gap or a repeat";
    output += frame->bytes;
    next = frame->position + frame->bytes.size();
  }

  template <class T>
  T run(Task<T> task) {
    std::optional<T> result;
    asio::co_spawn(context_, std::move(task), [&](std::exception_ptr thrown, T value) {
      if (thrown) std::rethrow_exception(thrown);
      result.emplace(std::move(value));
    });
    context_.restart();
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!result && std::chrono::steady_clock::now() < end)
      context_.run_one_for(std::chrono::seconds(1));
    if (!result) throw std::runtime_error("nothing came for 20 s");
    return *std::move(result);
  }

  asio::io_context context_{1};
  Result<std::unique_ptr<WebSocket>> connected_ = fail(ErrorCode::internal, "not tried");
  std::unique_ptr<WebSocket> socket_;
};

class SessionSocketTest : public ::testing::Test {
 protected:
  void SetUp() override {
    testing::RawClient raw(server.port());
    const auto made =
        raw.request("POST", "/api/v1/sessions",
                    R"({"git_url":"/repo","command":["cat"],"columns":40,"rows":10,"name":"echo"})",
                    "Content-Type: application/json\r\n");
    ASSERT_EQ(made.status, 202) << made.body;
    const auto document = json::parse(made.body);
    id = find_string(document, {"id"});
    path = fmt::format("/ws/{}", find_string(document, {"workspace"}));
  }
  json::object attach(std::string_view role = "type", std::uint32_t channel = 1) const {
    return {{"type", "attach"}, {"channel", channel}, {"session", id}, {"role", role}};
  }
  void print(std::string bytes) {
    std::atomic<bool> done = false;
    server.run([&](testing::FakeService&) {
      asio::co_spawn(server.executor(),
                     server.sessions().print(*SessionId::parse(id), std::move(bytes)),
                     [&](std::exception_ptr, Result<void> printed) {
                       EXPECT_TRUE(printed);
                       done = true;
                     });
    });
    ASSERT_TRUE(server.eventually([&](testing::FakeService&) { return done.load(); }));
  }

  testing::ApiServer server;
  std::string id, path;
};

TEST_F(SessionSocketTest, ALateViewerGetsASnapshotAndThenWhatComes) {
  print("hello \x1b[31mred\x1b[0m");
  Client ann(server.port(), path);
  ASSERT_TRUE(ann.open());
  EXPECT_EQ(find_int(ann.until("hello"), {"version"}), 1);
  ann.hello("ann");
  ann.tell(attach());
  const auto attached = ann.until("attached");
  EXPECT_EQ(find_string(attached, {"session", "name"}), "echo");
  EXPECT_EQ(find_int(attached, {"columns"}), 40);
  EXPECT_EQ(find_string(attached, {"role"}), "type");
  ann.until_snapshot();
  session::Screen screen(40, 10);
  screen.feed(ann.snapshot);
  EXPECT_TRUE(screen.text().starts_with("hello red\n")) << screen.text();
  print(" more");
  ann.until_output(5);
  EXPECT_EQ(ann.output, " more");
}

TEST_F(SessionSocketTest, FromAnOffsetNothingIsMissingOrRepeated) {
  print("0123456789");
  Client ann(server.port(), path);
  ann.hello("ann");
  auto message = attach();
  message["from"] = 4;
  ann.next = 4;
  ann.tell(message);
  ann.until_output(6);
  EXPECT_EQ(ann.output, "456789");
  EXPECT_EQ(ann.snapshots, 0);
  message["from"] = 11;
  message["channel"] = 2;
  ann.tell(message);
  EXPECT_EQ(find_string(ann.until("detached"), {"code"}), "invalid");
}

TEST_F(SessionSocketTest, WhatIsTypedArrivesOnceWhateverIsSentAgain) {
  {
    Client ann(server.port(), path);
    ann.hello("ann");
    ann.tell(attach());
    ann.until("attached");
    ann.type(0, "hello ");
    EXPECT_EQ(find_int(ann.until("typed"), {"position"}), 6);
    ann.type(6, "wor");  // the line is lost before it hears of this
  }
  Client ann(server.port(), path);
  ann.hello("ann");
  ann.tell(attach());
  const auto typed = find_int(ann.until("attached"), {"typed"});
  EXPECT_TRUE(typed == 6 || typed == 9) << typed;
  ann.type(6, "world");
  while (find_int(ann.until("typed"), {"position"}) < 11) {
  }
  Client bob(server.port(), path);
  bob.hello("bob");
  bob.tell(attach());
  EXPECT_EQ(find_int(bob.until("attached"), {"typed"}), 0);
  bob.type(0, "!");
  bob.until("typed");
  bob.type(5, "?");
  EXPECT_EQ(find_string(bob.until("error"), {"code"}), "invalid") << "a gap";
  const auto reset = bob.until("typed");
  EXPECT_TRUE(find_bool(reset, {"reset"}));
  EXPECT_EQ(find_int(reset, {"position"}), 1);
  server.run(
      [&](testing::FakeService&) { EXPECT_EQ(server.sessions().newest().typed, "hello world!"); });
}

TEST_F(SessionSocketTest, WhatAKeyPrintsComesBeforeTheWordThatItWasTyped) {
  Client ann(server.port(), path);
  ann.hello("ann");
  ann.tell(attach());
  ann.until("attached");
  ann.until_snapshot();
  for (std::size_t i = 0; i < 50; ++i) {
    ann.type(i, "k");
    EXPECT_EQ(find_int(ann.until("typed"), {"position"}), i + 1);
    EXPECT_EQ(ann.output.size(), i + 1);
  }
}

TEST_F(SessionSocketTest, RolesSayWhoMayTypeAndResize) {
  Client ann(server.port(), path), bob(server.port(), path), eve(server.port(), path);
  ann.hello("ann", "Ann");
  bob.hello("bob", "Bob");
  eve.hello("eve", "Eve");
  ann.tell(attach("own"));
  bob.tell(attach("type"));
  eve.tell(attach("view"));
  for (auto* client : {&ann, &bob, &eve})
    client->until([](const json::value& message) {
      const auto* viewers = find(message, {"viewers"});
      return viewers != nullptr && viewers->get_array().size() == 3;
    });
  eve.type(0, "x");
  EXPECT_EQ(find_string(eve.until("error"), {"code"}), "forbidden");
  bob.tell({{"type", "resize"}, {"channel", 1}, {"columns", 50}, {"rows", 20}});
  EXPECT_EQ(find_string(bob.until("error"), {"code"}), "forbidden");
  ann.tell({{"type", "resize"}, {"channel", 1}, {"columns", 50}, {"rows", 20}});
  EXPECT_EQ(find_int(bob.until("resized"), {"columns"}), 50);
  EXPECT_EQ(find_int(eve.until("resized"), {"rows"}), 20);
  // The keyboard is one's alone once taken.
  ann.tell({{"type", "keyboard"}, {"channel", 1}, {"action", "take"}});
  bob.until([](const json::value& message) { return !find_string(message, {"keyboard"}).empty(); });
  bob.type(0, "x");
  EXPECT_EQ(find_string(bob.until("error"), {"code"}), "forbidden");
  ann.tell({{"type", "keyboard"}, {"channel", 1}, {"action", "free"}});
  bob.until([](const json::value& message) {
    const auto* keyboard = find(message, {"keyboard"});
    return keyboard != nullptr && keyboard->get_string().empty();
  });
  bob.type(0, "x");
  bob.until([](const json::value& message) {
    return find_string(message, {"type"}) == "typed" && find_int(message, {"position"}) == 1;
  });
}

TEST_F(SessionSocketTest, WithoutCreditNothingIsSent) {
  Client ann(server.port(), path);
  ann.hello("ann");
  auto message = attach();
  message["from"] = 0;
  message["credit"] = 4;
  ann.tell(message);
  ann.until("attached");
  print("0123456789");
  ann.until_output(4);
  ann.tell({{"type", "ping"}, {"id", 7}});
  EXPECT_EQ(find_int(ann.until("pong"), {"id"}), 7);
  EXPECT_EQ(ann.output, "0123");
  ann.tell({{"type", "credit"}, {"channel", 1}, {"bytes", 100}});
  ann.until_output(10);
  EXPECT_EQ(ann.output, "0123456789");
}

TEST_F(SessionSocketTest, WhoFallsFarBehindSkipsToTheNewestScreen) {
  Client ann(server.port(), path);
  ann.hello("ann");
  auto message = attach();
  message["credit"] = 1;
  ann.tell(message);
  ann.until_snapshot();
  print(std::string(3u << 20, 'a') + "\x1b[2J\x1b[Hnew");
  ann.tell({{"type", "credit"}, {"channel", 1}, {"bytes", 1 << 20}});
  ann.until_snapshot();
  session::Screen screen(40, 10);
  screen.feed(ann.snapshot);
  EXPECT_TRUE(screen.text().starts_with("new\n")) << screen.text();
  EXPECT_LT(ann.output.size(), 1u << 20);
}

TEST_F(SessionSocketTest, TellsTheEndOnceAllWasSent) {
  print("bye");
  Client ann(server.port(), path);
  ann.hello("ann");
  auto message = attach();
  message["from"] = 0;
  ann.tell(message);
  ann.until("attached");
  testing::RawClient raw(server.port());
  EXPECT_EQ(raw.request("POST", "/api/v1/sessions/" + id + "/stop", "{}",
                        "Content-Type: application/json\r\n")
                .status,
            202);
  EXPECT_EQ(find_int(ann.until("ended"), {"exit_code"}), 129);
  EXPECT_EQ(ann.output, "bye");
  ann.type(0, "x");
  EXPECT_EQ(find_string(ann.until("error"), {"code"}), "conflict");
}

TEST_F(SessionSocketTest, ALinkOpensItsSessionAloneUntilItIsRevoked) {
  testing::RawClient raw(server.port());
  const auto share = [&](std::string_view role) {
    return json::parse(raw.request("POST", "/api/v1/sessions/" + id + "/shares",
                                   fmt::format(R"({{"role":"{}"}})", role),
                                   "Content-Type: application/json\r\n")
                           .body);
  };
  const auto link = share("view");
  const auto token = std::string(find_string(link, {"token"}));
  const auto shown = raw.request("GET", "/api/v1/shared?share=" + token);
  EXPECT_EQ(shown.status, 200);
  EXPECT_EQ(shown.body.find(token), std::string::npos);
  Client guest(server.port(), path + "?share=" + token);
  ASSERT_TRUE(guest.open());
  guest.hello("guest", "");
  guest.tell(attach("own"));
  EXPECT_EQ(find_string(guest.until("attached"), {"role"}), "view") << "no more than the link says";
  guest.tell({{"type", "stop"}, {"channel", 1}});
  EXPECT_EQ(find_string(guest.until("error"), {"code"}), "forbidden");
  EXPECT_EQ(raw.request("DELETE", "/api/v1/sessions/" + id + "/shares/" +
                                      std::string(find_string(link, {"id"})))
                .status,
            204);
  EXPECT_EQ(find_string(guest.until("detached"), {"code"}), "forbidden");
  EXPECT_EQ(Client(server.port(), path + "?share=" + token).refusal(), ErrorCode::unauthenticated);
  EXPECT_EQ(raw.request("GET", "/api/v1/shared?share=" + token).status, 401);
}

TEST_F(SessionSocketTest, AGuestIsKnownAsOneWhateverItCallsItself) {
  testing::RawClient raw(server.port());
  const auto link =
      json::parse(raw.request("POST", "/api/v1/sessions/" + id + "/shares", R"({"role":"type"})",
                              "Content-Type: application/json\r\n")
                      .body);
  Client ann(server.port(), path);
  Client guest(server.port(), path + "?share=" + std::string(find_string(link, {"token"})));
  ann.hello("ann", "Ann");
  ann.tell(attach());
  guest.hello("guest", "\x1b[31mAnn\n");
  guest.tell(attach());
  for (auto* client : {&ann, &guest}) {
    std::vector<std::pair<std::string, bool>> there;
    client->until([&](const json::value& message) {
      const auto* viewers = find(message, {"viewers"});
      if (viewers == nullptr || viewers->get_array().size() != 2) return false;
      for (const auto& viewer : viewers->get_array())
        there.emplace_back(find_string(viewer, {"name"}), viewer.at("guest").get_bool());
      return true;
    });
    std::ranges::sort(there);
    EXPECT_EQ(there, (std::vector<std::pair<std::string, bool>>{{"Ann", false}, {"Ann ", true}}));
  }
}

TEST_F(SessionSocketTest, NonsenseIsAnsweredAndChangesNothing) {
  Client ann(server.port(), path);
  ann.hello("ann");
  const auto code = [&](json::object message) {
    ann.tell(std::move(message));
    return std::string(find_string(ann.until("error"), {"code"}));
  };
  EXPECT_EQ(code({{"type", "dance"}}), "invalid");
  EXPECT_EQ(code({}), "invalid");
  EXPECT_EQ(code({{"type", "resize"}, {"channel", 9}}), "not_found");
  EXPECT_EQ(code({{"type", "attach"}, {"channel", 0}, {"session", id}}), "invalid");
  EXPECT_EQ(code({{"type", "attach"}, {"channel", 1}, {"session", "x"}}), "invalid");
  EXPECT_EQ(code({{"type", "attach"}, {"channel", 1}, {"session", id}, {"role", "king"}}),
            "invalid");
  EXPECT_EQ(code({{"type", "attach"}, {"channel", 1}, {"session", id}, {"credit", -1}}), "invalid");
  ann.type(0, "x", 5);
  EXPECT_EQ(find_string(ann.until("error"), {"code"}), "not_found");
  ann.tell(attach());
  ann.until("attached");
  EXPECT_EQ(code(attach()), "conflict");
  EXPECT_EQ(code({{"type", "credit"}, {"channel", 1}, {"bytes", "many"}}), "invalid");
  EXPECT_EQ(code({{"type", "signal"}, {"channel", 1}, {"number", 99}}), "invalid");
  ann.tell({{"type", "detach"}, {"channel", 1}});
  EXPECT_EQ(code({{"type", "detach"}, {"channel", 1}}), "not_found");
  Client silent(server.port(), path);
  silent.tell({{"type", "hello"}, {"version", 2}, {"viewer", "short"}});
  silent.until("hello");
  EXPECT_TRUE(silent.is_closed());
  EXPECT_EQ(Client(server.port(), "/ws/nowhere").refusal(), ErrorCode::not_found);
}

}  // namespace
}  // namespace corral::edge
