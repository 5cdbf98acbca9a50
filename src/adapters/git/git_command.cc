#include "adapters/git/git_command.h"

#include "adapters/git/source.h"
#include "base/files.h"

namespace corral::adapters::git {
namespace {

// safe.directory: Corral decides itself whose repositories it opens (local_repository.h).
// receive.fsck.*: harmless old defects that real histories have; everything else that fsck knows is
// refused.
constexpr std::string_view kConfiguration = R"([safe]
	directory = *
[core]
	hooksPath = /dev/null
	attributesFile = /dev/null
	excludesFile = /dev/null
	fsmonitor = false
	untrackedCache = false
	alternateRefsCommand = true
	fsync = committed,reference
	fsyncMethod = batch
	quotePath = true
	pager = cat
[gc]
	auto = 0
	autoDetach = false
[maintenance]
	auto = false
[advice]
	detachedHead = false
[protocol]
	allow = never
[protocol "file"]
	allow = always
[protocol "git"]
	allow = always
[protocol "ssh"]
	allow = always
[protocol "http"]
	allow = always
[protocol "https"]
	allow = always
[http]
	lowSpeedLimit = 500
	lowSpeedTime = 60
[fetch]
	recurseSubmodules = false
	unpackLimit = 100
[submodule]
	recurse = false
[uploadpack]
	allowFilter = true
	allowAnySHA1InWant = true
[diff]
	renameLimit = 1000
	suppressBlankEmpty = false
[receive]
	autogc = false
	updateServerInfo = false
	denyDeletes = true
	denyNonFastForwards = false
	shallowUpdate = true
	unpackLimit = 100
	fsckObjects = true
[receive "fsck"]
	missingSpaceBeforeEmail = ignore
	missingSpaceBeforeDate = ignore
	missingEmail = ignore
	badEmail = ignore
	badName = ignore
	badTimezone = ignore
	badDate = ignore
	badDateOverflow = ignore
	multipleAuthors = ignore
	zeroPaddedDate = ignore
	zeroPaddedFilemode = ignore
)";

bool has(std::string_view words, std::initializer_list<std::string_view> phrases) {
  for (const auto phrase : phrases)
    if (words.contains(phrase)) return true;
  return false;
}

ErrorCode code_from(std::string_view words) {
  if (has(words, {"No space left on device", "Disk quota exceeded", "Too many open files",
                  "out of memory"}))
    return ErrorCode::exhausted;
  if (has(words, {"mismatched algorithms"})) return ErrorCode::unsupported;
  if (has(words,
          {"Authentication failed", "could not read Username", "could not read Password",
           "Permission denied", "access denied", "returned error: 403", "returned error: 401",
           "Host key verification failed", "Operation not permitted", "insufficient permission"}))
    return ErrorCode::forbidden;
  if (has(words, {"Repository not found", "repository not found", "' not found",
                  "returned error: 404", "does not exist", "does not appear to be a git repository",
                  "No such file or directory", "not a git repository"}))
    return ErrorCode::not_found;
  return ErrorCode::unavailable;
}

// git's words fit for a message: no credentials, no control characters, bounded.
std::string tidy_words(std::string_view words) {
  std::string text = redact_urls(words);
  std::string result;
  bool space = true;
  for (const char c : text) {
    const bool blank = static_cast<unsigned char>(c) <= 0x20 || c == 0x7f;
    if (!blank)
      result += c;
    else if (!space)
      result += ' ';
    space = blank;
  }
  while (result.ends_with(' ')) result.pop_back();
  if (result.size() > 1200) result = "…" + result.substr(result.size() - 1200);
  return result;
}

}  // namespace

Result<Git> Git::make(std::filesystem::path folder, std::string askpass,
                      std::map<std::string, std::string> extra_env, std::uint64_t max_push_bytes) {
  CORRAL_CHECK(make_directories(folder));
  auto file = std::filesystem::absolute(folder) / "gitconfig";
  CORRAL_CHECK(write_file_atomically(
      file, fmt::format("{}[receive]\n\tmaxInputSize = {}\n", kConfiguration, max_push_bytes)));
  return Git(std::move(file), std::move(askpass), std::move(extra_env));
}

