// What a run is asked for, from the command line's words.
#include "edge/cli/run_request.h"

#include <algorithm>

#include <unistd.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "base/files.h"
#include "base/subprocess.h"
#include "edge/cli/http_client.h"
#include "edge/cli/screen.h"
#include "edge/cli/workflow_source.h"

namespace corral::edge::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxPromptBytes = 16u << 20;

Result<std::string> prompt_of(const Arguments& args) {
  std::string prompt = args.prompt;
  if (args.prompt_file == "-") {
    CORRAL_TRY(prompt, read_stdin(kMaxPromptBytes));
  } else if (!args.prompt_file.empty()) {
    auto text = read_file(args.prompt_file, kMaxPromptBytes + 1);
    if (!text && text.error().code == ErrorCode::exhausted)
      return fail(ErrorCode::invalid,
                  "the prompt in {} is larger than 16 MiB; put the bulk of it into a file of the "
                  "repository",
                  args.prompt_file);
    if (!text) return fail(ErrorCode::invalid, "cannot read the prompt: {}", text.error().message);
    prompt = std::move(*text);
  }
  if (prompt.empty() && args.command == "run")
    for (const auto& word : args.program) prompt += (prompt.empty() ? "" : " ") + word;
  if (prompt.size() > kMaxPromptBytes)
    return fail(
        ErrorCode::invalid,
        "the prompt is larger than 16 MiB; put the bulk of it into a file of the repository");
  const bool wanted =
      !args.prompt_file.empty() || (args.command == "run" && args.definition.empty() &&
                                    (args.workflow.empty() || args.workflow == "task"));
  if (wanted && std::ranges::all_of(prompt, [](unsigned char c) { return c <= ' '; }))
    return fail(ErrorCode::invalid, "the prompt is empty; say what the agent is to do");
  if (!is_utf8(prompt))
    return fail(ErrorCode::invalid,
                "the prompt is not UTF-8 text; convert it first (iconv -t UTF-8)");
  return prompt;
}

bool is_repository(const fs::path& folder) {
  std::error_code ignored;
  return fs::exists(folder / ".git", ignored) ||
         (fs::exists(folder / "HEAD", ignored) && fs::is_directory(folder / "objects", ignored) &&
          fs::is_directory(folder / "refs", ignored));
}

Result<Repository> find_repository(const Arguments& args) {
  const auto given = args.repository.empty() ? std::string(".") : args.repository;
  if (given.contains("://") && !given.starts_with("file://")) return Repository{given, {}};
  const fs::path path = given.starts_with("file://") ? given.substr(7) : given;
  std::error_code error;
  const auto status = fs::status(path, error);
  const auto colon = given.find(':');
  if (!fs::exists(status) && colon != std::string::npos && given.substr(0, colon).contains('@') &&
      !given.substr(0, colon).contains('/'))
    return Repository{given, {}};
  if (error && error != std::errc::no_such_file_or_directory)
    return std::unexpected(
        errno_error(error.value(), "cannot look at the repository " + path.string()));
  if (!fs::exists(status))
    return fail(ErrorCode::not_found,
                "there is no folder '{}'; give --repo a repository's folder or URL",
                printable(path.string()));
  const auto absolute = fs::canonical(path, error);
  if (error)
    return std::unexpected(
        errno_error(error.value(), "cannot look at the repository " + path.string()));
  for (auto at = absolute;; at = at.parent_path()) {
    if (is_repository(at)) return Repository{at.string(), at.string()};
    if (at == at.parent_path()) break;
  }
  return fail(
      ErrorCode::invalid, "'{}' is not in a git repository; {}", printable(absolute.string()),
      args.repository.empty()
          ? "go into one, or name one with --repo PATH|URL"
          : "run 'git init' there and make a first commit, or give another folder or a URL");
}

