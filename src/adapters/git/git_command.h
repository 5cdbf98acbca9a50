// The one place where Corral starts git outside a sandbox: its whole environment and configuration.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/subprocess.h"
#include "base/task.h"

namespace corral::adapters::git {

using Config = std::vector<std::pair<std::string, std::string>>;

struct GitCall {
  std::filesystem::path repository;    // --git-dir; empty: none
  std::vector<std::string> arguments;  // after the options
  std::string input = {};
  Config config = {};  // by environment, so that no other user of the machine sees it
  std::chrono::milliseconds timeout{60'000};
  std::size_t max_output_bytes = 64u << 20;
};

// Knows Corral's own git configuration file, which stands in for the person's and the system's:
// hooks off, no housekeeping by itself, no transport helpers. Immutable after make(); used from any
// coroutine.
class Git {
 public:
  // Writes the configuration file into `folder`.
  static Result<Git> make(std::filesystem::path folder, std::string askpass,
                          std::map<std::string, std::string> extra_env,
                          std::uint64_t max_push_bytes);

  // A non-zero exit is a result. Cancelling kills git and what it started.
  Task<Result<CommandResult>> run(GitCall call) const;
  // A non-zero exit is an error: `doing` ("cannot read /x") and git's own words, with the code that
  // these suggest.
  Task<Result<std::string>> checked(GitCall call, std::string doing) const;

  // The whole environment of a git process.
  std::map<std::string, std::string> environment(const Config& config) const;
  // "git" and the options that go before its sub-command.
  std::vector<std::string> command(const std::filesystem::path& repository) const;

 private:
  Git(std::filesystem::path config_file, std::string askpass,
      std::map<std::string, std::string> extra_env)
      : config_file_(std::move(config_file)),
        askpass_(std::move(askpass)),
        extra_env_(std::move(extra_env)) {}
  std::filesystem::path config_file_;
  std::string askpass_;
  std::map<std::string, std::string> extra_env_;
};

// The person's own settings for reaching remotes (credential helpers, URL rewrites, proxies and
// certificates), from their and the system's git configuration: for fetches over the network only,
// where nothing of a repository's own is read.
Task<Config> network_settings(const Git& git);

// What a git process that failed meant, from what it wrote on stderr (in the C locale).
Error git_error(const CommandResult& result, std::string_view doing);

}  // namespace corral::adapters::git
