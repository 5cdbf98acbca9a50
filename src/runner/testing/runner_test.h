// The real corral-runner, unsandboxed in a temporary folder, and a client linked to it.
#pragma once

#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/files.h"
#include "base/random.h"
#include "base/subprocess.h"
#include "runner/client/runner_client.h"

namespace corral::runner {

using namespace std::chrono_literals;

class RunnerTest : public ::testing::Test {
 protected:
  RunnerTest() {
    std::string name = "/tmp/corral-runner-test.XXXXXX";
    folder_ = ::mkdtemp(name.data());
    for (const char* part : {"door", "spool", "work", "home"})
      std::filesystem::create_directory(folder_ / part);
    door_ = Fd(::open((folder_ / "door").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    config_.workspace = WorkspaceId::make(SystemClock::instance().now(), SystemRandom::instance());
    config_.token = Secret(SystemRandom::instance().hex(32));
    config_.gateway_port = config_.git_port = 0;
    config_.root = folder_ / "work";
    config_.home = folder_ / "home";
    errors_ = folder_ / "errors";
  }

  ~RunnerTest() override {
    acceptor_.reset();
    client_.reset();
    context_.restart();
    context_.poll();
    end_runner(SIGTERM);
    std::filesystem::remove_all(folder_);
  }

  void start_runner() {
    Fd spool(::open((folder_ / "spool").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    Fd errors(::open(errors_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    int config[2];
    ASSERT_EQ(::pipe2(config, O_CLOEXEC), 0);
    Fd config_read(config[0]), config_write(config[1]);
    ASSERT_TRUE(write_all(config_write.get(), client::to_json_line(config_).expose()));
    config_write.reset();
    // A sanitizer's leak check would need to trace the runner, which forbids it.
    auto argv = before_runner_;
    argv.insert(argv.end(), {CORRAL_RUNNER_PATH, "serve"});
    const auto pid = spawn({.argv = argv,
                            .env = {{"ASAN_OPTIONS", "detect_leaks=0"}, {"SECRET_OF_SERVER", "x"}},
                            .cwd = "/",
                            .stdout_fd = errors.get(),
                            .stderr_fd = errors.get(),
                            .extra = {{3, door_.get()}, {4, spool.get()}, {5, config_read.get()}}});
    ASSERT_TRUE(pid) << pid.error().message;
    runner_ = *pid;
  }

  // Exit code, or -1 when there is none to wait for.
  int end_runner(int number) {
    if (runner_ <= 0) return -1;
    if (number != 0) ::kill(runner_, number);
    int status = 0;
    ::waitpid(std::exchange(runner_, -1), &status, 0);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }

  client::ClientOptions options() {
    return {.workspace = config_.workspace,
            .token = config_.token.clone(),
            .isolation = ports::Isolation::none,
            .door = door_handler_};
  }

  // A server comes up: a new client, and a listener that the test can cut.
  void start_server() {
    client_ = std::make_shared<client::RunnerClient>(context_.get_executor(),
                                                     SystemClock::instance(), options());
    ::unlinkat(door_.get(), "link.sock", 0);
    acceptor_ = std::make_unique<asio::local::stream_protocol::acceptor>(
        context_, asio::local::stream_protocol::endpoint(
                      fmt::format("/proc/self/fd/{}/link.sock", door_.get())));
    accept();
  }
  void stop_server() {
    acceptor_.reset();
    client_.reset();
    cuttable_.reset();
  }
  // The connection breaks; the listener stays.
  void cut() {
    if (cuttable_) ::shutdown(cuttable_.get(), SHUT_RDWR);
  }

  void start_all() {
    start_server();
    start_runner();
    ASSERT_TRUE(run(client_->connected(10s)));
  }

  // Runs the event loop until `task` has its result.
  template <class T>
  T run(Task<T> task, std::chrono::seconds within = 60s) {
    std::optional<T> result;
    asio::co_spawn(context_, std::move(task), [&](std::exception_ptr thrown, T value) {
      if (thrown) std::rethrow_exception(thrown);
      result.emplace(std::move(value));
    });
    run_until([&] { return result.has_value(); }, within);
    return *std::move(result);
  }
  void run_until(const std::function<bool()>& done, std::chrono::seconds within = 60s) {
    const auto deadline = std::chrono::steady_clock::now() + within;
    context_.restart();
    while (!done()) {
      if (std::chrono::steady_clock::now() > deadline)
        throw std::runtime_error("the test waited too long");
      context_.run_one_for(100ms);
    }
  }

  Result<void> start(const std::string& id, const std::string& script,
                     ports::ProcessSpec spec = {}) {
    spec.id = id;
    spec.argv = {"sh", "-c", script};
    return run(client_->start(std::move(spec)));
  }
  // All of a channel.
  std::string output(const std::string& channel, std::uint64_t from = 0) {
    std::string text;
    const auto total = run(client_->read_output(channel, from, collect(&text)));
    EXPECT_TRUE(total) << total.error().message;
    if (total) total_ = *total;
    return text;
  }
  // Reads on while the test does something else; outlives the test where it must.
  struct Reading {
    std::string text;
    std::optional<Result<std::uint64_t>> total;
  };
  std::shared_ptr<Reading> read_on(const std::string& channel) {
    auto reading = std::make_shared<Reading>();
    asio::co_spawn(context_, client_->read_output(channel, 0, collect(&reading->text)),
                   [reading](std::exception_ptr, Result<std::uint64_t> result) {
                     reading->total = std::move(result);
                   });
    return reading;
  }
  static ports::OutputSink collect(std::string* into) {
    return [into](std::uint64_t, std::string bytes) -> Task<Result<void>> {
      return append(into, std::move(bytes));
    };
  }
  static Task<Result<void>> append(std::string* into, std::string bytes) {
    *into += bytes;
    co_return Result<void>{};
  }
  ports::ProcessExit exit_of(const std::string& id) { return run(client_->wait(id)).value(); }

  void accept() {
    acceptor_->async_accept(
        [this](boost::system::error_code error, asio::local::stream_protocol::socket socket) {
          if (error) return;
          Fd connection(socket.release());
          cuttable_ = Fd(::fcntl(connection.get(), F_DUPFD_CLOEXEC, 3));
          ++connections_;
          client_->accepted(std::move(connection));
          accept();
        });
  }

  std::filesystem::path folder_, errors_;
  Fd door_;
  client::RunnerConfig config_;
  ports::Door door_handler_;
  std::vector<std::string> before_runner_;  // a program that starts it
  pid_t runner_ = -1;
  asio::io_context context_;
  std::shared_ptr<client::RunnerClient> client_;
  std::unique_ptr<asio::local::stream_protocol::acceptor> acceptor_;
  Fd cuttable_;
  int connections_ = 0;
  std::uint64_t total_ = 0;  // of the channel read last
};

}  // namespace corral::runner
