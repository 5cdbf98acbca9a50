// Who may be on the link, and what happens to those who speak something else.
#include <sys/un.h>

#include <random>

#include <boost/asio/write.hpp>

#include "runner/link/frame.h"
#include "runner/link/message.h"
#include "runner/testing/runner_test.h"

namespace corral::runner {
namespace {

class HelloTest : public RunnerTest {
 protected:
  // One end for the client, as if a runner had dialled; the other is ours.
  asio::local::stream_protocol::socket dial() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
      throw std::runtime_error("socketpair");
    client_->accepted(Fd(ends[0]));
    return asio::local::stream_protocol::socket(context_, asio::local::stream_protocol(), ends[1]);
  }
  json::object hello() const {
    return {{"version", link::kVersion},
            {"workspace", config_.workspace.to_string()},
            {"token", config_.token.expose()},
            {"boot", "b"},
            {"gateway_port", 1},
            {"git_port", 2}};
  }
  // Sends, and reads until the other side closes.
  std::string talk(std::string_view bytes) {
    auto socket = dial();
    std::string heard;
    asio::co_spawn(context_, exchange(&socket, std::string(bytes), &heard),
                   [](std::exception_ptr) {});
    run_until([&] { return heard.ends_with("<closed>"); });
    return heard;
  }
  std::string say_hello(json::object params) {
    std::string wire;
    link::append_control(wire, link::request_text(1, "hello", std::move(params)));
    return talk(wire);
  }
  static Task<void> exchange(asio::local::stream_protocol::socket* socket, std::string bytes,
                             std::string* heard) {
    boost::system::error_code error;
    co_await asio::async_write(*socket, asio::buffer(bytes),
                               asio::redirect_error(asio::use_awaitable, error));
    char buffer[4096];
    while (!error) {
      const auto got = co_await socket->async_read_some(
          asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, error));
      heard->append(buffer, got);
    }
    *heard += "<closed>";
  }
};

TEST_F(HelloTest, TheServerRefusesWhoIsNotItsRunner) {
  start_server();
  auto wrong = hello();
  wrong["token"] = std::string(64, '0');
  EXPECT_TRUE(say_hello(wrong).contains("unauthenticated"));
  wrong = hello();
  wrong["workspace"] = WorkspaceId{}.to_string();
  EXPECT_TRUE(say_hello(wrong).contains("unauthenticated"));
  wrong = hello();
  wrong["version"] = 2;
  EXPECT_TRUE(say_hello(wrong).contains("the runner speaks link version 2, this server speaks 1"));
  wrong = hello();
  wrong["more"] = 1;
  EXPECT_TRUE(say_hello(wrong).contains("unknown field"));
  wrong = hello();
  wrong.erase("token");
  EXPECT_TRUE(say_hello(wrong).contains("\\\"token\\\" is required"));
  EXPECT_FALSE(client_->linked());
}

TEST_F(HelloTest, ARefusedStrangerDoesNotDisturbTheLink) {
  start_all();
  auto wrong = hello();
  wrong["token"] = "nonsense";
  EXPECT_TRUE(say_hello(wrong).contains("unauthenticated"));
  EXPECT_TRUE(say_hello(hello()).contains("another runner holds this workspace"));
  ASSERT_TRUE(start("a", "exit 3"));
  EXPECT_EQ(exit_of("a").exit_code, 3);
  EXPECT_EQ(connections_, 1);
}

