// corral run
#include <algorithm>

#include <unistd.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "base/files.h"
#include "base/random.h"
#include "base/subprocess.h"
#include "edge/cli/follow.h"
#include "edge/cli/render.h"
#include "edge/cli/session.h"
#include "engine/workflow_yaml.h"

namespace corral::edge::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxPromptBytes = 16u << 20;

Result<std::string> read_stdin(std::size_t max_bytes) {
  std::string text;
  char buffer[64 * 1024];
  for (;;) {
    const auto got = ::read(STDIN_FILENO, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(errno_error(errno, "cannot read stdin"));
    if (got == 0) return text;
    text.append(buffer, static_cast<std::size_t>(got));
    if (text.size() > max_bytes) return text;
  }
}

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
  if (prompt.empty() && !args.program.empty())
    for (const auto& word : args.program) prompt += (prompt.empty() ? "" : " ") + word;
  if (prompt.size() > kMaxPromptBytes)
    return fail(
        ErrorCode::invalid,
        "the prompt is larger than 16 MiB; put the bulk of it into a file of the repository");
  if (std::ranges::all_of(prompt, [](unsigned char c) { return c <= ' '; }))
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

struct Repository {
  std::string url;     // for the API
  std::string folder;  // the same when it is one of this machine, else empty
};

// A URL as it is; a folder as the absolute path of the repository that it is in.
Result<Repository> repository_of(const Arguments& args) {
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

Result<json::value> request_of(const Arguments& args, const Repository& repository) {
  CORRAL_TRY(auto prompt, prompt_of(args));
  json::object request{{"prompt", std::move(prompt)}};
  if (args.project.empty())
    request["git_url"] = repository.url;
  else
    request["project"] = args.project;
  request["agent"] = !args.agent.empty() ? args.agent : args.program.empty() ? "claude" : "command";
  if (!args.program.empty())
    request["command"] = json::array(args.program.begin(), args.program.end());
  for (const auto& [name, value] :
       {std::pair<const char*, const std::string*>{"checks", &args.checks},
        {"model", &args.model},
        {"base", &args.base},
        {"permissions", &args.permissions},
        {"workflow", &args.workflow}})
    if (!value->empty()) request[name] = *value;
  if (!args.definition.empty()) {
    auto yaml = read_file(args.definition, engine::kMaxDefinitionBytes);
    if (!yaml)
      return fail(ErrorCode::invalid, "cannot read the workflow: {}", yaml.error().message);
    // Problems then name the file and cost no server.
    CORRAL_CHECK(engine::parse_workflow(*yaml, args.definition));
    request["definition"] = std::move(*yaml);
  }
  if (args.budget_usd) request["budget_usd"] = *args.budget_usd;
  if (args.timeout_s) request["timeout_s"] = *args.timeout_s;
  if (args.priority != 0) request["priority"] = args.priority;
  CORRAL_TRY(auto author, author_of(args, repository.folder));
  if (!author.is_null()) request["author"] = std::move(author);
  return json::value(std::move(request));
}

void introduce(Session& session, HttpClient& client, const json::value& run) {
  const auto id = std::string(find_string(run, {"id"}));
  if (const auto info = client.get_json("/api/v1/info"); info)
    if (const auto* warnings = find(*info, {"warnings"});
        warnings != nullptr && warnings->is_array())
      for (const auto& warning : warnings->get_array())
        if (warning.is_string())
          session.note(session.error_screen().paint(Style::yellow, "warning:") + " " +
                       printable(warning.get_string()));
  session.print(fmt::format(
      "{} on {} with {}  {}\n", session.screen().paint(Style::bold, "run " + short_id(id)),
      printable(find_string(run, {"project", "name"})), printable(find_string(run, {"agent"})),
      session.screen().paint(Style::dim, client.endpoint().url + "/runs/" + id)));
}

}  // namespace

int run_command_line(Session& session) {
  const auto& args = session.args();
  Repository repository;
  if (args.project.empty()) {
    auto found = repository_of(args);
    if (!found) return session.report(found.error());
    repository = std::move(*found);
  }
  const auto request = request_of(args, repository);
  if (!request) return session.report(request.error());
  const auto client = session.server(Session::Need::work);
  if (!client) return session.report(client.error());
  if (args.detach && session.embedded())
    return session.report({ErrorCode::invalid,
                           "--detach needs a server that goes on: start one with 'corral serve', "
                           "or leave out --detach",
                           nullptr});
  const auto key = "Idempotency-Key: " + SystemRandom::instance().hex(16);
  auto run = (*client)->post_json("/api/v1/runs", *request, {key});
  // The same key: a server that took the run and whose answer was lost gives the same one.
  if (!run && run.error().code == ErrorCode::unavailable)
    run = HttpClient(session.endpoint()).post_json("/api/v1/runs", *request, {key});
  if (!run) return session.report(run.error());
  const std::string id(find_string(*run, {"id"}));
  if (args.detach) {
    if (args.json)
      session.print_json(*run);
    else
      session.print(id + "\n");
    return kOk;
  }
  if (!args.json) introduce(session, **client, *run);
  const bool person = ::isatty(STDIN_FILENO) == 1 && session.error_screen().terminal &&
                      !args.json && args.prompt_file != "-";
  const auto end = follow_run(session, id,
                              {.log = !args.json,
                               .from = 0,
                               .interrupt = FollowOptions::Interrupt::cancels,
                               .ask = person});
  if (!end) return session.report(end.error());
  if (args.json)
    session.print_json(*end);
  else
    session.print(render_result(session.screen(), *end, repository.folder));
  return find_string(*end, {"status"}) == "completed" ? kOk : kFailed;
}

}  // namespace corral::edge::cli
