// What each of the agents that speak ACP is given; npm is stood in for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>
#include <fstream>

#include "adapters/agent/agents.h"
#include "adapters/agent/npm_package.h"
#include "base/json.h"
#include "base/testing/temporary_folder.h"
#include "ports/contract/run_task.h"

namespace corral::adapters::agent {
namespace {

namespace fs = std::filesystem;
using ports::contract::run_task;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

ports::AgentTask task(std::string policy = "workspace", std::string model = "") {
  return {.prompt = "p",
          .session_id = "s",
          .gateway_url = "http://127.0.0.1:8377",
          .gateway_token = "run-token",
          .model = std::move(model),
          .permission_policy = std::move(policy)};
}

TEST(AcpAgents, AreGivenTheRunsTokenInTheEnvironmentAndInNoFile) {
  for (const auto& agent : make_all_agents({})) {
    if (agent->name() == "claude" || agent->name() == "command") continue;
    const auto launch = agent->launch(task()).value();
    int tokens = 0;
    for (const auto& [name, value] : launch.process.env) tokens += value == "run-token";
    EXPECT_EQ(tokens, 1) << agent->name();
    ASSERT_EQ(launch.files.size(), 1u);
    EXPECT_TRUE(launch.files[0].first.starts_with("/home/agent/."));
    EXPECT_THAT(launch.files[0].second, Not(HasSubstr("run-token")));
    EXPECT_TRUE(launch.process.input);
    EXPECT_FALSE(launch.process.merge_errors);
  }
}

TEST(AcpAgents, AskWhoeverDecides) {
  for (const char* policy : {"workspace", "ask"}) {
    EXPECT_THAT(make_codex_agent({})->launch(task(policy)).value().files[0].second,
                HasSubstr("approval_policy = \"untrusted\"\n"));
    EXPECT_THAT(make_opencode_agent({})->launch(task(policy)).value().files[0].second,
                HasSubstr(R"("bash":"ask")"));
  }
  EXPECT_THAT(make_codex_agent({})->launch(task()).value().files[0].second,
              HasSubstr("base_url = \"http://127.0.0.1:8377/v1\"\n"));
}

TEST(AcpAgents, AModelsNameIsAValueAndNothingElse) {
  const std::string hostile = "m\"\napproval_policy = \"never\\";
  EXPECT_THAT(make_codex_agent({})->launch(task("ask", hostile)).value().files[0].second,
              HasSubstr("model = \"m\\\"\\u000Aapproval_policy = \\\"never\\\\\"\n"));
  const auto settings =
      parse_json(make_opencode_agent({})->launch(task("ask", hostile)).value().files[0].second, "s")
          .value();
  EXPECT_EQ(find_string(settings, {"model"}), "corral/" + hostile);
  EXPECT_EQ(find_string(settings, {"permission", "bash"}), "ask");
}

// Installs an empty file for each program that these agents have.
std::string stand_in_npm(const fs::path& folder) {
  const auto npm = folder / "npm";
  std::ofstream(npm)
      << "#!/bin/sh\nset -e\nprefix=$3; for last; do :; done\n"
         "case $last in node-*) program=${last%@*}/bin/node;;\n"
         "*codex-acp*) program=${last%@*}/bin/codex-acp;;\n"
         "@openai/*x64) program=@openai/codex/vendor/x86_64-unknown-linux-musl/bin/codex;;\n"
         "@openai/*) program=@openai/codex/vendor/aarch64-unknown-linux-musl/bin/codex;;\n"
         "*) program=@google/gemini-cli/bundle/gemini.js;; esac\n"
         "mkdir -p $(dirname $prefix/node_modules/$program)\n"
         "touch $prefix/node_modules/$program\n";
  ::chmod(npm.c_str(), 0755);
  return npm.string();
}

TEST(AcpAgents, AtATerminalHaveTheSameSettingsAndAskIfTheyShould) {
  for (const auto& agent : {make_gemini_agent({}), make_opencode_agent({})}) {
    const auto asking = agent->launch_terminal(task("ask")).value();
    const auto trusted = agent->launch_terminal(task()).value();
    const auto structured = agent->launch(task("ask")).value();
    EXPECT_EQ(asking.files, structured.files) << agent->name();
    EXPECT_EQ(asking.process.env, structured.process.env);
    EXPECT_NE(asking.process.argv, trusted.process.argv);
    EXPECT_NE(asking.process.argv, structured.process.argv);
    auto again = task("ask");
    again.resume = true;
    EXPECT_NE(agent->launch_terminal(again).value().process.argv, asking.process.argv);
  }
}

TEST(AcpAgents, CodexHasAProgramOfItsOwnForTerminals) {
  const TemporaryFolder folder;
  const auto agent =
      make_codex_agent({.folder = folder / "agents", .npm = stand_in_npm(folder.path())});
  const auto missing = agent->launch_terminal(task()).error();
  EXPECT_EQ(missing.code, ErrorCode::unavailable);
  EXPECT_THAT(missing.message, HasSubstr("corral agent install codex"));
  ASSERT_TRUE(run_task(agent->install([](std::string_view) {})));
  const auto mounts = run_task(agent->mounts()).value();
  ASSERT_EQ(mounts.size(), 2u);
  auto again = task();
  again.resume = true;
  const auto launch = agent->launch_terminal(again).value();
  EXPECT_TRUE(launch.process.argv[0].starts_with(mounts[1].target + "/"));
  EXPECT_TRUE(
      fs::exists(mounts[1].source + launch.process.argv[0].substr(mounts[1].target.size())));
  EXPECT_THAT(launch.process.argv,
              AllOf(Contains("--last"), Contains("approval_policy=\"never\"")));
  EXPECT_EQ(launch.files, agent->launch(task()).value().files);
  // Without it there is still an agent.
  fs::remove_all(folder / "agents" / "codex-terminal");
  EXPECT_EQ(run_task(agent->info()).value().problem, "");
  EXPECT_EQ(run_task(agent->mounts()).value().size(), 1u);
}

TEST(AcpAgents, GeminiBringsItsNode) {
  const TemporaryFolder folder;
  const auto agent =
      make_gemini_agent({.folder = folder / "agents", .npm = stand_in_npm(folder.path())});
  EXPECT_THAT(run_task(agent->info()).value().problem, HasSubstr("corral agent install gemini"));
  ASSERT_TRUE(run_task(agent->install([](std::string_view) {})));
  EXPECT_EQ(run_task(agent->info()).value().version, kGeminiVersion);
  const auto mounts = run_task(agent->mounts()).value();
  ASSERT_EQ(mounts.size(), 2u);
  EXPECT_TRUE(fs::is_directory(mounts[0].source));
  EXPECT_TRUE(mounts[1].source.ends_with("/bin/node"));
  EXPECT_EQ(agent->launch(task()).value().process.argv[0], mounts[1].target);
  fs::remove_all(folder / "agents" / "node");
  EXPECT_THAT(run_task(agent->info()).value().problem, Not(testing::IsEmpty()));
}

}  // namespace
}  // namespace corral::adapters::agent
