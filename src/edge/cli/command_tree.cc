// The only file that sees CLI11.
#include <algorithm>
#include <map>
#include <memory>

#include <CLI/CLI.hpp>

#include "edge/cli/arguments.h"
#include "edge/cli/discovery.h"

namespace corral::edge::cli {
namespace {

constexpr const char* kFooter = R"(
Every command takes --json (documents as the API gives them), --server URL, --data DIR, --token-file FILE and --color WHEN.
Runs are named by id, by the beginning of an id, or as 'last'.

Exit codes: 0 ok · 1 the run failed or was cancelled, or something broke · 2 wrong command line or input · 3 no server answers
            4 not found · 5 login needed or not allowed · 6 not possible in this state · 130 left by Ctrl-C
More: docs/cli.md)";

// Where an option's value comes from, for completion; CLI11 keeps it as text only.
using Values = std::map<const CLI::Option*, OptionInfo>;

struct Tree {
  CLI::App app{"Runs coding agents on real repositories, isolated, and keeps their work.",
               "corral"};
  Arguments arguments;
  Values values;
  std::string listen = "127.0.0.1:8420";

  CLI::Option* choices(CLI::Option* option, std::vector<std::string> words) {
    option->check(CLI::IsMember(words));
    values[option] = {.names = {},
                      .help = {},
                      .takes_value = true,
                      .value = OptionInfo::Value::choice,
                      .choices = std::move(words)};
    return option;
  }
  CLI::Option* file(CLI::Option* option) {
    values[option].value = OptionInfo::Value::file;
    return option;
  }
  CLI::Option* folder(CLI::Option* option) {
    values[option].value = OptionInfo::Value::folder;
    return option;
  }
  CLI::App* command(CLI::App* parent, const char* name, const char* help) {
    auto* made = parent->add_subcommand(name, help);
    made->fallthrough();
    return made;
  }
  CLI::Option* run_argument(CLI::App* to) {
    return to->add_option("run", arguments.run, "Run id, the beginning of one, or 'last'")
        ->required();
  }