std::map<std::string, std::string> Git::environment(const Config& config) const {
  auto env = inherited_env();
  for (const auto& [name, value] : extra_env_) env[name] = value;
  env.erase("LANG");
  env["LC_ALL"] = "C";
  env["GIT_CONFIG_NOSYSTEM"] = "1";
  env["GIT_CONFIG_GLOBAL"] = config_file_.string();
  env["GIT_ATTR_NOSYSTEM"] = "1";
  env["GIT_TERMINAL_PROMPT"] = "0";
  env["GCM_INTERACTIVE"] = "never";
  env["GIT_ASKPASS"] = askpass_;  // empty: git then asks nobody
  env["SSH_ASKPASS"] = "";
  env["GIT_SSH_COMMAND"] =
      "ssh -oBatchMode=yes -oConnectTimeout=20 -oServerAliveInterval=15 -oServerAliveCountMax=4";
  env["GIT_ALLOW_PROTOCOL"] = "file:git:ssh:http:https";
  // A source that is a partial clone must not make git here fetch what it lacks by the source's own
  // configuration.
  env["GIT_NO_LAZY_FETCH"] = "1";
  env["GIT_OPTIONAL_LOCKS"] = "0";
  if (!config.empty()) {
    env["GIT_CONFIG_COUNT"] = std::to_string(config.size());
    for (std::size_t i = 0; i < config.size(); ++i) {
      env["GIT_CONFIG_KEY_" + std::to_string(i)] = config[i].first;
      env["GIT_CONFIG_VALUE_" + std::to_string(i)] = config[i].second;
    }
  }
  return env;
}

std::vector<std::string> Git::command(const std::filesystem::path& repository) const {
  std::vector<std::string> words{"git", "--no-pager"};
  if (!repository.empty()) words.push_back("--git-dir=" + repository.string());
  return words;
}

Task<Result<CommandResult>> Git::run(GitCall call) const {
  CommandSpec spec;
  spec.argv = command(call.repository);
  spec.argv.insert(spec.argv.end(), call.arguments.begin(), call.arguments.end());
  spec.env = environment(call.config);
  spec.cwd = "/";
  spec.input = std::move(call.input);
  spec.max_output_bytes = call.max_output_bytes;
  spec.timeout = call.timeout;
  co_return co_await run_command(std::move(spec));
}

Task<Result<std::string>> Git::checked(GitCall call, std::string doing) const {
  auto result = co_await run(std::move(call));
  if (!result) co_return wrap(std::move(result).error(), doing);
  if (result->exit_code != 0) co_return std::unexpected(git_error(*result, doing));
  co_return std::move(result->output);
}

Task<Config> network_settings(const Git& git) {
  CommandSpec spec{
      .argv =
          {"git", "config", "-z", "--get-regexp",
           R"(^(credential\..*|url\..*\.insteadof|http\.(.*\.)?(proxy|sslcainfo|sslcapath|sslcert|sslkey|cookiefile|extraheader))$)"},
      .env = git.environment({}),
      .cwd = "/",
      .timeout = std::chrono::seconds(10)};
  for (const char* name : {"GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM"}) spec.env.erase(name);
  Config config;
  const auto result = co_await run_command(std::move(spec));
  if (!result || result->exit_code != 0) co_return config;  // none set
  for (std::string_view rest = result->output; !rest.empty();) {
    const auto end = std::min(rest.find('\0'), rest.size());
    const auto entry = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const auto line = entry.find('\n');
    if (line != std::string_view::npos)
      config.emplace_back(entry.substr(0, line), entry.substr(line + 1));
  }
  co_return config;
}

Error git_error(const CommandResult& result, std::string_view doing) {
  auto words = tidy_words(result.errors);
  if (words.empty()) words = fmt::format("git ended with exit code {}", result.exit_code);
  return Error{code_from(result.errors), fmt::format("{}: {}", doing, words), nullptr};
}

}  // namespace corral::adapters::git
