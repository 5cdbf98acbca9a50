// For this room's tests: real repositories in a temporary folder, and a listener through which a
// real git client reaches Mirrors::serve.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "adapters/git/mirrors.h"
#include "base/random.h"
#include "base/subprocess.h"
#include "base/testing/temporary_folder.h"
#include "ports/contract/run_task.h"

namespace corral::adapters::git {

namespace fs = std::filesystem;
using ports::contract::run_task;

inline Task<void> serve_one(ports::Mirrors& mirrors, ProjectId project, std::string branch,
                            Fd connection, std::vector<Error>& errors) {
  const auto result = co_await mirrors.serve(project, std::move(branch), std::move(connection));
  if (!result) errors.push_back(result.error());
}

inline Task<void> accept_all(asio::ip::tcp::acceptor& acceptor, ports::Mirrors& mirrors,
                             ProjectId project, std::string branch, TaskScope& scope,
                             std::vector<Error>& errors) {
  for (;;) {
    auto socket = co_await acceptor.async_accept(asio::use_awaitable);
    scope.start("test.serve", serve_one(mirrors, project, branch, Fd(socket.release()), errors));
  }
}

template <class T>
Task<void> store_and_stop(Task<T> task, std::optional<T>& into, TaskScope& scope) {
  into.emplace(co_await std::move(task));
  co_await scope.stop();
}

class GitFixture : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::permissions(folder_, fs::perms::all);
    mirrors_ = make_git_mirrors(options()).value();
  }

  virtual MirrorOptions options() { return {.folder = folder_ / "mirrors"}; }

  // Runs `task` while git clients can reach the mirror at url(), as the workspace of `branch` does.
  template <class T>
  T run_served(std::string branch, std::function<Task<T>()> make) {
    asio::io_context context;
    asio::ip::tcp::acceptor acceptor(context, {asio::ip::make_address("127.0.0.1"), 0});
    port_ = acceptor.local_endpoint().port();
    TaskScope scope(context.get_executor());
    std::optional<T> result;
    scope.start("test.accept",
                accept_all(acceptor, *mirrors_, project_, std::move(branch), scope, serve_errors_));
    asio::co_spawn(context, store_and_stop(make(), result, scope), [](std::exception_ptr thrown) {
      if (thrown) std::rethrow_exception(thrown);
    });
    context.run();
    return std::move(*result);
  }
  std::string url() const { return "git://127.0.0.1:" + std::to_string(port_) + "/project"; }

  // A person's git: identity set, no configuration of this machine. Words are split at blanks;
  // `more` is added as it is.
  std::map<std::string, std::string> person() const {
    auto env = inherited_env();
    env["GIT_CONFIG_NOSYSTEM"] = "1";
    env["GIT_CONFIG_GLOBAL"] = "/dev/null";
    env["GIT_AUTHOR_NAME"] = env["GIT_COMMITTER_NAME"] = "Ada";
    env["GIT_AUTHOR_EMAIL"] = env["GIT_COMMITTER_EMAIL"] = "ada@example.org";
    env["LC_ALL"] = "C";
    return env;
  }
  CommandSpec git_spec(const fs::path& where, std::string words,
                       std::vector<std::string> more = {}) const {
    CommandSpec spec{.argv = {"git"}, .env = person(), .cwd = where.string()};
    for (std::size_t begin = 0; begin < words.size();) {
      const auto end = std::min(words.find(' ', begin), words.size());
      spec.argv.push_back(words.substr(begin, end - begin));
      begin = end + 1;
    }
    spec.argv.insert(spec.argv.end(), more.begin(), more.end());
    return spec;
  }
  std::string git(const fs::path& where, std::string words, std::vector<std::string> more = {}) {
    auto result = run_task(run_command(git_spec(where, words, std::move(more))));
    EXPECT_TRUE(result) << words;
    if (!result) return {};
    EXPECT_EQ(result->exit_code, 0) << words << ": " << result->errors;
    while (result->output.ends_with('\n')) result->output.pop_back();
    return result->output;
  }
  // The same, served; returns the exit code and what it wrote.
  CommandResult client(const std::string& branch, const fs::path& where, std::string words,
                       std::vector<std::string> more = {}) {
    return run_served<Result<CommandResult>>(branch,
                                             [this, &where, &words, &more]() {
                                               return run_command(git_spec(where, words, more));
                                             })
        .value();
  }
  // As client(), with "URL" in `words` replaced by url().
  CommandResult client_at(const std::string& branch, const fs::path& where,
                          const std::string& words) {
    return run_served<Result<CommandResult>>(branch,
                                             [this, &where, &words]() {
                                               auto text = words;
                                               if (const auto at = text.find("URL");
                                                   at != std::string::npos)
                                                 text.replace(at, 3, url());
                                               return run_command(git_spec(where, text));
                                             })
        .value();
  }

  static void write(const fs::path& path, std::string_view text) {
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
  }
  std::string commit(const fs::path& repository, const std::string& file, std::string_view text,
                     const std::string& subject = "change") {
    write(repository / file, text);
    git(repository, "add -A");
    git(repository, "commit -q -m", {subject});
    return git(repository, "rev-parse HEAD");
  }
  fs::path make_repository(const std::string& name = "source") {
    const auto path = folder_ / name;
    fs::create_directories(path);
    git(path, "init -q -b main");
    commit(path, "README", "hello\n", "first");
    return path;
  }

  TemporaryFolder temporary_;
  const fs::path& folder_ = temporary_.path();
  std::unique_ptr<ports::Mirrors> mirrors_;
  ProjectId project_ = ProjectId::make(Time{Duration{1000}}, SystemRandom::instance());
  std::uint16_t port_ = 0;
  std::vector<Error> serve_errors_;
};

}  // namespace corral::adapters::git