  // Options of a starting server: of `serve`, and of `run` when no server is there.
  void server_options(CLI::App* to) {
    auto& serve = arguments.serve;
    const auto given = [this](const std::string&) {
      arguments.serve_given = true;
      return std::string();
    };
    auto* record = file(to->add_option("--record", serve.record,
                                       "Keep the traffic with the model in this cassette")
                            ->type_name("FILE"))
                       ->check(CLI::Validator(given, ""));
    file(to->add_option("--replay", serve.replay,
                        "Answer the model's side from this cassette: no key, no cost")
             ->type_name("FILE"))
        ->check(CLI::Validator(given, ""))
        ->excludes(record);
    choices(to->add_option("--sandbox", serve.sandbox,
                           "How strongly agents are isolated (docs/sandbox.md)"),
            {"sandbox", "reduced", "none"})
        ->check(CLI::Validator(given, ""));
  }
  void add_common() {
    app.add_flag("--json", arguments.json, "Print documents as the API gives them");
    app.add_option("--server", arguments.server, "The server's URL")
        ->envname("CORRAL_URL")
        ->type_name("URL");
    folder(app.add_option("--data", arguments.data,
                          "Data folder; also finds the server that runs on it")
               ->envname("CORRAL_DATA")
               ->type_name("DIR"));
    file(app.add_option(
                "--token-file", arguments.token_file,
                "File with the login token (of serve: the token to ask for); also CORRAL_TOKEN")
             ->type_name("FILE"));
    choices(app.add_option("--color", arguments.colour, "Colours; NO_COLOR turns them off too"),
            {"auto", "always", "never"});
    choices(app.add_option("--log-level", arguments.log_level, "What the server logs"),
            {"debug", "info", "warning", "error", "off"});
    choices(app.add_option("--log-format", arguments.log_format,
                           "How it logs: text on a terminal, otherwise JSON lines"),
            {"automatic", "json", "text"});
  }
  void add_serve() {
    auto* serve = command(&app, "serve", "Run the server, with the web page, until Ctrl-C");
    serve
        ->add_option("--listen", listen,
                     "Address and port; port 0 picks one. Beyond loopback a token is asked for")
        ->type_name("ADDR:PORT")
        ->capture_default_str();
    server_options(serve);
    serve->add_flag("--require-limits", arguments.serve.require_limits,
                    "Refuse to start where a limit of the sandbox cannot be set");
    serve->add_option("--max-runs", arguments.serve.max_runs, "Runs at work at once")
        ->check(CLI::Range(1u, 1000u))
        ->capture_default_str();
  }
  void add_run() {
    auto* run = command(&app, "run",
                        "Let an agent work on a repository, and follow it. A program of your own: "
                        "corral run [PROMPT] -- CMD ARG…");
    auto& a = arguments;
    auto* prompt = run->add_option("prompt", a.prompt, "What the agent is to do");
    file(run->add_option("--prompt-file", a.prompt_file,
                         "Read the prompt from a file, or from stdin with '-'")
             ->type_name("FILE"))
        ->excludes(prompt);
    auto* repo =
        folder(run->add_option("--repo", a.repository,
                               "Repository: a folder or a URL; default: the one you are in")
                   ->type_name("PATH|URL"));
    run->add_option("--project", a.project, "A project's name or id, instead of --repo")
        ->excludes(repo);
    choices(run->add_option("--agent", a.agent,
                            "Who works; default: claude, or command when a program is given"),
            {"claude", "command"});
    run->add_option(
           "--checks", a.checks,
           "Shell command run in the workspace after the agent; the run fails when it does")
        ->type_name("CMD");
    run->add_option("--model", a.model, "The agent's model");
    run->add_option("--base", a.base, "Branch to start from; default: the repository's default")
        ->type_name("BRANCH");
    choices(run->add_option("--permissions", a.permissions,
                            "Tool calls inside the workspace: allowed, or asked for one by one"),
            {"workspace", "ask"});
    run->add_option("--budget", a.budget_usd, "Stop when the model has cost this much")
        ->type_name("USD")
        ->check(CLI::PositiveNumber);
    run->add_option("--timeout", a.timeout_s, "Time limit in seconds")
        ->type_name("SECONDS")
        ->check(CLI::PositiveNumber);
    run->add_option("--priority", a.priority, "Higher goes first")->check(CLI::Range(-1000, 1000));
    auto* workflow =
        run->add_option("--workflow", a.workflow, "A built-in workflow by name (default: task)");
    file(run->add_option("--workflow-file", a.definition, "A workflow of your own, YAML")
             ->type_name("FILE"))
        ->excludes(workflow);
    run->add_option("--author", a.author,
                    "Author of the commits; default: git's user.name and user.email")
        ->type_name("'NAME <EMAIL>'");
    run->add_flag("--detach,-d", a.detach, "Print the run's id and leave; needs a running server");
    server_options(run);
  }
  void add_runs() {
    auto* runs = command(&app, "runs", "Look at runs and steer them");
    runs->require_subcommand(1);
    auto& a = arguments;
    auto* list = command(runs, "list", "Newest first");
    list->add_option("--project", a.project, "Of one project, by name or id");
    choices(list->add_option("--status", a.status, "In one state"),
            {"pending", "running", "completed", "failed", "cancelled"});
    list->add_option("--limit", a.limit, "How many")
        ->check(CLI::Range(1u, 100000u))
        ->capture_default_str();
    run_argument(command(runs, "show", "One run: steps, result, cost, open questions"));
    auto* logs = command(
        runs, "logs",
        "What the run's steps and the agent printed; with --json the agent's events, one a line");
    run_argument(logs);
    logs->add_flag("-f,--follow", a.follow, "Go on until the run is over");
    logs->add_option("--from", a.from, "Begin at this byte")->type_name("OFFSET");
    auto* diff = command(runs, "diff", "What the run changed");
    run_argument(diff);
    diff->add_flag("--stat", a.stat, "Figures only");
    auto* cancel = command(runs, "cancel", "End a run and all its processes");
    run_argument(cancel);
    cancel->add_option("--reason", a.message, "Kept with the run");
    cancel->add_flag("--wait", a.wait, "Return when it has ended");
    auto* retry = command(runs, "retry", "Let a failed run go on from the step that failed");
    run_argument(retry);
    retry->add_flag("-f,--follow", a.follow, "Follow it to its end");
    auto* wait =
        command(runs, "wait", "Return when the run is over: 0 when it completed, 1 otherwise");
    run_argument(wait);
    for (const auto* name : {"approve", "deny"}) {
      auto* decide =
          command(runs, name,
                  std::string_view(name) == "approve" ? "Allow the tool call that a run waits for"
                                                      : "Deny it");
      decide->add_option("run", a.run, "Run (as elsewhere), or the id of one approval")->required();
      decide->add_option("--message", a.message, "Told to the agent");
      decide->add_flag("--all", a.all, "All open ones of the run");
    }
    auto* artifacts = command(runs, "artifacts", "List what a run kept, or print one of it");
    run_argument(artifacts);
    artifacts->add_option("name", a.artifact, "Which; all are listed without");
    file(artifacts->add_option("-o,--output", a.output, "Write it to a file")->type_name("FILE"));
    auto* events = command(runs, "events", "What happened to a run, as facts");
    run_argument(events);
    events->add_flag("-f,--follow", a.follow, "Go on until the run is over");
    events->add_option("--from", a.from, "Begin at this version")->type_name("VERSION");
  }
  void add_others() {
    auto& a = arguments;
    auto* project = command(&app, "project", "Repositories that runs work on");
    project->require_subcommand(1);
    auto* add = command(project, "add", "Make a project");
    add->add_option("name", a.name, "Its name")->required();
    folder(add->add_option("repository", a.url, "URL, or a folder of the server's machine"))
        ->required();
    add->add_option("--group", a.group, "Group to put it in");
    command(project, "list", "All projects");
    command(project, "show", "One project")->add_option("name", a.name, "Name or id")->required();
    command(project, "remove", "Forget a project and its mirror; its runs stay")
        ->add_option("name", a.name, "Name or id")
        ->required();
    auto* agent = command(&app, "agent", "The agents that can work");
    agent->require_subcommand(1);
    command(agent, "list", "Which there are, installed or not");
    choices(command(agent, "install", "Fetch the pinned version of one")
                ->add_option("name", a.name, "Which")
                ->required(),
            {"claude"});
    auto* workflow = command(&app, "workflow", "What a run does, as steps");
    workflow->require_subcommand(1);
    file(command(workflow, "validate", "Check workflow files; problems name line and column")
             ->add_option("files", a.files, "YAML files, '-' for stdin")
             ->required());
    command(workflow, "list", "The built-in ones");
    command(workflow, "show", "A built-in one, as YAML")
        ->add_option("name", a.name, "Which")
        ->required();
    auto* doctor = command(&app, "doctor", "Say what works here and what is missing");
    choices(doctor->add_option("--sandbox", a.serve.sandbox, "The isolation that is wanted"),
            {"sandbox", "reduced", "none"});
    command(&app, "openapi", "Print the API's description (OpenAPI 3.1)");
    choices(command(&app, "completion", "Print a completion script for a shell")
                ->add_option("shell", a.shell, "Which")
                ->required(),
            {"bash", "zsh", "fish"});
    command(&app, "version", "Print the version");
  }

