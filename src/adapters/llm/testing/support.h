// What the tests of this room share: a sink that collects, a provider that answers from a list, and
// the scripted model server as a child process.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "base/fd.h"
#include "base/json.h"
#include "base/subprocess.h"
#include "ports/contract/run_task.h"
#include "ports/llm.h"

namespace corral::adapters::llm::testing {

using ports::contract::run_task;

struct CollectingSink final : ports::LlmSink {
  ports::LlmResponseHead answer{.status = 0, .headers = {}};
  std::string text;
  std::size_t pieces = 0;

  Task<Result<void>> head(ports::LlmResponseHead head) override {
    answer = std::move(head);
    co_return Result<void>{};
  }
  Task<Result<void>> body(std::string bytes) override {
    ++pieces;
    text += bytes;
    co_return Result<void>{};
  }
};

// Answers every request with the same pieces.
struct CannedProvider final : ports::LlmProvider {
  int status = 200;
  std::vector<std::string> pieces;
  Result<void> outcome{};

  Task<Result<void>> exchange(ports::LlmRequest, ports::LlmSink& sink) override {
    CORRAL_CO_CHECK(
        co_await sink.head({.status = status, .headers = {{"content-type", "text/event-stream"}}}));
    for (const auto& piece : pieces) CORRAL_CO_CHECK(co_await sink.body(piece));
    co_return outcome;
  }
};

// tests/tools/model_server.py on a free port. Its stdin is a pipe from here, so it ends even when a
// test crashes.
class ModelServer {
 public:
  ModelServer() {
    int to[2] = {-1, -1}, from[2] = {-1, -1};
    if (::pipe2(to, O_CLOEXEC) != 0 || ::pipe2(from, O_CLOEXEC) != 0) std::abort();
    Fd to_read(to[0]), from_read(from[0]), from_write(from[1]);
    stdin_ = Fd(to[1]);
    pid_ = spawn({{"python3", CORRAL_SOURCE_DIR "/tests/tools/model_server.py", "--until-eof"},
                  inherited_env(),
                  "",
                  to_read.get(),
                  from_write.get(),
                  STDERR_FILENO,
                  {}})
               .value();
    from_write.reset();
    char buffer[200];
    const auto got = ::read(from_read.get(), buffer, sizeof buffer);
    url = std::string(buffer, got > 0 ? static_cast<std::size_t>(got) : 0);
    url = url.substr(url.find("http"));
    url.resize(url.find('\n'));
  }
  ~ModelServer() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  ModelServer(const ModelServer&) = delete;
  std::string url;

 private:
  Fd stdin_;
  pid_t pid_ = -1;
};

// A request whose prompt carries its own script.
inline ports::LlmRequest request(std::string_view script, bool stream = true) {
  const json::value body{
      {"model", "claude-test"},
      {"stream", stream},
      {"tools", {{{"name", "Bash"}}}},
      {"messages", {{{"role", "user"}, {"content", fmt::format("Go. SCRIPT:{}", script)}}}}};
  return {.run = {},
          .path = "/v1/messages",
          .headers = {{"content-type", "application/json"}},
          .body = json::serialize(body)};
}

}  // namespace corral::adapters::llm::testing