TEST_F(HelloTest, TheServerDropsGarbage) {
  start_all();
  std::mt19937 random(1);
  EXPECT_EQ(talk("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "<closed>");
  for (int i = 0; i < 200; ++i) {
    std::string bytes(1 + random() % 300, '\0');
    for (auto& byte : bytes) byte = static_cast<char>(random());
    // Half of them begin like a frame. What is no whole frame yet is ended by us.
    if (i % 2 == 0) bytes = std::string("\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x10", 20) + bytes;
    auto socket = dial();
    boost::system::error_code ignored;
    asio::write(socket, asio::buffer(bytes), ignored);
    socket.shutdown(asio::socket_base::shutdown_send, ignored);
    context_.restart();
    context_.poll();
  }
  ASSERT_TRUE(start("a", "exit 3"));
  EXPECT_EQ(exit_of("a").exit_code, 3);
}

TEST_F(HelloTest, TheRunnerDropsGarbageAndDialsAgain) {
  start_all();
  ASSERT_TRUE(start("a", "exec sleep 300"));
  stop_server();
  // A server that answers nonsense, and one that is the right one but breaks the protocol later.
  asio::local::stream_protocol::acceptor acceptor(
      context_,
      (::unlinkat(door_.get(), "link.sock", 0), asio::local::stream_protocol::endpoint(fmt::format(
                                                    "/proc/self/fd/{}/link.sock", door_.get()))));
  std::mt19937 random(2);
  for (int i = 0; i < 12; ++i) {
    auto socket = acceptor.accept();
    std::string answer;
    if (i % 3 != 0) link::append_control(answer, link::result_text(1, {{"version", 1}}));
    if (i % 3 == 1)
      link::append_frame(answer, {.type = link::FrameType::data, .channel = 1, .payload = "what"});
    if (i % 3 == 2) link::append_control(answer, link::result_text(99, {}));
    for (int k = 0; k < 64; ++k) answer += static_cast<char>(random());
    boost::system::error_code error;
    asio::write(socket, asio::buffer(answer), error);
    char buffer[4096];
    while (!error) socket.read_some(asio::buffer(buffer), error);
    EXPECT_TRUE(error);  // it hung up
  }
  acceptor.close();
  start_server();
  ASSERT_TRUE(run(client_->connected(10s)));
  ASSERT_TRUE(run(client_->signal("a", SIGKILL)));
  EXPECT_EQ(exit_of("a").exit_code, 137);
}

TEST_F(HelloTest, TheRunnerGoesOnTryingWhenItIsRefused) {
  const auto token = std::exchange(config_.token, Secret("another"));
  start_server();
  config_.token = token.clone();
  start_runner();
  EXPECT_EQ(run(client_->connected(Duration{300})).error().code, ErrorCode::deadline);
  EXPECT_GE(connections_, 2);
  stop_server();
  start_server();
  EXPECT_TRUE(run(client_->connected(10s)));
  EXPECT_TRUE(read_file(errors_).value().contains("the link token is not the right one"));
}

TEST_F(HelloTest, TheRunnerEndsWhenItsDoorIsDeleted) {
  start_all();
  ASSERT_TRUE(start("a", "exec sleep 300"));
  stop_server();
  std::filesystem::remove_all(folder_ / "door");
  EXPECT_EQ(end_runner(0), 0);
}

TEST_F(HelloTest, TheRunnerSaysWhyItCannotBegin) {
  const auto says = [&](std::vector<std::pair<int, int>> extra) {
    Fd errors(::open(errors_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    runner_ = spawn({.argv = {CORRAL_RUNNER_PATH, "serve"},
                     .env = {{"ASAN_OPTIONS", "detect_leaks=0"}},
                     .cwd = "/",
                     .stderr_fd = errors.get(),
                     .extra = std::move(extra)})
                  .value();
    EXPECT_EQ(end_runner(0), 2);
    return read_file(errors_).value();
  };
  EXPECT_TRUE(says({}).contains("descriptor 3 (the door) is not open"));
  Fd nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_TRUE(says({{3, nothing.get()}, {4, nothing.get()}, {5, nothing.get()}})
                  .contains("is not a folder"));
  EXPECT_TRUE(
      says({{3, door_.get()}, {4, door_.get()}, {5, nothing.get()}}).contains("is not valid JSON"));
}

}  // namespace
}  // namespace corral::runner
