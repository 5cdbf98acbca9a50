#include "adapters/git/daemon.h"

#include <sys/socket.h>

#include <boost/asio/posix/stream_descriptor.hpp>

#include "adapters/git/git_fixture.h"

namespace corral::adapters::git {
namespace {

TEST(DaemonRequest, OffersTwoServicesOnOneRepository) {
  const auto parse = [](std::string_view text) { return parse_daemon_request(text); };
  EXPECT_FALSE(parse("git-upload-pack /project").value().push);
  EXPECT_TRUE(parse(std::string_view("git-receive-pack /project.git\0host=x\0", 37)).value().push);
  EXPECT_EQ(parse(std::string_view("git-upload-pack /project\0host=h\0\0version=2\0", 43))
                .value()
                .protocol_version,
            2);
  EXPECT_EQ(parse(std::string_view("git-upload-pack /project\0host=h\0\0version=2;x\0", 45))
                .value()
                .protocol_version,
            0);
  for (const char* bad :
       {"", "git-upload-archive /project", "git-upload-pack", "git-upload-pack /etc",
        "git-upload-pack /project/../x", "git-upload-pack --x"})
    EXPECT_FALSE(parse(bad)) << bad;
}

TEST(PushCommand, IsForTheOwnBranchOnly) {
  const std::string hash(40, 'a'), zero(40, '0');
  const auto check = [&](const std::string& ref) {
    return check_push_command(zero + " " + hash + " " + ref, "corral/r");
  };
  EXPECT_TRUE(check("refs/heads/corral/r"));
  EXPECT_TRUE(check("refs/corral/corral/r/snapshot-1"));
  EXPECT_TRUE(check(std::string("refs/heads/corral/r\0 report-status", 34)));
  EXPECT_TRUE(check_push_command("shallow " + hash, "corral/r"));
  for (const char* ref :
       {"refs/heads/main", "refs/heads/corral/r2", "refs/heads/corral/r/x", "HEAD", "refs/tags/v1",
        "refs/corral/corral/r/", "refs/corral/other/x", "refs/heads/"})
    EXPECT_EQ(check(ref).error().code, ErrorCode::forbidden) << ref;
  for (const char* line : {"push-cert", "nonsense", ""})
    EXPECT_EQ(check_push_command(line, "corral/r").error().code, ErrorCode::invalid) << line;
}

class Daemon : public GitFixture {
 protected:
  void SetUp() override {
    GitFixture::SetUp();
    source_ = make_repository();
    git(source_, "tag v1");
    git(source_, "branch feature");
    ASSERT_TRUE(run_task(mirrors_->fetch(project_, source_.string(), "")));
    mirror_ = folder_ / "mirrors" / (project_.to_string() + ".git");
  }
  fs::path clone(const std::string& branch = "corral/r", const std::string& name = "work") {
    const auto result = client_at(branch, folder_, "clone -q --branch main URL " + name);
    EXPECT_EQ(result.exit_code, 0) << result.errors;
    return folder_ / name;
  }
  fs::path source_, mirror_;
};

TEST_F(Daemon, AWorkspaceClonesByNameAndPushesItsBranch) {
  const auto work = clone();
  EXPECT_EQ(read_file(work / "README").value(), "hello\n");
  const auto head = commit(work, "new", "1\n");
  const auto pushed = client_at("corral/r", work, "push URL HEAD:refs/heads/corral/r");
  EXPECT_EQ(pushed.exit_code, 0) << pushed.errors;
  EXPECT_EQ(run_task(mirrors_->resolve(project_, "corral/r")).value(), head);
  // Rewritten history of the own branch is fine; a snapshot ref too.
  git(work, "commit -q --amend -m again");
  EXPECT_EQ(client_at("corral/r", work,
                      "push --force URL HEAD:refs/heads/corral/r HEAD:refs/corral/corral/r/1")
                .exit_code,
            0);
  EXPECT_EQ(run_task(mirrors_->resolve(project_, "corral/r")).value(), git(work, "rev-parse HEAD"));
  EXPECT_TRUE(serve_errors_.empty()) << serve_errors_.front().describe();
}

TEST_F(Daemon, OffersAllThreeProtocolVersions) {
  for (const char* version : {"0", "1", "2"}) {
    const auto result = client_at("corral/r", folder_,
                                  std::string("-c protocol.version=") + version + " ls-remote URL");
    EXPECT_EQ(result.exit_code, 0) << result.errors;
    EXPECT_THAT(result.output, ::testing::HasSubstr("refs/heads/feature"));
  }
}

TEST_F(Daemon, RefusesEveryOtherRef) {
  const auto work = clone();
  const auto before = git(mirror_, "for-each-ref");
  commit(work, "new", "1\n");
  for (const char* target :
       {"refs/heads/main", "refs/heads/corral/other", "refs/tags/v2", "refs/remotes/origin/main",
        "refs/corral/corral/other/1", "refs/heads/corral/r2"}) {
    const auto result = client_at("corral/r", work, std::string("push --force URL HEAD:") + target);
    EXPECT_NE(result.exit_code, 0) << target;
    EXPECT_THAT(result.errors, ::testing::HasSubstr("may push to refs/heads/corral/r only"))
        << target;
  }
  EXPECT_NE(client_at("corral/r", work, "push URL HEAD:refs/heads/corral/r HEAD:refs/heads/main")
                .exit_code,
            0);
  EXPECT_NE(client_at("corral/r", work, "push URL :refs/heads/main").exit_code, 0);
  EXPECT_EQ(git(mirror_, "for-each-ref"), before);
}

TEST_F(Daemon, HidesTheBranchesOfOtherRuns) {
  const auto work = clone();
  commit(work, "new", "1\n");
  ASSERT_EQ(
      client_at("corral/r", work, "push URL HEAD:refs/heads/corral/r HEAD:refs/corral/corral/r/1")
          .exit_code,
      0);
  for (const char* version : {"0", "2"}) {
    const auto own = client_at("corral/r", folder_,
                               std::string("-c protocol.version=") + version + " ls-remote URL")
                         .output;
    EXPECT_THAT(own, ::testing::HasSubstr("refs/heads/corral/r"));
    EXPECT_THAT(own, ::testing::HasSubstr("refs/corral/corral/r/1"));
    const auto other = client_at("corral/q", folder_,
                                 std::string("-c protocol.version=") + version + " ls-remote URL")
                           .output;
    EXPECT_THAT(other, ::testing::Not(::testing::HasSubstr("corral/r")));
    EXPECT_THAT(other, ::testing::HasSubstr("refs/heads/main"));
    EXPECT_THAT(other, ::testing::HasSubstr("refs/tags/v1"));
    EXPECT_THAT(other, ::testing::Not(::testing::HasSubstr("refs/remotes")));
  }
}

TEST_F(Daemon, KeepsTheOwnBranchFromBeingDeleted) {
  const auto work = clone();
  commit(work, "new", "1\n");
  ASSERT_EQ(client_at("corral/r", work, "push URL HEAD:refs/heads/corral/r").exit_code, 0);
  EXPECT_NE(client_at("corral/r", work, "push URL :refs/heads/corral/r").exit_code, 0);
  EXPECT_TRUE(run_task(mirrors_->resolve(project_, "corral/r")));
}

TEST_F(Daemon, RefusesObjectsThatFsckRefuses) {
  const auto work = clone();
  // A tree with an entry named ".git": on checkout it would overwrite the repository.
  const auto blob = git(work, "hash-object -w README");
  const auto inner = run_task(run_command({.argv = {"git", "mktree"},
                                           .env = person(),
                                           .cwd = work.string(),
                                           .input = "100644 blob " + blob + "\tconfig\n"}))
                         .value();
  auto tree_hash = inner.output.substr(0, 40);
  const auto evil = run_task(run_command({.argv = {"git", "mktree"},
                                          .env = person(),
                                          .cwd = work.string(),
                                          .input = "040000 tree " + tree_hash + "\t.git\n"}))
                        .value();
  const auto made = git(work, "commit-tree -m evil", {evil.output.substr(0, 40)});
  const auto result = client_at("corral/r", work, "push URL " + made + ":refs/heads/corral/r");
  EXPECT_NE(result.exit_code, 0);
  EXPECT_THAT(result.errors, ::testing::HasSubstr("hasDotgit"));
}

TEST_F(Daemon, TakesAPushOfFiftyThousandFiles) {
  const auto work = clone();
  std::string stream =
      "blob\nmark :1\ndata 2\nx\n\ncommit refs/heads/many\ncommitter Ada <ada@example.org> 1 "
      "+0000\ndata 1\nm\nfrom refs/heads/main\n";
  for (int i = 0; i < 50'000; ++i)
    stream += fmt::format("M 100644 inline d{}/f{}\ndata {}\n{}\n", i % 500, i,
                          std::to_string(i).size(), i);
  auto spec = git_spec(work, "fast-import --quiet");
  spec.input = std::move(stream);
  ASSERT_EQ(run_task(run_command(spec)).value().exit_code, 0);
  const auto began = std::chrono::steady_clock::now();
  const auto result = client_at("corral/r", work, "push -q URL many:refs/heads/corral/r");
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  RecordProperty("push_ms", static_cast<int>((std::chrono::steady_clock::now() - began) /
                                             std::chrono::milliseconds(1)));
  EXPECT_EQ(run_task(mirrors_->diff_stat(project_, "main", "corral/r")).value().files, 50'000);
}

class SmallPush : public GitFixture {
 protected:
  MirrorOptions options() override {
    return {.folder = folder_ / "mirrors", .max_push_bytes = 64u << 10, .max_connections = 1};
  }
};

TEST_F(SmallPush, RefusesAPushThatIsTooLarge) {
  const auto source = make_repository();
  ASSERT_TRUE(run_task(mirrors_->fetch(project_, source.string(), "")));
  ASSERT_EQ(client_at("corral/r", folder_, "clone -q URL work").exit_code, 0);
  commit(folder_ / "work", "noise", SystemRandom::instance().hex(200'000));
  const auto result =
      client_at("corral/r", folder_ / "work", "push -q URL HEAD:refs/heads/corral/r");
  EXPECT_NE(result.exit_code, 0);
  EXPECT_EQ(run_task(mirrors_->resolve(project_, "corral/r")).error().code, ErrorCode::not_found);
}

// ---- a client that is not git ----

struct Pair {
  Fd server, client;
};
Pair make_pair() {
  int ends[2];
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  return {Fd(ends[0]), Fd(ends[1])};
}
std::string packet(std::string_view text) { return fmt::format("{:04x}{}", text.size() + 4, text); }
std::string read_to_end(int fd) {
  std::string all;
  char buffer[4096];
  for (ssize_t got; (got = ::read(fd, buffer, sizeof buffer)) > 0;)
    all.append(buffer, static_cast<std::size_t>(got));
  return all;
}

TEST_F(Daemon, AnswersWhatItDoesNotServeInTheProtocol) {
  for (const std::string& request :
       {packet("git-upload-archive /project"), packet("git-upload-pack /etc"),
        std::string("GET / HTTP/1.1\r\n"), std::string("fff0")}) {
    auto pair = make_pair();
    ASSERT_TRUE(write_all(pair.client.get(), request));
    ::shutdown(pair.client.get(), SHUT_WR);
    EXPECT_FALSE(run_task(mirrors_->serve(project_, "corral/r", std::move(pair.server))))
        << request;
    const auto answer = read_to_end(pair.client.get());
    if (request.starts_with("00")) EXPECT_EQ(answer.substr(4, 11), "ERR corral:") << request;
  }
}

TEST_F(Daemon, EndsWhenTheClientHangsUpInTheMiddleOfAPush) {
  auto pair = make_pair();
  ASSERT_TRUE(write_all(pair.client.get(),
                        packet("git-receive-pack /project") +
                            packet(std::string(40, '0') + " " + git(mirror_, "rev-parse main") +
                                   " refs/heads/corral/r") +
                            "0000PACK"));
  ::shutdown(pair.client.get(), SHUT_WR);
  (void)run_task(mirrors_->serve(project_, "corral/r", std::move(pair.server)));
  EXPECT_EQ(run_task(mirrors_->resolve(project_, "corral/r")).error().code, ErrorCode::not_found);
}

Task<void> serve_until_cancelled(ports::Mirrors& mirrors, ProjectId project, Fd server,
                                 bool& ended) {
  (void)co_await mirrors.serve(project, "corral/r", std::move(server));
  ended = true;
}
Task<void> cancel_once_served(TaskScope& scope, int client) {
  asio::posix::stream_descriptor stream(co_await asio::this_coro::executor, ::dup(client));
  co_await stream.async_wait(asio::posix::stream_descriptor::wait_read,
                             asio::use_awaitable);  // the ref advertisement: git runs
  co_await scope.stop();
}

TEST_F(Daemon, CancellingKillsGitAndClosesTheConnection) {
  for (const char* service : {"git-upload-pack /project", "git-receive-pack /project"}) {
    auto pair = make_pair();
    ASSERT_TRUE(write_all(pair.client.get(), packet(service)));
    asio::io_context context;
    TaskScope scope(context.get_executor());
    bool ended = false;
    scope.start("test.serve",
                serve_until_cancelled(*mirrors_, project_, std::move(pair.server), ended));
    asio::co_spawn(context, cancel_once_served(scope, pair.client.get()),
                   [](std::exception_ptr thrown) {
                     if (thrown) std::rethrow_exception(thrown);
                   });
    context.run();
    EXPECT_TRUE(ended);
    EXPECT_THAT(read_to_end(pair.client.get()), ::testing::HasSubstr("agent=git"))
        << service;  // returns: nobody holds the other end
  }
}

TEST_F(SmallPush, RefusesMoreConnectionsThanAllowed) {
  const auto source = make_repository();
  ASSERT_TRUE(run_task(mirrors_->fetch(project_, source.string(), "")));
  auto first = make_pair(), second = make_pair();
  ::shutdown(second.client.get(), SHUT_WR);
  asio::io_context context;
  Result<void> refused;
  bool ended = false;
  TaskScope scope(context.get_executor());
  scope.start("test.serve",
              serve_until_cancelled(*mirrors_, project_, std::move(first.server), ended));
  asio::co_spawn(context, mirrors_->serve(project_, "corral/r", std::move(second.server)),
                 [&](std::exception_ptr, Result<void> result) {
                   refused = std::move(result);
                   scope.cancel();
                 });
  context.run();
  EXPECT_EQ(refused.error().code, ErrorCode::exhausted);
  EXPECT_THAT(read_to_end(second.client.get()), ::testing::HasSubstr("too many git connections"));
}

}  // namespace
}  // namespace corral::adapters::git