  Tree() {
    app.require_subcommand(1);
    app.footer(kFooter);
    app.set_help_flag("-h,--help", "Help for a command");
    add_common();
    add_serve();
    add_run();
    add_runs();
    add_others();
  }
};

std::string lower_case(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return text;
}

CommandInfo describe(const CLI::App& app, const Values& values) {
  CommandInfo info{.name = app.get_name(),
                   .help = app.get_description(),
                   .options = {},
                   .positionals = {},
                   .commands = {}};
  for (const auto* option : app.get_options()) {
    OptionInfo each;
    if (const auto at = values.find(option); at != values.end()) each = at->second;
    each.help = option->get_description();
    each.takes_value = option->get_items_expected_max() > 0;
    if (each.takes_value && each.value == OptionInfo::Value::none)
      each.value = OptionInfo::Value::text;
    if (option->get_positional()) {
      each.names = {lower_case(option->get_name(true))};
      info.positionals.push_back(std::move(each));
      continue;
    }
    for (const auto& name : option->get_lnames()) each.names.push_back("--" + name);
    for (const auto& name : option->get_snames()) each.names.push_back("-" + name);
    info.options.push_back(std::move(each));
  }
  for (const auto* sub : app.get_subcommands([](const CLI::App*) { return true; }))
    info.commands.push_back(describe(*sub, values));
  return info;
}

// "ADDR:PORT", "[ADDR]:PORT", "PORT" or ":PORT". False when it is none of them.
bool parse_listen(const std::string& text, ServeOptions& options) {
  const auto colon = text.rfind(':');
  const auto address = colon == std::string::npos ? std::string() : text.substr(0, colon);
  const auto port = colon == std::string::npos ? text : text.substr(colon + 1);
  if (port.empty() || port.size() > 5 ||
      !std::ranges::all_of(port, [](char c) { return c >= '0' && c <= '9'; }) ||
      std::stoi(port) > 65535)
    return false;
  options.port = static_cast<std::uint16_t>(std::stoi(port));
  if (address == "localhost" || address.empty()) return true;
  const bool bracketed = address.front() == '[' && address.back() == ']';
  options.address = bracketed ? address.substr(1, address.size() - 2) : address;
  const bool six = std::ranges::all_of(options.address, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' ||
           c == '.';
  });
  const bool four = std::ranges::count(options.address, '.') == 3 &&
                    std::ranges::all_of(options.address,
                                        [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
  return bracketed ? six && options.address.contains(':') : four;
}

std::string command_path(const CLI::App& app) {
  std::string path;
  for (const auto* at = &app; !at->get_subcommands().empty();) {
    at = at->get_subcommands().front();
    path += (path.empty() ? "" : " ") + at->get_name();
  }
  return path;
}

Parsed usage_error(const std::string& message, const std::string& command) {
  Parsed parsed;
  parsed.exit_code = kUsage;
  parsed.err = "corral: " + message + "\nSee 'corral " + (command.empty() ? "" : command + " ") +
               "--help'.\n";
  return parsed;
}

// What the parser cannot say by itself; the message, or empty.
std::string check(Tree& tree) {
  auto& a = tree.arguments;
  if (a.command == "serve" && !parse_listen(tree.listen, a.serve))
    return "--listen: '" + tree.listen +
           "' is not ADDR:PORT; give an IP address and a port, as in 127.0.0.1:8420";
  if (a.command == "run") {
    if (a.agent == "command" && a.program.empty())
      return "--agent command needs a program: corral run [PROMPT] -- CMD ARG…";
    if (a.agent == "claude" && !a.program.empty())
      return "a program after '--' is run instead of an agent; leave out --agent claude";
    if (a.prompt.empty() && a.prompt_file.empty() && a.program.empty())
      return "no prompt: say what the agent is to do, as in corral run \"Fix the failing test\"";
  } else if (!a.program.empty()) {
    return "'--' is for 'corral run' only";
  }
  return {};
}

}  // namespace

Parsed parse_arguments(std::vector<std::string> words, std::string_view version) {
  Tree tree;
  tree.app.set_version_flag("-V,--version", std::string(version), "Print the version");
  const auto dashes = std::ranges::find(words, "--");
  if (dashes != words.end()) {
    tree.arguments.program.assign(dashes + 1, words.end());
    if (tree.arguments.program.empty()) return usage_error("no program after '--'", "run");
    words.erase(dashes, words.end());
  }
  std::ranges::reverse(words);
  try {
    tree.app.parse(words);
  } catch (const CLI::CallForVersion&) {
    return {.arguments = {},
            .exit_code = kOk,
            .out = "corral " + std::string(version) + "\n",
            .err = {}};
  } catch (const CLI::Success&) {
    const auto* at = &tree.app;
    std::string before;  // "corral runs", for the usage line
    while (!at->get_subcommands().empty()) {
      before += (before.empty() ? "" : " ") + at->get_name();
      at = at->get_subcommands().front();
    }
    return {.arguments = {}, .exit_code = kOk, .out = at->help(before), .err = {}};
  } catch (const CLI::ParseError& error) {
    return usage_error(error.what(), command_path(tree.app));
  }
  tree.arguments.command = command_path(tree.app);
  if (const auto problem = check(tree); !problem.empty())
    return usage_error(problem, tree.arguments.command);
  auto& a = tree.arguments;
  if (a.data.empty()) a.data = default_data_folder();
  a.data = std::filesystem::absolute(a.data).lexically_normal();
  a.serve.data = a.data;
  if (!a.token_file.empty()) a.serve.token_file = a.token_file;
  return {.arguments = std::move(a), .exit_code = kOk, .out = {}, .err = {}};
}

CommandInfo command_tree() {
  const Tree tree;
  return describe(tree.app, tree.values);
}

}  // namespace corral::edge::cli
