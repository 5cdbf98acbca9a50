// Requests and answers: what is refused and why, lists, events, logs; workflows as YAML.
#include <gtest/gtest.h>

#include "base/log.h"
#include "engine/catalog.h"
#include "engine/start_run.h"
#include "engine/testing/harness.h"
#include "engine/workflow_yaml.h"

namespace corral::engine {
namespace {

using testing::Harness;

struct ServiceTest : ::testing::Test {
  Harness h;
  void SetUp() override {
    log::set_level(log::Level::error);
    h.boot();
    ASSERT_TRUE(h.call(h.engine().start()));
  }
  void TearDown() override { EXPECT_EQ(log::take_error_count(), 0); }
  Engine& engine() { return h.engine(); }
  Error refused(StartRun request) {
    const auto result = h.call(engine().start_run(std::move(request), {"user:ann", ""}));
    EXPECT_FALSE(result);
    return result ? Error{} : result.error();
  }
};

TEST_F(ServiceTest, AnUnfitRequestIsRefusedNamingTheField) {
  struct Row {
    std::function<void(StartRun&)> spoil;
    std::string expected;
  };
  const std::vector<Row> rows{
      {[](StartRun& r) { r.git_url.clear(); }, "either project or git_url"},
      {[](StartRun& r) { r.project = "x"; }, "either project or git_url"},
      {[](StartRun& r) { r.workflow = "magic"; },
       "workflow: \"magic\" is unknown: use one of task"},
      {[](StartRun& r) { r.definition = "name: [x"; }, "definition:1:"},
      {[](StartRun& r) { r.agent = "hal"; }, "agent: \"hal\" is unknown: use one of fake, command"},
      {[](StartRun& r) { r.agent = "command"; },
       "command: the agent \"command\" needs the program"},
      {[](StartRun& r) { r.command = {"ls"}; }, "command: only the agent \"command\" takes one"},
      {[](StartRun& r) { r.prompt = " \n"; }, "prompt: is empty"},
      {[](StartRun& r) { r.prompt = std::string(17u << 20, 'x'); }, "prompt: has 17825792 bytes"},
      {[](StartRun& r) { r.prompt += '\0'; }, "prompt: has a NUL byte"},
      {[](StartRun& r) { r.checks = std::string(70'000, 'x'); }, "checks: must be at most"},
      {[](StartRun& r) { r.model = "--evil"; }, "model: is no model name"},
      {[](StartRun& r) { r.permissions = "yolo"; },
       "permissions: must be \"workspace\" or \"ask\", not \"yolo\""},
      {[](StartRun& r) { r.budget_usd = 0; }, "budget_usd: must be more than 0"},
      {[](StartRun& r) { r.budget_usd = std::numeric_limits<double>::quiet_NaN(); },
       "budget_usd: must be"},
      {[](StartRun& r) { r.timeout_s = 0; }, "timeout_s: must be from 1"},
      {[](StartRun& r) { r.priority = 5000; }, "priority: must be"},
      {[](StartRun& r) { r.author_name = "a\nb"; }, "author: name and email"},
      {[](StartRun& r) { r.base = "-x"; }, "base: \"-x\" is no branch name"},
      {[](StartRun& r) { r.base = "a..b"; }, "is no branch name"},
      {[](StartRun& r) { r.git_url = "ext::sh -c id"; }, "git_url has a space"},
  };
  for (const auto& row : rows) {
    auto request = h.request("done");
    row.spoil(request);
    const auto error = refused(request);
    EXPECT_EQ(error.code, ErrorCode::invalid) << row.expected;
    EXPECT_NE(error.message.find(row.expected), std::string::npos)
        << row.expected << "\nbut: " << error.message;
  }
  auto request = h.request("done");
  request.git_url.clear();
  request.project = "nowhere";
  EXPECT_EQ(refused(request).code, ErrorCode::not_found);
  EXPECT_EQ(h.call(engine().start_run(h.request("done"), {"user:ann", std::string(300, 'k')}))
                .error()
                .code,
            ErrorCode::invalid);
}

TEST_F(ServiceTest, ADefinitionOfOnesOwnRuns) {
  auto request = h.request("done");
  request.definition =
      "name: own\nsteps:\n  - name: get\n    kind: git\n    action: clone\n  - name: look\n    "
      "kind: command\n    run: [ls, \"${{ inputs.checks }}\"]\n    needs: [get]\n";
  request.checks = "docs";
  const auto id = h.start(request);
  ASSERT_TRUE(h.run_to_end(id));
  EXPECT_EQ(h.status(id), "completed");
  EXPECT_EQ(h.world.find_process("look-1")->spec.argv, (std::vector<std::string>{"ls", "docs"}));
  EXPECT_NE(h.log(id).find("$ ls docs\n"), std::string::npos);
}

TEST_F(ServiceTest, ProjectsAndGroupsAreFoundByNameAndId) {
  const auto group = h.call(engine().create_group("team", "user:ann")).value();
  const auto project =
      h.call(engine().create_project("site", "https://example.org/site.git", "team", "user:ann"))
          .value();
  EXPECT_EQ(find_string(project, {"group"}), "team");
  EXPECT_TRUE(project.at("default_branch").is_null());
  EXPECT_EQ(h.call(engine().get_project("site")).value(), project);
  EXPECT_EQ(h.call(engine().get_project(std::string(find_string(project, {"id"})))).value(),
            project);
  EXPECT_EQ(h.call(engine().get_group(std::string(find_string(group, {"id"})))).value(), group);
  EXPECT_EQ(h.call(engine().list_groups("", 50)).value().items.size(), 2u) << "and the default one";
  EXPECT_EQ(
      h.call(engine().create_project("site", "https://example.org/site.git", "team", "user:ann"))
          .error()
          .code,
      ErrorCode::conflict);
  EXPECT_EQ(h.call(engine().create_group("team", "user:ann")).error().message,
            "there is a group named \"team\" already");
  EXPECT_EQ(h.call(engine().create_project("a b", "/x", "", "user:ann")).error().code,
            ErrorCode::invalid);
  EXPECT_EQ(h.call(engine().create_project("x", "/x", "no-team", "user:ann")).error().code,
            ErrorCode::not_found);
  EXPECT_EQ(h.call(engine().get_project("other")).error().message, "there is no project \"other\"");
  ASSERT_TRUE(h.call(engine().create_project("site", "/srv/site", "default", "user:ann")));
  EXPECT_EQ(h.call(engine().get_project("site")).error().code, ErrorCode::conflict)
      << "there are two now";
}

TEST_F(ServiceTest, ARunByUrlMakesItsProjectOnceAndNamesItApart) {
  auto one = h.request("done");
  one.git_url = "https://example.org/a/lib.git";
  auto two = one;
  two.git_url = "git@example.org:b/lib";
  const auto first = h.start(one), again = h.start(one), second = h.start(two);
  EXPECT_EQ(find_string(h.run(first), {"project", "name"}), "lib");
  EXPECT_EQ(find_string(h.run(first), {"project", "id"}),
            find_string(h.run(again), {"project", "id"}));
  EXPECT_EQ(find_string(h.run(second), {"project", "name"}), "lib-2");
  ASSERT_TRUE(h.run_to_end(first));
  EXPECT_EQ(find_string(h.call(engine().get_project("lib")).value(), {"default_branch"}), "main")
      << "seen by the run";
}

TEST_F(ServiceTest, AProjectIsDeletedOnlyWhenNothingOfItRuns) {
  const auto id = h.start("hang");
  EXPECT_EQ(h.call(engine().delete_project("project", "user:ann")).error().code,
            ErrorCode::conflict);
  ASSERT_TRUE(h.call(engine().cancel_run(id, "", "user:ann")));
  ASSERT_TRUE(h.run_to_end(id));
  ASSERT_TRUE(h.call(engine().delete_project("project", "user:ann")));
  EXPECT_EQ(h.call(engine().get_project("project")).error().code, ErrorCode::not_found);
  EXPECT_EQ(find_string(h.run(h.start("done")), {"project", "name"}), "project") << "made anew";
}

TEST_F(ServiceTest, ListsComeInPagesNewestFirst) {
  std::vector<std::string> started;
  for (int i = 0; i < 5; ++i) {
    started.push_back(h.start("done").to_string());
    h.clock.advance(Duration(5));
  }
  std::vector<std::string> listed;
  std::string cursor;
  do {
    const auto page =
        h.call(engine().list_runs({.project = "project", .cursor = cursor, .limit = 2})).value();
    for (const auto& run : page.items) listed.emplace_back(find_string(run, {"id"}));
    cursor = page.next_cursor;
  } while (!cursor.empty());
  std::ranges::reverse(started);
  EXPECT_EQ(listed, started);
  EXPECT_EQ(h.call(engine().list_runs({.status = "asleep"})).error().code, ErrorCode::invalid);
  EXPECT_EQ(h.call(engine().list_runs({.project = "nowhere"})).error().code, ErrorCode::not_found);
  EXPECT_EQ(h.call(engine().list_projects("", 50)).value().items.size(), 1u);
}

TEST_F(ServiceTest, WhatIsNotThereIsNotFound) {
  const auto id = RunId::make(h.clock.now(), h.random);
  EXPECT_EQ(h.call(engine().get_run(id)).error().code, ErrorCode::not_found);
  EXPECT_EQ(h.call(engine().cancel_run(id, "", "x")).error().code, ErrorCode::not_found);
  EXPECT_EQ(h.call(engine().retry_run(id, "", "x")).error().code, ErrorCode::not_found);
  EXPECT_EQ(h.call(engine().run_log(id)).error().code, ErrorCode::not_found);
  EXPECT_EQ(h.call(engine().run_diff(id)).error().code, ErrorCode::not_found);
  EXPECT_EQ(h.call(engine().run_events(id, 0, 10, Duration(0))).error().code, ErrorCode::not_found);
  EXPECT_EQ(h.call(engine().list_artifacts(id)).error().code, ErrorCode::not_found);
  EXPECT_EQ(h.call(engine().get_group("x")).error().code, ErrorCode::not_found);
  EXPECT_EQ(h.call(engine().record_model_call(id, {})).error().code, ErrorCode::not_found);
  EXPECT_FALSE(engine().workspace_owner(WorkspaceId{}));
}

TEST_F(ServiceTest, EventsAreWaitedForAndNeverMissed) {
  const auto id = h.start("hang");
  ASSERT_TRUE(h.run_until([&] { return h.step_status(id, "agent") == "running"; }));
  h.settle();
  const auto so_far = h.call(engine().run_events(id, 0, 1000, Duration(0))).value();
  EXPECT_EQ(find_string(so_far[0], {"type"}), "run.created");
  EXPECT_EQ(find_string(so_far[0], {"actor"}), "user:ann");
  const auto last = so_far.back().at("version").to_number<std::uint64_t>();
  EXPECT_EQ(last, so_far.size());
  EXPECT_TRUE(h.call(engine().run_events(id, last, 1000, Duration(0))).value().empty());

  std::vector<json::value> next, anywhere;
  asio::co_spawn(h.context(), engine().run_events(id, last, 1000, Duration(600'000)),
                 [&](std::exception_ptr, auto events) { next = events.value(); });
  const auto all =
      h.call(engine().all_events({.after_position = 0, .limit = 1000}, Duration(0))).value();
  asio::co_spawn(
      h.context(),
      engine().all_events(
          {.after_position = all.back().at("position").to_number<std::uint64_t>(), .limit = 1000},
          Duration(600'000)),
      [&](std::exception_ptr, auto events) { anywhere = events.value(); });
  h.settle();
  EXPECT_TRUE(next.empty());
  ASSERT_TRUE(h.call(engine().cancel_run(id, "", "user:ann")));
  ASSERT_TRUE(h.run_until([&] { return !next.empty() && !anywhere.empty(); }));
  EXPECT_EQ(find_string(next[0], {"type"}), "run.cancel_requested");
  EXPECT_EQ(find_string(anywhere[0], {"stream"}), "run/" + id.to_string());

  const Time before = h.clock.now();
  EXPECT_TRUE(
      h.call(engine().all_events({.after_position = 1'000'000, .limit = 10}, Duration(5'000)))
          .value()
          .empty());
  EXPECT_GE(h.clock.now() - before, Duration(5'000));
}

TEST_F(ServiceTest, AViewersWaitEndsWithTheRun) {
  const auto id = h.start("say hello\nhang");
  ASSERT_TRUE(h.run_until([&] { return h.log(id).find("hello") != std::string::npos; }));
  h.settle();
  const auto log = h.call(engine().run_log(id)).value();
  EXPECT_FALSE(log->closed());
  EXPECT_FALSE(h.call(log->append("x", 0, "y")));
  bool woke = false;
  asio::co_spawn(h.context(), log->wait_beyond(1'000'000, Duration(1'000'000)),
                 [&](std::exception_ptr) { woke = true; });
  ASSERT_TRUE(h.call(engine().cancel_run(id, "", "user:ann")));
  ASSERT_TRUE(h.run_until([&] { return woke; }));
  EXPECT_TRUE(log->closed());
  EXPECT_EQ(h.call(log->read(0, 1u << 20)).value(), h.log(id));
  EXPECT_TRUE(h.call(engine().run_timeline(id)).value()->closed()) << "opened after the end";
}

TEST_F(ServiceTest, WorkflowsAreListedAndChecked) {
  const auto all = h.call(engine().list_workflows()).value();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(find_string(all[0], {"name"}), "task");
  EXPECT_EQ(find_string(all[1], {"name"}), "session");
  EXPECT_EQ(all[0].at("steps").as_array().size(), 5u);
  EXPECT_EQ(
      engine().validate_workflow(std::string(find_string(all[0], {"source"}))).value().at("steps"),
      all[0].at("steps"));
  EXPECT_EQ(engine().validate_workflow("steps: []").error().code, ErrorCode::invalid);
}

TEST(GitUrl, OnlyTheKnownFormsAreTaken) {
  for (const char* good : {"https://example.org/a/b.git", "http://localhost:3000/x",
                           "ssh://git@example.org:22/x", "git://h/x", "git@example.org:a/b.git",
                           "/srv/repo", "file:///srv/repo", "https://user@example.org/x"})
    EXPECT_TRUE(check_git_url(good)) << good;
  for (const char* bad : {"", "-oProxyCommand=x", "ext::sh -c id", "ext::id", "fd::7", "ftp://h/x",
                          "https://", "https://host", "https:///x", "ssh://-oX/x", "relative/path",
                          "https://ann:secret@example.org/x", "a b", "user@:path", "user@-h:path",
                          "git@h:", "file://host/x", "git@h::x", "a/b@c:d"})
    EXPECT_FALSE(check_git_url(bad)) << bad;
  EXPECT_EQ(check_git_url("https://ann:secret@example.org/x").error().message.find("secret"),
            std::string::npos);
}

TEST(BranchName, IsReadableAndTheRunsOwn) {
  const auto id = RunId::parse("01936d5e-0000-7000-8000-0123456789ab").value();
  EXPECT_EQ(branch_name("Fix the failing test!", id), "corral/fix-the-failing-test-456789ab");
  EXPECT_EQ(branch_name("…", id), "corral/run-456789ab");
  EXPECT_EQ(branch_name("Please make sure that every single test of the suite passes", id),
            "corral/please-make-sure-that-every-single-test-456789ab");
}

const StepKinds kinds = standard_step_kinds();

TEST(WorkflowYaml, ProblemsNameLineColumnAndRemedy) {
  const auto problem = [](std::string_view yaml) {
    const auto parsed = parse_workflow(yaml, "w.yaml", kinds.rules());
    EXPECT_FALSE(parsed);
    return parsed ? "" : parsed.error().message;
  };
  EXPECT_TRUE(
      problem("name: x\nsteps:\n  - name: a\n    kind: git\n    acton: clone\n")
          .starts_with("w.yaml:5:5: step \"a\" of kind git takes no `acton:`; it takes action"));
  EXPECT_TRUE(problem("name: x\nsteps:\n  - name: a\n    kind: magic\n")
                  .starts_with("w.yaml:4:5: step \"a\" has the unknown kind \"magic\": use one of "
                               "git, agent, command, artifacts"));
  EXPECT_TRUE(problem("name: [x\n").starts_with("w.yaml:2:1: not valid YAML:"))
      << problem("name: [x\n");
  EXPECT_EQ(problem("- a\n"), "w.yaml:1:1: a workflow must be a mapping (key: value)");
  EXPECT_EQ(problem("name: x\nname: y\nsteps: 3\n"),
            "w.yaml:2:1: \"name\" is given twice in a workflow\nw.yaml:3:8: \"steps\" must be a "
            "list, each item beginning with \"- name: …\"");
  EXPECT_TRUE(
      problem("name: x\nsteps:\n  - name: a\n    kind: command\n    run: ls\n    timeout: soon\n")
          .starts_with("w.yaml:6:14: \"timeout\" must be a time such as 500ms, 90s, 15m or 2h"));
  EXPECT_TRUE(problem("name: x\nversion: one\nsteps: []\n")
                  .starts_with("w.yaml:2:10: \"version\" must be a whole number"));
  EXPECT_TRUE(
      problem("name: {a: b}\nsteps: []\n").starts_with("w.yaml:1:7: \"name\" must be text"));
  EXPECT_TRUE(
      problem("name: x\nsteps:\n  - name: a\n    kind: git\n    action: clone\n    needs: {a: b}\n")
          .starts_with("w.yaml:6:12: \"needs\" must be a list of texts"));
  EXPECT_TRUE(problem("name: x\nsteps:\n  - name: a\n    kind: git\n    action: clone\n    retry: "
                      "{attempts: 3, speed: 1}\n")
                  .find("unknown key \"speed\" in retry") != std::string::npos);
  EXPECT_TRUE(problem(std::string(300u << 10, '#'))
                  .starts_with("w.yaml:1:1: the definition has 307200 bytes"));
  EXPECT_TRUE(problem("").starts_with("w.yaml:1:1: "));
  EXPECT_TRUE(problem(std::string(5'000, '[')).starts_with("w.yaml:1:"))
      << "deep nesting ends in an error";
  EXPECT_TRUE(problem("a: &a [*a]\n").starts_with("w.yaml:1:"))
      << "and so does what contains itself";
}

TEST(WorkflowYaml, EveryKeyIsRead) {
  const auto parsed = parse_workflow(
      "name: all\nversion: 3\nsteps:\n  - {name: a, kind: git, action: clone, retry: {attempts: 2, "
      "backoff: 5s}, timeout: 15m}\n"
      "  - {name: b, kind: agent, agent: claude, prompt: \"Do ${{ inputs.prompt }}\", needs: a, "
      "timeout: "
      "90}\n"
      "  - {name: c, kind: command, run: [make, test], if: always(), needs: [a, b], timeout: 2h}\n",
      "w", kinds.rules());
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->version, 3);
  EXPECT_EQ(parsed->steps[0].retry.attempts, 2);
  EXPECT_EQ(parsed->steps[0].retry.backoff, Duration(5'000));
  EXPECT_EQ(parsed->steps[0].timeout, Duration(900'000));
  EXPECT_EQ(parsed->steps[1].text("agent"), "claude");
  EXPECT_EQ(parsed->steps[1].timeout, Duration(90'000));
  EXPECT_EQ(parsed->steps[1].needs, std::vector<std::string>{"a"});
  EXPECT_EQ(parsed->steps[2].with.at("run"), (json::array{"make", "test"}));
  EXPECT_EQ(parsed->steps[2].condition, "always()");
  EXPECT_EQ(parsed->steps[2].timeout, Duration(7'200'000));
}

}  // namespace
}  // namespace corral::engine
