// Connections from inside to the door, served outside by small coroutines.
#include <random>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include "runner/link/protocol.h"
#include "runner/testing/runner_test.h"

namespace corral::runner {
namespace {

using asio::ip::tcp;
using Outside = std::shared_ptr<asio::local::stream_protocol::socket>;

Task<void> echo(Outside socket) {
  std::string buffer(64 * 1024, '\0');
  boost::system::error_code error;
  for (;;) {
    const auto got = co_await socket->async_read_some(
        asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, error));
    if (error) break;
    co_await asio::async_write(*socket, asio::buffer(buffer.data(), got),
                               asio::redirect_error(asio::use_awaitable, error));
    if (error) break;
  }
}

// Answers the first request and closes at once, as many servers do.
Task<void> answer_http(Outside socket, std::shared_ptr<std::string> request) {
  boost::system::error_code error;
  char buffer[4096];
  while (!request->contains("\r\n\r\n") && !error) {
    const auto got = co_await socket->async_read_some(
        asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, error));
    request->append(buffer, got);
  }
  constexpr std::string_view kAnswer =
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";
  co_await asio::async_write(*socket, asio::buffer(kAnswer),
                             asio::redirect_error(asio::use_awaitable, error));
}

Task<void> send_all(std::shared_ptr<tcp::socket> socket, std::string text) {
  boost::system::error_code error;
  co_await asio::async_write(*socket, asio::buffer(text),
                             asio::redirect_error(asio::use_awaitable, error));
  socket->shutdown(tcp::socket::shutdown_send, error);
}

Task<void> send_without_end(Outside socket, std::shared_ptr<std::size_t> taken) {
  const std::string chunk(64 * 1024, 'x');
  boost::system::error_code error;
  while (!error)
    *taken += co_await asio::async_write(*socket, asio::buffer(chunk),
                                         asio::redirect_error(asio::use_awaitable, error));
}

struct Heard {
  std::string text;
  bool over = false;
};

template <class Socket>
Task<void> hear_all(std::shared_ptr<Socket> socket, std::shared_ptr<Heard> heard) {
  std::string buffer(64 * 1024, '\0');
  boost::system::error_code error;
  while (!error) {
    const auto got = co_await socket->async_read_some(
        asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, error));
    heard->text.append(buffer, 0, got);
  }
  heard->over = true;
}

std::string noise(std::size_t size) {
  std::mt19937_64 random(size);
  std::string text(size, '\0');
  for (auto& byte : text) byte = static_cast<char>(random());
  return text;
}

class DoorTest : public RunnerTest {
 protected:
  DoorTest() {
    door_handler_ = [this](WorkspaceId id, ports::DoorKind kind, Fd connection) {
      EXPECT_EQ(id, config_.workspace);
      kinds_.push_back(kind);
      auto socket = std::make_shared<asio::local::stream_protocol::socket>(
          context_, asio::local::stream_protocol(), connection.release());
      if (serve_)
        spawn_task(serve_(std::move(socket)));
      else
        outside_.push_back(std::move(socket));
    };
  }
  ~DoorTest() override { outside_.clear(); }

  void spawn_task(Task<void> task) {
    asio::co_spawn(context_, std::move(task), [](std::exception_ptr) {});
  }
  std::shared_ptr<tcp::socket> connect(std::uint16_t port) {
    auto socket = std::make_shared<tcp::socket>(context_);
    socket->connect({asio::ip::address_v4::loopback(), port});
    return socket;
  }
  std::shared_ptr<Heard> talk(std::shared_ptr<tcp::socket> socket, std::string text) {
    auto heard = std::make_shared<Heard>();
    spawn_task(send_all(socket, std::move(text)));
    spawn_task(hear_all(socket, heard));
    return heard;
  }

  std::vector<ports::DoorKind> kinds_;
  std::function<Task<void>(Outside)> serve_;
  std::vector<Outside> outside_;  // not served
};