std::string git_setting(const std::string& folder, const std::string& name) {
  CommandSpec spec{
      .argv = {"git"}, .env = inherited_env(), .cwd = "/", .timeout = std::chrono::seconds(5)};
  if (!folder.empty()) spec.argv.insert(spec.argv.end(), {"-C", folder});
  spec.argv.insert(spec.argv.end(), {"config", "--get", name});
  asio::io_context context;
  std::string value;
  asio::co_spawn(context, run_command(std::move(spec)),
                 [&value](std::exception_ptr thrown, Result<CommandResult> result) {
                   if (!thrown && result && result->exit_code == 0)
                     value = std::move(result->output);
                 });
  context.run();
  while (value.ends_with('\n')) value.pop_back();
  // git does not look into a repository of another user: what the person has set for all then
  // counts.
  return value.empty() && !folder.empty() ? git_setting({}, name) : value;
}

Result<json::value> author_of(const Arguments& args, const std::string& folder) {
  std::string name, email;
  if (!args.author.empty()) {
    const auto open = args.author.find('<'), close = args.author.rfind('>');
    if (open == std::string::npos || close == std::string::npos || close < open)
      return fail(ErrorCode::invalid, "--author: '{}' is not of the form 'NAME <EMAIL>'",
                  args.author);
    name = args.author.substr(0, open);
    email = args.author.substr(open + 1, close - open - 1);
    while (name.ends_with(' ')) name.pop_back();
    if (name.empty() || email.empty())
      return fail(ErrorCode::invalid, "--author: '{}' lacks a name or an email", args.author);
  } else {
    name = git_setting(folder, "user.name");
    email = git_setting(folder, "user.email");
  }
  if (name.empty() || email.empty() || !is_utf8(name) || !is_utf8(email))
    return json::value(nullptr);
  return json::value(json::object{{"name", name}, {"email", email}});
}

}  // namespace

Result<Repository> repository_of(const Arguments& args) {
  if (!args.project.empty()) return Repository{};
  return find_repository(args);
}

Result<json::value> run_request(const Arguments& args, const Repository& repository,
                                const AskServer& ask) {
  CORRAL_TRY(const auto prompt, prompt_of(args));
  json::object request;
  if (!prompt.empty()) request["prompt"] = prompt;
  if (args.project.empty())
    request["git_url"] = repository.url;
  else
    request["project"] = args.project;
  if (!args.agent.empty() || args.command == "run" || !args.program.empty())
    request["agent"] = !args.agent.empty()    ? args.agent
                       : args.program.empty() ? "claude"
                                              : "command";
  if (!args.program.empty())
    request["command"] = json::array(args.program.begin(), args.program.end());
  for (const auto& [name, value] :
       {std::pair<const char*, const std::string*>{"checks", &args.checks},
        {"model", &args.model},
        {"base", &args.base},
        {"permissions", &args.permissions},
        {"not_before", &args.not_before},
        {"cron", &args.cron},
        {"timezone", &args.timezone}})
    if (!value->empty()) request[name] = *value;
  if (!args.not_before.empty() && !time_from_rfc3339(args.not_before))
    return fail(ErrorCode::invalid, "--not-before: '{}' is no time as in 2026-11-21T03:00:00Z",
                args.not_before);
  const bool by_file = !args.definition.empty() || is_workflow_file(args.name);
  const auto& name = args.name.empty() ? args.workflow : args.name;
  json::object inputs;
  if (by_file) {
    CORRAL_TRY(const auto source,
               read_workflow(args.definition.empty() ? args.name : args.definition));
    // Problems then name the file and cost no server.
    CORRAL_TRY(inputs, inputs_of(args.inputs, source.workflow));
    request["definition"] = source.text;
  } else if (!name.empty()) {
    request["workflow"] = name;
  }
  if (!by_file && !args.inputs.empty()) {
    CORRAL_TRY(const auto kept,
               ask("/api/v1/workflows/" + percent_encode(name.empty() ? "task" : name)));
    CORRAL_TRY(const auto source, parse_source(find_string(kept, {"source"}), name));
    CORRAL_TRY(inputs, inputs_of(args.inputs, source.workflow));
  }
  if (!inputs.empty()) request["inputs"] = std::move(inputs);
  if (args.budget_usd) request["budget_usd"] = *args.budget_usd;
  if (args.timeout_s) request["timeout_s"] = *args.timeout_s;
  if (args.priority != 0) request["priority"] = args.priority;
  CORRAL_TRY(auto author, author_of(args, repository.folder));
  if (!author.is_null()) request["author"] = std::move(author);
  return json::value(std::move(request));
}

}  // namespace corral::edge::cli
