// What was asked for on the command line, parsed, and the tree of commands that it is parsed by.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "edge/cli/cli.h"

namespace corral::edge::cli {

struct Arguments {
  std::string command;  // "runs list"

  // of every command
  bool json = false;
  std::string server;  // URL
  std::filesystem::path data, token_file;
  std::string colour = "auto";
  std::string log_level, log_format = "automatic";

  ServeOptions serve;        // `data` included; for `run` the embedded server's
  bool serve_given = false;  // an option that only a starting server can heed was given

  // run
  std::string prompt, prompt_file;
  std::string repository, project;
  std::string agent, checks, model, base, permissions, workflow, definition, author;
  std::optional<double> budget_usd;
  std::optional<std::int64_t> timeout_s;
  int priority = 0;
  std::vector<std::string> program;  // after "--"
  bool detach = false;

  // runs, project, agent, workflow, schedule, queue, completion
  std::string run, artifact, name, url, group, message, status, shell;
  std::string step, choice;                   // runs retry, fork; approve
  std::optional<std::uint64_t> at;            // runs show
  std::string format = "text";                // workflow graph
  std::vector<std::string> inputs;            // NAME=VALUE
  std::string not_before;                     // RFC 3339
  std::string cron, timezone;                 // schedule create
  std::string state, kind;                    // queue jobs
  std::uint64_t job = 0;                      // queue retry, discard
  std::string session, share, role, expires;  // session …, attach, share
  std::string text;                           // session search
  bool ignore_case = false;
  int columns = 80, rows = 24;
  std::optional<std::int64_t> idle_s;
  bool view = false, keep_size = false, resume = false;
  std::string path;  // files …: in the workspace
  std::filesystem::path output;
  std::vector<std::string> files;
  std::uint32_t limit = 20;
  bool check_only = false;  // store rebuild
  bool follow = false, all = false, stat = false, wait = false;
  std::uint64_t from = 0;
};

// Either arguments, or what to print and the exit code: help, or what is wrong and how to see the
// help.
struct Parsed {
  std::optional<Arguments> arguments;
  int exit_code = kOk;
  std::string out, err;
};
Parsed parse_arguments(std::vector<std::string> words, std::string_view version);

// The commands as data, for completion scripts and for the tests of the documentation.
struct OptionInfo {
  std::vector<std::string> names;  // "--json", "-f"
  std::string help;
  bool takes_value = false;
  enum class Value { none, text, file, folder, choice } value = Value::none;
  std::vector<std::string> choices;
};
struct CommandInfo {
  std::string name, help;
  std::vector<OptionInfo> options;
  std::vector<OptionInfo> positionals;  // names holds the one name
  std::vector<CommandInfo> commands;
};
CommandInfo command_tree();

}  // namespace corral::edge::cli
