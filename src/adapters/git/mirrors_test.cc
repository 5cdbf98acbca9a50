#include <chrono>

#include <grp.h>
#include <sys/stat.h>

#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include "adapters/git/daemon.h"
#include "adapters/git/git_fixture.h"
#include "adapters/git/history.h"
#include "adapters/git/mirror_folder.h"

namespace corral::adapters::git {
namespace {

using Fetched = ports::Mirrors::Fetched;

class Mirror : public GitFixture {};

TEST_F(Mirror, FetchesALocalRepositoryAndFindsItsDefaultBranch) {
  const auto source = make_repository();
  git(source, "branch feature");
  const auto head = git(source, "rev-parse HEAD");
  const auto fetched = run_task(mirrors_->fetch(project_, source.string(), "")).value();
  EXPECT_EQ(fetched.branch, "main");
  EXPECT_EQ(fetched.commit, head);
  EXPECT_EQ(run_task(mirrors_->resolve(project_, "feature")).value(), head);
  EXPECT_EQ(run_task(mirrors_->resolve(project_, "nothing")).error().code, ErrorCode::not_found);
  EXPECT_EQ(
      run_task(mirrors_->fetch(project_, "file://" + source.string(), "feature")).value().branch,
      "feature");
}

TEST_F(Mirror, FollowsTheSourceAndKeepsTheBranchesOfRuns) {
  const auto source = make_repository();
  git(source, "branch gone");
  ASSERT_TRUE(run_task(mirrors_->fetch(project_, source.string(), "")));
  const auto mirror = folder_ / "mirrors" / (project_.to_string() + ".git");
  git(mirror, "update-ref refs/heads/corral/one main");
  git(source, "branch -D gone");
  git(source, "branch gone/deeper");  // takes the place of the file that the mirror has
  git(source, "branch corral/one");   // an earlier publish, say
  const auto second = commit(source, "b", "2");
  git(source, "branch -f corral/one");
  EXPECT_EQ(run_task(mirrors_->fetch(project_, source.string(), "")).value().commit, second);
  EXPECT_EQ(run_task(mirrors_->resolve(project_, "gone")).error().code, ErrorCode::not_found);
  EXPECT_TRUE(run_task(mirrors_->resolve(project_, "gone/deeper")));
  EXPECT_NE(run_task(mirrors_->resolve(project_, "corral/one")).value(), second);
}

TEST_F(Mirror, SaysWhatIsWrongWithASource) {
  const auto fetch = [&](const std::string& url, const std::string& branch = "") {
    return run_task(mirrors_->fetch(project_, url, branch)).error();
  };
  EXPECT_EQ(fetch((folder_ / "absent").string()).code, ErrorCode::not_found);
  fs::create_directories(folder_ / "plain");
  EXPECT_EQ(fetch((folder_ / "plain").string()).code, ErrorCode::invalid);
  EXPECT_THAT(fetch((folder_ / "plain").string()).message,
              ::testing::HasSubstr("not a git repository; run 'git init'"));
  write(folder_ / "file", "x");
  EXPECT_EQ(fetch((folder_ / "file").string()).code, ErrorCode::invalid);
  fs::create_directories(folder_ / "empty");
  git(folder_ / "empty", "init -q");
  EXPECT_EQ(fetch((folder_ / "empty").string()).code, ErrorCode::invalid);
  EXPECT_THAT(fetch((folder_ / "empty").string()).message,
              ::testing::HasSubstr("is empty; make a first commit"));
  const auto source = make_repository();
  EXPECT_EQ(fetch(source.string(), "no-such").code, ErrorCode::not_found);
  EXPECT_EQ(fetch(source.string(), "--bad").code, ErrorCode::invalid);
  EXPECT_EQ(fetch("ext::sh -c 'touch x'").code, ErrorCode::invalid);
  const auto refused = fetch("http://me:hunter2@127.0.0.1:9/x.git");
  EXPECT_EQ(refused.code, ErrorCode::unavailable);
  EXPECT_EQ(refused.describe().find("hunter2"), std::string::npos) << refused.describe();
}

// A server that asks for a user and password, and has nothing.
Task<void> serve_http(asio::ip::tcp::acceptor& acceptor, std::string& heads) {
  for (;;) {
    auto socket = co_await acceptor.async_accept(asio::use_awaitable);
    std::string request;
    co_await asio::async_read_until(socket, asio::dynamic_buffer(request), "\r\n\r\n",
                                    asio::use_awaitable);
    heads += request;
    const std::string answer =
        request.contains("Authorization: ")
            ? "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            : "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: "
              "0\r\nConnection: close\r\n\r\n";
    co_await asio::async_write(socket, asio::buffer(answer), asio::use_awaitable);
  }
}

TEST_F(Mirror, UsesThePersonsCredentialHelperForTheNetworkOnly) {
  write(folder_ / "home/.gitconfig",
        "[credential]\n\thelper = \"!f() { echo used >> " + (folder_ / "helper").string() +
            "; echo username=me; echo password=s3cret; }; f\"\n[core]\n\tfsmonitor = /bin/false\n");
  const std::string home = inherited_env()["HOME"];
  ::setenv("HOME", (folder_ / "home").c_str(), 1);
  asio::io_context context;
  asio::ip::tcp::acceptor acceptor(context, {asio::ip::make_address("127.0.0.1"), 0});
  const auto origin = "http://127.0.0.1:" + std::to_string(acceptor.local_endpoint().port());
  std::string heads;
  std::optional<Result<Fetched>> fetched;
  TaskScope scope(context.get_executor());
  scope.start("test.http", serve_http(acceptor, heads));
  asio::co_spawn(context,
                 store_and_stop(mirrors_->fetch(project_, origin + "/x.git", ""), fetched, scope),
                 [](std::exception_ptr thrown) {
                   if (thrown) std::rethrow_exception(thrown);
                 });
  context.run();
  ::setenv("HOME", home.c_str(), 1);
  EXPECT_EQ(fetched->error().code, ErrorCode::not_found) << fetched->error().describe();
  EXPECT_THAT(heads, ::testing::HasSubstr("Authorization: Basic bWU6czNjcmV0"));
  EXPECT_TRUE(fs::exists(folder_ / "helper"));
}

TEST_F(Mirror, TakesARepositoryWhoseHeadIsDetachedByTheBranchAtThatCommit) {
  const auto source = make_repository();
  git(source, "checkout -q --detach");
  EXPECT_EQ(run_task(mirrors_->fetch(project_, source.string(), "")).value().branch, "main");
  commit(source, "x", "y");
  EXPECT_EQ(run_task(mirrors_->fetch(project_, source.string(), "")).error().code,
            ErrorCode::invalid);
  const auto hash = git(source, "rev-parse main");
  EXPECT_EQ(run_task(mirrors_->fetch(project_, source.string(), hash)).value().commit, hash);
}

TEST_F(Mirror, TakesAShallowSourceAndPublishesBackIntoIt) {
  const auto source = make_repository();
  for (const char* text : {"1", "2", "3"}) commit(source, "a", text);
  git(folder_, "clone -q --depth 1", {"file://" + source.string(), (folder_ / "shallow").string()});
  const auto fetched =
      run_task(mirrors_->fetch(project_, (folder_ / "shallow").string(), "")).value();
  git(folder_ / "mirrors" / (project_.to_string() + ".git"), "update-ref refs/heads/corral/s",
      {fetched.commit});
  const auto published =
      run_task(mirrors_->publish(project_, "corral/s", (folder_ / "shallow").string()));
  EXPECT_TRUE(published) << published.error().describe();
}

TEST_F(Mirror, TakesOddPathsAndOddFileNames) {
  const auto source = make_repository("it's \"odd\"\nname $HOME");
  const auto base = git(source, "rev-parse HEAD");
  write(source / "tab\tnew\nline \"q\"", "1\n");
  write(source / std::string("bad\xff"
                             "utf"),
        "1\n");
  const auto head = commit(source, "plain", "1\n2\n",
                           std::string("sub\xff"
                                       "ject"));
  const auto fetched = run_task(mirrors_->fetch(project_, source.string(), ""));
  ASSERT_TRUE(fetched) << fetched.error().describe();
  const auto stat = run_task(mirrors_->diff_stat(project_, base, head)).value();
  EXPECT_EQ(stat.files, 3);
  EXPECT_EQ(stat.insertions, 4);
  EXPECT_THAT(run_task(mirrors_->diff(project_, base, "main")).value(),
              ::testing::HasSubstr(R"("b/tab\tnew\nline \"q\"")"));
  EXPECT_EQ(run_task(mirrors_->commits(project_, base, head)).value().at(0).subject,
            "sub\xc3\xbfject");  // git takes it for Latin-1
  EXPECT_THAT(run_task(mirrors_->patch(project_, base, head)).value(),
              ::testing::StartsWith("From " + head));
}

TEST_F(Mirror, TwoFetchesOfOneProjectDoNotDisturbEachOther) {
  const auto source = make_repository();
  std::vector<Task<Result<Fetched>>> tasks;
  asio::io_context context;
  int good = 0;
  for (int i = 0; i < 6; ++i)
    asio::co_spawn(
        context, mirrors_->fetch(project_, source.string(), ""),
        [&](std::exception_ptr thrown, Result<Fetched> result) { good += !thrown && result; });
  context.run();
  EXPECT_EQ(good, 6);
}

TEST_F(Mirror, RecoversFromLocksThatAKilledGitLeft) {
  const auto source = make_repository();
  ASSERT_TRUE(run_task(mirrors_->fetch(project_, source.string(), "")));
  const auto mirror = folder_ / "mirrors" / (project_.to_string() + ".git");
  const auto lock = mirror / "refs" / "heads" / "main.lock";
  write(lock, "");
  fs::last_write_time(lock, fs::file_time_type::clock::now() - std::chrono::minutes(1));
  const auto head = commit(source, "b", "2");
  EXPECT_EQ(run_task(mirrors_->fetch(project_, source.string(), "")).value().commit, head);
  EXPECT_FALSE(fs::exists(lock));
}

class SmallDiff : public GitFixture {
 protected:
  MirrorOptions options() override {
    return {.folder = folder_ / "mirrors", .max_diff_bytes = 1u << 20};
  }
};

TEST_F(SmallDiff, BoundsAHugeDifference) {
  const auto source = make_repository();
  const auto base = git(source, "rev-parse HEAD");
  std::string big;
  for (int i = 0; i < 200'000; ++i) big += "line " + std::to_string(i) + "\n";
  const auto head = commit(source, "big", big);
  ASSERT_TRUE(run_task(mirrors_->fetch(project_, source.string(), "")));
  const auto diff = run_task(mirrors_->diff(project_, base, head));
  EXPECT_EQ(diff.error().code, ErrorCode::exhausted);
  EXPECT_THAT(diff.error().message, ::testing::HasSubstr("larger than 1 MiB"));
  EXPECT_EQ(run_task(mirrors_->diff_stat(project_, base, head)).value().insertions, 200'000);
}

// ---- programs that a repository configures (abuse probe 23) ----

TEST_F(Mirror, RunsNoProgramThatASourceConfigures) {
  const auto source = make_repository();
  const auto trap = folder_ / "trap.sh", sprung = folder_ / "sprung";
  write(trap, "#!/bin/sh\necho \"$0 $*\" >> " + sprung.string() + "\ncat\n");
  fs::permissions(trap, fs::perms::all);
  for (const char* hook :
       {"pre-receive", "update", "post-receive", "post-update", "reference-transaction", "pre-push",
        "post-checkout", "proc-receive", "push-to-checkout", "pre-auto-gc", "fsmonitor-watchman",
        "post-index-change"})
    fs::copy_file(trap, source / ".git" / "hooks" / hook, fs::copy_options::overwrite_existing);
  for (const char* key : {"core.fsmonitor",
                          "core.sshCommand",
                          "core.pager",
                          "core.editor",
                          "core.askPass",
                          "core.alternateRefsCommand",
                          "core.gitProxy",
                          "diff.external",
                          "diff.trap.command",
                          "diff.trap.textconv",
                          "filter.trap.clean",
                          "filter.trap.smudge",
                          "filter.trap.process",
                          "merge.trap.driver",
                          "uploadpack.packObjectsHook",
                          "credential.helper",
                          "gpg.program",
                          "remote.origin.uploadpack",
                          "remote.origin.receivepack",
                          "alias.upload-pack",
                          "alias.receive-pack",
                          "core.hooksPath"})
    git(source, "config",
        {key, std::string_view(key) == "core.hooksPath" ? (source / ".git/hooks").string()
                                                        : trap.string()});
  git(source, "config receive.denyCurrentBranch updateInstead");
  git(source, "config remote.origin.promisor true");
  git(source, "config remote.origin.url", {"ext::" + trap.string()});
  git(source, "config protocol.allow always");
  fs::create_directories(folder_ / "other.git");
  git(folder_ / "other.git", "init -q --bare");
  write(source / ".git/objects/info/alternates", (folder_ / "other.git/objects").string() + "\n");
  write(source / ".gitattributes", "* diff=trap filter=trap merge=trap\n");
  const auto base = git(source, "rev-parse HEAD");
  // Past its own traps, as an attacker would write it.
  const auto blob = git(source, "hash-object -w --no-filters .gitattributes");
  git(source, "-c core.fsmonitor=false -c core.hooksPath=/dev/null update-index --add --cacheinfo",
      {"100644," + blob + ",.gitattributes"});
  const auto tree = git(source, "write-tree");
  const auto head = git(source, "-c core.hooksPath=/dev/null commit-tree -m x -p", {base, tree});
  git(source, "-c core.hooksPath=/dev/null update-ref refs/heads/main", {head});
  (void)fs::remove(sprung);

  const auto fetched = run_task(mirrors_->fetch(project_, source.string(), ""));
  ASSERT_TRUE(fetched) << fetched.error().describe();
  EXPECT_EQ(fetched->commit, head);
  EXPECT_TRUE(run_task(mirrors_->diff(project_, base, head)));
  EXPECT_TRUE(run_task(mirrors_->patch(project_, base, head)));
  EXPECT_TRUE(run_task(mirrors_->diff_stat(project_, base, head)));
  git(folder_ / "mirrors" / (project_.to_string() + ".git"), "update-ref refs/heads/corral/p",
      {base});
  const auto published = run_task(mirrors_->publish(project_, "corral/p", source.string()));
  EXPECT_TRUE(published) << published.error().describe();
  EXPECT_FALSE(fs::exists(sprung)) << read_file(sprung).value();
  // The traps are armed: an ordinary git steps into them.
  (void)run_task(run_command(git_spec(source, "status")));
  EXPECT_TRUE(fs::exists(sprung));
}

// ---- publishing ----

TEST_F(Mirror, PublishesABranchWithoutTouchingWorkTreeAndIndex) {
  const auto source = make_repository();
  ASSERT_TRUE(run_task(mirrors_->fetch(project_, source.string(), "")));
  const auto mirror = folder_ / "mirrors" / (project_.to_string() + ".git");
  write(source / "README", "changed, not committed\n");
  write(source / "untracked", "x");
  const auto status = git(source, "status --porcelain");
  const auto index = read_file(source / ".git/index").value();
  const auto made = git(mirror, "commit-tree -m work -p main main^{tree}");
  git(mirror, "update-ref refs/heads/corral/r", {made});
  ASSERT_TRUE(run_task(mirrors_->publish(project_, "corral/r", source.string())));
  EXPECT_EQ(git(source, "rev-parse corral/r"), made);
  EXPECT_EQ(read_file(source / ".git/index").value(), index);
  EXPECT_EQ(git(source, "status --porcelain"), status);
  EXPECT_FALSE(fs::exists(source / ".git/FETCH_HEAD"));
  // Again, with history rewritten: the run was retried.
  const auto other = git(mirror, "commit-tree -m again -p main main^{tree}");
  git(mirror, "update-ref refs/heads/corral/r", {other});
  EXPECT_TRUE(run_task(mirrors_->publish(project_, "corral/r", source.string())));
  EXPECT_EQ(git(source, "rev-parse corral/r"), other);
}

TEST_F(Mirror, RefusesToPublishOverABranchThatIsCheckedOut) {
  const auto source = make_repository();
  ASSERT_TRUE(run_task(mirrors_->fetch(project_, source.string(), "")));
  const auto mirror = folder_ / "mirrors" / (project_.to_string() + ".git");
  git(mirror, "update-ref refs/heads/corral/r",
      {git(mirror, "commit-tree -m work -p main main^{tree}")});
  ASSERT_TRUE(run_task(mirrors_->publish(project_, "corral/r", source.string())));
  git(source, "worktree add -q ../second corral/r");
  git(mirror, "update-ref refs/heads/corral/r",
      {git(mirror, "commit-tree -m more -p main main^{tree}")});
  const auto error = run_task(mirrors_->publish(project_, "corral/r", source.string())).error();
  EXPECT_EQ(error.code, ErrorCode::conflict) << error.describe();
  EXPECT_EQ(run_task(mirrors_->publish(project_, "corral/none", source.string())).error().code,
            ErrorCode::not_found);
}

TEST_F(Mirror, ReadsAndWritesAnotherUsersRepositoryAsThatUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to make another user's repository";
  const auto source = make_repository();
  const auto own = [&](uid_t uid) {
    ::chown(source.c_str(), uid, uid);
    for (const auto& entry : fs::recursive_directory_iterator(source))
      ::lchown(entry.path().c_str(), uid, uid);
  };
  own(54321);
  fs::permissions(source, fs::perms::owner_all);
  const auto fetched = run_task(mirrors_->fetch(project_, source.string(), ""));
  ASSERT_TRUE(fetched) << fetched.error().describe();
  const auto mirror = folder_ / "mirrors" / (project_.to_string() + ".git");
  git(mirror, "update-ref refs/heads/corral/r",
      {git(mirror, "commit-tree -m work -p main main^{tree}")});
  const auto published = run_task(mirrors_->publish(project_, "corral/r", source.string()));
  ASSERT_TRUE(published) << published.error().describe();
  for (const auto& entry : fs::recursive_directory_iterator(source)) {
    struct stat info{};
    ASSERT_EQ(::lstat(entry.path().c_str(), &info), 0);
    EXPECT_EQ(info.st_uid, 54321u) << entry.path();
  }
  // A folder above it that its owner cannot pass.
  fs::create_directories(folder_ / "closed");
  fs::permissions(folder_ / "closed", fs::perms::owner_all);
  fs::copy(source, folder_ / "closed/source", fs::copy_options::recursive);
  for (const auto& entry : fs::recursive_directory_iterator(folder_ / "closed"))
    ::lchown(entry.path().c_str(), 54321, 54321);
  const auto closed =
      run_task(mirrors_->fetch(project_, (folder_ / "closed/source").string(), "")).error();
  EXPECT_EQ(closed.code, ErrorCode::forbidden) << closed.describe();
  EXPECT_THAT(closed.message, ::testing::HasSubstr("id 54321, who cannot read it"));
  // What its owner cannot read, Corral does not read for them.
  const auto secret = make_repository("secret");
  fs::permissions(secret, fs::perms::owner_all);
  fs::remove_all(source / ".git");
  write(source / ".git", "gitdir: " + (secret / ".git").string() + "\n");
  ::chown((source / ".git").c_str(), 54321, 54321);
  const auto error = run_task(mirrors_->fetch(project_, source.string(), "")).error();
  EXPECT_TRUE(error.code == ErrorCode::forbidden || error.code == ErrorCode::invalid ||
              error.code == ErrorCode::not_found)
      << error.describe();
}

TEST_F(Mirror, IsGoneAfterRemove) {
  const auto source = make_repository();
  ASSERT_TRUE(run_task(mirrors_->fetch(project_, source.string(), "")));
  ASSERT_TRUE(run_task(mirrors_->remove(project_)));
  EXPECT_EQ(run_task(mirrors_->resolve(project_, "main")).error().code, ErrorCode::not_found);
  EXPECT_TRUE(run_task(mirrors_->remove(project_)));
  EXPECT_TRUE(run_task(mirrors_->fetch(project_, source.string(), "")));
}

TEST(HeadChanges, MirrorTheRemoteAndLeaveRunsAlone) {
  const std::string a(40, 'a'), b(40, 'b');
  const auto changes =
      head_changes(a + " refs/heads/same\n" + a + " refs/heads/moved\n" + a + " refs/heads/gone\n" +
                   a + " refs/heads/corral/x\n" + a + " refs/remotes/origin/same\n" + b +
                   " refs/remotes/origin/moved\n" + b + " refs/remotes/origin/new\n" + b +
                   " refs/remotes/origin/corral/y\n" + b + " refs/remotes/origin/corral\n");
  EXPECT_EQ(changes.deletions, "delete refs/heads/gone\n");
  EXPECT_EQ(changes.updates,
            "update refs/heads/moved " + b + "\nupdate refs/heads/new " + b + "\n");
}

TEST(Utf8, ReplacesWhatIsMalformed) {
  EXPECT_EQ(to_utf8("a\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80"),
            "a\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80");
  EXPECT_EQ(to_utf8("\xff|\xc0\xaf|\xed\xa0\x80|\xe2\x82"),
            "\xef\xbf\xbd|\xef\xbf\xbd\xef\xbf\xbd|\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd|"
            "\xef\xbf\xbd\xef\xbf\xbd");
}

TEST(Numstat, CountsRenamesAndBinaryFiles) {
  const std::string_view text(
      "3\t1\tplain\0-\t-\timage.png\0"
      "0\t2\t\0old\0new\0",
      37);
  const auto stat = parse_numstat(text).value();
  EXPECT_EQ(stat.files, 3);
  EXPECT_EQ(stat.insertions, 3);
  EXPECT_EQ(stat.deletions, 3);
  EXPECT_EQ(parse_numstat("nonsense").error().code, ErrorCode::corrupt);
}

}  // namespace
}  // namespace corral::adapters::git
