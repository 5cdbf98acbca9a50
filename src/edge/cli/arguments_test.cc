#include "edge/cli/arguments.h"

#include <cstdlib>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "base/subprocess.h"
#include "edge/cli/completion.h"
#include "edge/cli/test_server.h"

namespace corral::edge::cli {
namespace {

Parsed parse(std::vector<std::string> words) { return parse_arguments(std::move(words), "1.2.3"); }
Arguments good(std::vector<std::string> words) {
  auto parsed = parse(words);
  EXPECT_TRUE(parsed.arguments) << parsed.err;
  return parsed.arguments.value_or(Arguments{});
}

void for_each_command(const CommandInfo& command, const std::string& path,
                      const std::function<void(const std::string&, const CommandInfo&)>& each) {
  each(path, command);
  for (const auto& sub : command.commands)
    for_each_command(sub, path.empty() ? sub.name : path + " " + sub.name, each);
}

TEST(Arguments, RefusesWhatIsWrongWithExitCodeTwoAndAHint) {
  const std::vector<std::vector<std::string>> wrong{{},
                                                    {"no-such-command"},
                                                    {"run"},
                                                    {"run", "x", "--bogus"},
                                                    {"run", "x", "y"},
                                                    {"run", "x", "--budget", "much"},
                                                    {"run", "x", "--budget", "-1"},
                                                    {"run", "x", "--timeout", "0"},
                                                    {"run", "x", "--agent", "gpt"},
                                                    {"run", "x", "--agent", "command"},
                                                    {"run", "x", "--agent", "claude", "--", "ls"},
                                                    {"run", "x", "--"},
                                                    {"run", "x", "--repo", ".", "--project", "p"},
                                                    {"run", "x", "--prompt-file", "f"},
                                                    {"run", "x", "--permissions", "all"},
                                                    {"run", "x", "--record", "a", "--replay", "b"},
                                                    {"runs"},
                                                    {"runs", "show"},
                                                    {"runs", "list", "--limit", "many"},
                                                    {"runs", "list", "--limit", "0"},
                                                    {"runs", "list", "--status", "odd"},
                                                    {"runs", "bogus"},
                                                    {"serve", "--listen", "nonsense"},
                                                    {"serve", "--listen", "1.2.3.4:99999"},
                                                    {"serve", "--listen", "host:80"},
                                                    {"serve", "--sandbox", "maybe"},
                                                    {"serve", "--max-runs", "0"},
                                                    {"serve", "--keep-logs", "-1"},
                                                    {"serve", "--logs-quota", "much"},
                                                    {"session", "search", "last"},
                                                    {"serve", "--", "ls"},
                                                    {"serve", "--log-level", "loud"},
                                                    {"agent", "install"},
                                                    {"agent", "install", "x"},
                                                    {"completion", "tcsh"},
                                                    {"workflow", "validate"},
                                                    {"project", "add", "x"},
                                                    {"--color", "pink", "version"}};
  for (const auto& words : wrong) {
    const auto parsed = parse(words);
    EXPECT_FALSE(parsed.arguments) << ::testing::PrintToString(words);
    EXPECT_EQ(parsed.exit_code, kUsage) << ::testing::PrintToString(words);
    EXPECT_THAT(parsed.err, ::testing::HasSubstr("--help'")) << ::testing::PrintToString(words);
    EXPECT_EQ(parsed.out, "");
  }
}

TEST(Arguments, TakesCommonOptionsAnywhere) {
  for (const auto& words :
       {std::vector<std::string>{"--json", "--server", "http://h:1", "runs", "list"},
        {"runs", "--json", "list", "--server", "http://h:1"},
        {"runs", "list", "--server=http://h:1", "--json"}}) {
    const auto args = good(words);
    EXPECT_EQ(args.command, "runs list");
    EXPECT_TRUE(args.json);
    EXPECT_EQ(args.server, "http://h:1");
  }
}

TEST(Arguments, ReadsARun) {
  const auto args =
      good({"run", "do it", "--repo", "/x", "--checks", "make test", "--budget", "1.5", "--timeout",
            "60", "--sandbox", "reduced", "--", "prog", "--flag", "--", "x"});
  EXPECT_EQ(args.prompt, "do it");
  EXPECT_EQ(args.program, (std::vector<std::string>{"prog", "--flag", "--", "x"}));
  EXPECT_EQ(args.budget_usd, 1.5);
  EXPECT_EQ(args.timeout_s, 60);
  EXPECT_EQ(args.serve.sandbox, "reduced");
  EXPECT_TRUE(args.serve_given);
  EXPECT_FALSE(good({"run", "x"}).serve_given);
  EXPECT_EQ(good({"run", "--", "make"}).prompt, "");
}

TEST(Arguments, ReadsWhereToListen) {
  const auto listen = [](const std::string& text) {
    const auto serve = good({"serve", "--listen", text}).serve;
    return serve.address + " " + std::to_string(serve.port);
  };
  EXPECT_EQ(listen("127.0.0.1:0"), "127.0.0.1 0");
  EXPECT_EQ(listen("0.0.0.0:80"), "0.0.0.0 80");
  EXPECT_EQ(listen("[::1]:8420"), "::1 8420");
  EXPECT_EQ(listen("localhost:9"), "127.0.0.1 9");
  EXPECT_EQ(listen("9000"), "127.0.0.1 9000");
  const auto serve = good({"serve"}).serve;
  EXPECT_EQ(serve.port, 8420);
  EXPECT_TRUE(serve.data.is_absolute());
}

TEST(Arguments, AStoreIsForTheServerThatStarts) {
  EXPECT_EQ(good({"serve"}).serve.store, "");
  EXPECT_EQ(good({"serve", "--store", "postgres://h/d"}).serve.store, "postgres://h/d");
  EXPECT_TRUE(good({"run", "x", "--store", "postgres://h/d"}).serve_given);
}

TEST(Arguments, HostsAreAllowedOneByOne) {
  EXPECT_TRUE(good({"serve"}).serve.http_allow.empty());
  EXPECT_EQ(good({"serve", "--http-allow", "a:80", "--http-allow", "b"}).serve.http_allow,
            (std::vector<std::string>{"a:80", "b"}));
  EXPECT_TRUE(good({"run", "x", "--http-allow", "a"}).serve_given);
}

TEST(Arguments, ReadsHowLongLogsAreKept) {
  const auto usual = good({"serve"}).serve;
  EXPECT_EQ(usual.keep_logs_days, 0u);
  EXPECT_EQ(usual.logs_quota_bytes, 0u);
  EXPECT_EQ(usual.session_log_bytes, 10ull << 30);
  const auto serve =
      good({"serve", "--keep-logs", "90", "--logs-quota", "50GB", "--session-log-limit", "0"})
          .serve;
  EXPECT_EQ(serve.keep_logs_days, 90u);
  EXPECT_EQ(serve.logs_quota_bytes, 50ull << 30);
  EXPECT_EQ(serve.session_log_bytes, 0u);
}

TEST(Arguments, ReadsASearch) {
  const auto args = good({"session", "search", "last", "two words", "-i", "--limit", "3"});
  EXPECT_EQ(args.session, "last");
  EXPECT_EQ(args.text, "two words");
  EXPECT_TRUE(args.ignore_case);
  EXPECT_EQ(args.limit, 3u);
}

TEST(Arguments, HelpAndVersionAreAnswers) {
  for (const auto& words : {std::vector<std::string>{"--help"},
                            {"run", "--help"},
                            {"runs", "list", "-h"},
                            {"--version"}}) {
    const auto parsed = parse(words);
    EXPECT_EQ(parsed.exit_code, kOk);
    EXPECT_NE(parsed.out, "");
  }
  EXPECT_THAT(parse({"runs", "list", "--help"}).out,
              ::testing::HasSubstr("Usage: corral runs list"));
  EXPECT_THAT(parse({"--help"}).out, ::testing::HasSubstr("Exit codes: 0 ok"));
}

TEST(Tree, EveryCommandIsReachable) {
  int commands = 0;
  for_each_command(command_tree(), "", [&](const std::string& path, const CommandInfo& command) {
    EXPECT_NE(command.help, "") << path;
    for (const auto& option : command.options)
      EXPECT_NE(option.help, "") << path << " " << option.names.front();
    ++commands;
  });
  EXPECT_GT(commands, 25);
}

TEST(Documentation, NamesEveryCommandAndOption) {
  const auto docs =
      read_file(std::filesystem::path(__FILE__).parent_path() / "../../../docs/cli.md").value();
  for_each_command(command_tree(), "",
                   [&docs](const std::string& path, const CommandInfo& command) {
                     if (command.commands.empty())
                       EXPECT_TRUE(docs.contains("corral " + path)) << path;
                     for (const auto& option : command.options)
                       if (option.names.front() != "--help")
                         EXPECT_TRUE(docs.contains("`" + option.names.front()))
                             << path << " " << option.names.front();
                   });
}

// ---- completion ----

TEST(Completion, NamesEveryCommandAndOptionInEveryShell) {
  const auto tree = command_tree();
  for (const std::string shell : {"bash", "zsh", "fish"}) {
    const auto script = completion_script(tree, shell).value();
    for_each_command(tree, "", [&](const std::string& path, const CommandInfo& command) {
      auto name_of_path = path;
      if (shell == "zsh") std::ranges::replace(name_of_path, ' ', '_');
      if (!path.empty()) EXPECT_TRUE(script.contains(name_of_path)) << shell << ": " << path;
      for (const auto& option : command.options)
        for (const auto& name : option.names)
          EXPECT_TRUE(script.contains(shell != "fish"          ? name
                                      : name.starts_with("--") ? "-l " + name.substr(2)
                                                               : "-s " + name.substr(1)))
              << shell << ": " << path << " " << name;
    });
  }
  EXPECT_FALSE(completion_script(tree, "tcsh"));
}

class CompletionInBash : public CliFixture {
 protected:
  // What bash would offer for the words typed so far, the last one unfinished.
  std::string offered(const std::string& words) {
    write(folder_ / "completion", completion_script(command_tree(), "bash").value());
    write(folder_ / "try.sh", "source " + (folder_ / "completion").string() + "\nCOMP_WORDS=(" +
                                  words +
                                  ")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_corral\nprintf "
                                  "'%s\\n' \"${COMPREPLY[@]}\"\n");
    asio::io_context context;
    std::string out;
    asio::co_spawn(context,
                   run_command({.argv = {"bash", "--norc", (folder_ / "try.sh").string()},
                                .env = inherited_env(),
                                .cwd = folder_.string()}),
                   [&out](std::exception_ptr, Result<CommandResult> result) {
                     if (result) out = result->output + result->errors;
                   });
    context.run();
    return out;
  }
};

TEST_F(CompletionInBash, OffersWhatFits) {
  using ::testing::HasSubstr;
  using ::testing::Not;
  EXPECT_THAT(offered("corral ru"), ::testing::StrEq("run\nruns\n"));
  EXPECT_THAT(offered("corral runs c"), ::testing::StrEq("cancel\n"));
  EXPECT_THAT(offered("corral runs list --st"), ::testing::StrEq("--status\n"));
  EXPECT_THAT(offered("corral runs list --status f"), ::testing::StrEq("failed\n"));
  EXPECT_THAT(offered("corral --json runs logs --f"), ::testing::StrEq("--follow\n--from\n"));
  EXPECT_THAT(offered("corral run --permissions ''"), ::testing::StrEq("workspace\nask\n"));
  EXPECT_THAT(offered("corral completion ''"), ::testing::StrEq("bash\nzsh\nfish\n"));
  EXPECT_THAT(offered("corral run x --se"), ::testing::StrEq("--server\n"));
  EXPECT_THAT(offered("corral run --prompt-file comp"), ::testing::StrEq("completion\n"));
}

}  // namespace
}  // namespace corral::edge::cli
