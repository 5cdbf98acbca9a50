// For this room's tests: a small HTTP server on a thread of its own, and cli_main with what it
// prints.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/files.h"
#include "base/json.h"
#include "edge/cli/cli.h"

namespace corral::edge::cli {

struct TestRequest {
  std::string method, target, body;
  std::map<std::string, std::string> headers;  // lower-case names
};

// What a handler answers on: whole, or piece by piece until it returns (then the connection is
// closed).
class TestReply {
 public:
  explicit TestReply(int fd) : fd_(fd) {}
  void json(const corral::json::value& value, int status = 200) {
    text(corral::json::serialize(value), status, "application/json");
  }
  void text(const std::string& body, int status = 200, const std::string& type = "text/plain") {
    raw(fmt::format(
        "HTTP/1.1 {} X\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
        status, type, body.size(), body));
  }
  void problem(int status, const std::string& code, const std::string& detail) {
    text(corral::json::serialize(
             corral::json::object{{"status", status}, {"code", code}, {"detail", detail}}),
         status, "application/problem+json");
  }
  void stream() {
    raw("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n");
  }
  void event(const std::string& id, const std::string& name, const std::string& data) {
    raw("id: " + id + "\n" + (name.empty() ? "" : "event: " + name + "\n") + "data: " + data +
        "\n\n");
  }
  void raw(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  // Waits until the client has closed.
  void wait_closed() {
    char byte;
    while (::recv(fd_, &byte, 1, 0) > 0) {
    }
  }

 private:
  int fd_;
};

class TestServer {
 public:
  using Handler = std::function<void(const TestRequest&, TestReply&)>;
  explicit TestServer(Handler handler)
      : handler_(std::move(handler)), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener_.get(), 64), 0);
    socklen_t size = sizeof address;
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
  }
  ~TestServer() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    acceptor_.join();
    std::vector<std::thread> threads;
    {
      const std::lock_guard lock(mutex_);
      for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
      threads.swap(threads_);
    }
    for (auto& thread : threads) thread.join();
  }
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  std::vector<TestRequest> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void accept_all() {
    for (int fd; (fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
      const std::lock_guard lock(mutex_);
      open_.push_back(fd);
      threads_.emplace_back([this, fd] { serve(fd); });
    }
  }
  void serve(int fd) {
    TestRequest request;
    if (read_request(fd, request)) {
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(request);
      }
      TestReply reply(fd);
      handler_(request, reply);
    }
    const std::lock_guard lock(mutex_);
    std::erase(open_, fd);
    ::close(fd);
  }
  static bool read_request(int fd, TestRequest& request) {
    std::string text;
    char buffer[16 * 1024];
    std::size_t head = std::string::npos, length = 0;
    for (;;) {
      if (head == std::string::npos && (head = text.find("\r\n\r\n")) != std::string::npos) {
        std::size_t begin = text.find("\r\n") + 2;
        const auto first = text.substr(0, begin - 2);
        request.method = first.substr(0, first.find(' '));
        request.target =
            first.substr(request.method.size() + 1, first.rfind(' ') - request.method.size() - 1);
        while (begin < head) {
          const auto end = text.find("\r\n", begin);
          auto name = text.substr(begin, text.find(':', begin) - begin);
          for (auto& c : name) c = static_cast<char>(std::tolower(c));
          request.headers[name] =
              text.substr(begin + name.size() + 2, end - begin - name.size() - 2);
          begin = end + 2;
        }
        if (request.headers.contains("content-length"))
          length = std::stoul(request.headers["content-length"]);
      }
      if (head != std::string::npos && text.size() >= head + 4 + length) break;
      const auto got = ::recv(fd, buffer, sizeof buffer, 0);
      if (got <= 0) return false;
      text.append(buffer, static_cast<std::size_t>(got));
    }
    request.body = text.substr(head + 4);
    return true;
  }

  Handler handler_;
  Fd listener_;
  int port_ = 0;
  mutable std::mutex mutex_;
  std::vector<TestRequest> requests_;
  std::vector<int> open_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

// A folder that goes away, and no variable of the tester's environment that the command line heeds.
class CliFixture : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/corral-cli-test-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    folder_ = name;
    for (const char* variable :
         {"CORRAL_URL", "CORRAL_DATA", "CORRAL_TOKEN", "NO_COLOR", "COLUMNS"})
      ::unsetenv(variable);
    hooks_.version = "1.2.3";
    hooks_.start_embedded = [](const ServeOptions&) -> Result<EmbeddedServer> {
      return fail(ErrorCode::unavailable, "no embedded server in this test");
    };
  }
  void TearDown() override { (void)remove_tree(folder_); }

  struct Outcome {
    int code = 0;
    std::string out, err;
  };
  // cli_main with stdin empty, or `input`.
  Outcome corral(std::vector<std::string> words, const std::string& input = {}) {
    words.insert(words.begin(), "corral");
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    write(folder_ / "stdin", input);
    std::fflush(nullptr);
    const Fd old[] = {Fd(::dup(0)), Fd(::dup(1)), Fd(::dup(2))};
    const char* files[] = {"stdin", "stdout", "stderr"};
    for (int fd = 0; fd < 3; ++fd) {
      const Fd file(::open((folder_ / files[fd]).c_str(),
                           fd == 0 ? O_RDONLY : O_WRONLY | O_CREAT | O_TRUNC, 0600));
      ::dup2(file.get(), fd);
    }
    Outcome outcome;
    outcome.code = cli_main(static_cast<int>(argv.size()), argv.data(), hooks_);
    std::fflush(nullptr);
    for (int fd = 0; fd < 3; ++fd) ::dup2(old[fd].get(), fd);
    outcome.out = read_file(folder_ / "stdout").value();
    outcome.err = read_file(folder_ / "stderr").value();
    return outcome;
  }
  static void write(const std::filesystem::path& path, const std::string& text) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
  }

  std::filesystem::path folder_;
  CliHooks hooks_;
};

}  // namespace corral::edge::cli