TEST_F(DoorTest, CarriesHttpFromAProcessInside) {
  const auto request = std::make_shared<std::string>();
  serve_ = [request](Outside socket) { return answer_http(std::move(socket), request); };
  start_all();
  ASSERT_TRUE(run(client_->start(
      {.id = "a",
       .argv =
           {"bash", "-c",
            R"(exec 5<>"/dev/tcp/127.0.0.1/$PORT"; printf 'GET /v1 HTTP/1.1\r\nHost: x\r\n\r\n' >&5; cat <&5)"},
       .env = {{"PORT", std::to_string(client_->gateway_port())}}})));
  EXPECT_EQ(output("a"), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
  EXPECT_EQ(*request, "GET /v1 HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(kinds_, std::vector{ports::DoorKind::gateway});
}

TEST_F(DoorTest, TellsItsTwoKindsApart) {
  serve_ = echo;
  start_all();
  const auto heard = talk(connect(client_->git_port()), "hello");
  run_until([&] { return heard->over; });
  EXPECT_EQ(heard->text, "hello");
  EXPECT_EQ(kinds_, std::vector{ports::DoorKind::git});
  EXPECT_EQ(client_->git_url(), fmt::format("git://127.0.0.1:{}/project", client_->git_port()));
}

TEST_F(DoorTest, CarriesMegabytesOverManyStreamsAtOnce) {
  serve_ = echo;
  start_all();
  std::vector<std::pair<std::string, std::shared_ptr<Heard>>> talks;
  for (std::size_t i = 0; i < 8; ++i) {
    auto text = noise(3'000'000 + i);
    talks.emplace_back(text, talk(connect(client_->gateway_port()), text));
  }
  run_until([&] {
    return std::ranges::all_of(talks, [](const auto& entry) { return entry.second->over; });
  });
  for (const auto& [text, heard] : talks) EXPECT_TRUE(heard->text == text);
}

TEST_F(DoorTest, AReaderWhoRestsHoldsUpNobodyAndLittleIsBuffered) {
  start_all();
  const auto resting = connect(client_->gateway_port());
  run_until([&] { return outside_.size() == 1; });
  // The outside sends without end to one who does not read.
  const auto taken = std::make_shared<std::size_t>(0);
  spawn_task(send_without_end(outside_[0], taken));
  serve_ = echo;
  std::size_t before = 1;
  while (before != *taken || *taken == 0) {
    before = *taken;
    const auto heard = talk(connect(client_->gateway_port()), noise(500'000));
    run_until([&] { return heard->over; });
    EXPECT_TRUE(heard->text == noise(500'000));
  }
  EXPECT_LT(*taken, 10'000'000u);  // credit, and the kernel's socket buffers
  outside_[0]->close();
}

TEST_F(DoorTest, ConnectionsWaitForTheServerToComeBack) {
  start_all();
  const auto port = client_->gateway_port();
  const auto open = connect(port);  // in use when the server goes
  asio::write(*open, asio::buffer(std::string_view("x")));
  run_until([&] { return outside_.size() == 1; });
  auto lost = std::make_shared<Heard>();
  spawn_task(hear_all(open, lost));
  const auto idle = connect(port);  // connected, nothing said yet
  run_until([&] { return outside_.size() == 2; });
  stop_server();
  run_until(
      [&] { return lost->over; });  // a request that was under way is lost, and its client is told
  outside_.clear();
  const auto fresh = talk(connect(port), "while there is no server");
  const auto kept = talk(idle, "said later");
  serve_ = echo;
  start_server();
  run_until([&] { return fresh->over && kept->over; });
  EXPECT_EQ(fresh->text, "while there is no server");
  EXPECT_EQ(kept->text, "said later");
}

TEST_F(DoorTest, TheOutsideSeesAClientThatIsGone) {
  start_all();
  auto socket = connect(client_->gateway_port());
  run_until([&] { return outside_.size() == 1; });
  auto heard = std::make_shared<Heard>();
  spawn_task(hear_all(outside_[0], heard));
  socket->set_option(asio::socket_base::linger(true, 0));
  socket->close();
  run_until([&] { return heard->over; });
}

TEST_F(DoorTest, MoreClientsThanStreamsWaitTheirTurn) {
  start_all();
  std::vector<std::shared_ptr<tcp::socket>> clients;
  for (std::size_t i = 0; i < link::kMaxStreams + 10; ++i)
    clients.push_back(connect(client_->gateway_port()));
  run_until([&] { return outside_.size() == link::kMaxStreams; });
  ASSERT_TRUE(start("a", "true"));  // a round trip later
  exit_of("a");
  EXPECT_EQ(outside_.size(), link::kMaxStreams);
  for (std::size_t i = 0; i < 10; ++i) outside_[i]->close();
  for (std::size_t i = 0; i < 10; ++i) clients[i]->close();
  run_until([&] { return outside_.size() == link::kMaxStreams + 10; });
}

TEST_F(DoorTest, WithoutADoorConnectionsAreClosed) {
  door_handler_ = {};
  start_all();
  const auto heard = talk(connect(client_->gateway_port()), "hello");
  run_until([&] { return heard->over; });
  EXPECT_EQ(heard->text, "");
}

}  // namespace
}  // namespace corral::runner
