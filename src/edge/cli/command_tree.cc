// The only file that sees CLI11.
#include <algorithm>
#include <map>
#include <memory>

#include <CLI/CLI.hpp>

#include "edge/cli/arguments.h"
#include "edge/cli/check_arguments.h"
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
    to->add_option("--http-allow", serve.http_allow,
                   "Let `http` steps of workflows call this host although it is on this machine or "
                   "in a private network; may be repeated; also CORRAL_HTTP_ALLOW")
        ->type_name("HOST[:PORT]")
        ->allow_extra_args(false)
        ->check(CLI::Validator(given, ""));
    to->add_option("--store", serve.store,
                   "Events and queue in this PostgreSQL database (postgres://USER@HOST/DATABASE) "
                   "instead of the "
                   "data folder; also CORRAL_STORE, which is where a URL with a password belongs")
        ->type_name("URL")
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
    serve
        ->add_option("--keep-logs", arguments.serve.keep_logs_days,
                     "Days that logs are kept after the end of their run or session; 0: for ever")
        ->type_name("DAYS")
        ->check(CLI::Range(0u, 36500u))
        ->capture_default_str();
    serve
        ->add_option("--logs-quota", arguments.serve.logs_quota_bytes,
                     "What all logs may take on the disk, as 50GB: the oldest of what has ended "
                     "go first; 0: no limit")
        ->type_name("SIZE")
        ->transform(CLI::AsSizeValue(false));
    serve
        ->add_option(
            "--session-log-limit", arguments.serve.session_log_bytes,
            "What a session may print, as 10GB: one that prints more is ended; 0: no limit")
        ->type_name("SIZE")
        ->transform(CLI::AsSizeValue(false));
    serve
        ->add_option("--lease", arguments.serve.lease_s,
                     "Seconds that this server may be away before another on the same store takes "
                     "its runs over")
        ->type_name("SECONDS")
        ->check(CLI::Range(2u, 3600u))
        ->capture_default_str();
  }
  CLI::Option* prompt_file(CLI::App* to) {
    return file(to->add_option("--prompt-file", arguments.prompt_file,
                               "Read the prompt from a file, or from stdin with '-'")
                    ->type_name("FILE"));
  }
  // What a run is asked for, besides its workflow and its prompt.
  void request_options(CLI::App* to) {
    auto& a = arguments;
    auto* repo = folder(to->add_option("--repo", a.repository,
                                       "Repository: a folder or a URL; default: the one you are in")
                            ->type_name("PATH|URL"));
    to->add_option("--project", a.project, "A project's name or id, instead of --repo")
        ->excludes(repo);
    choices(to->add_option("--agent", a.agent,
                           "Who works; default: claude, or command when a program is given"),
            {"claude", "codex", "gemini", "opencode", "command"});
    to->add_option("--checks", a.checks,
                   "Shell command run in the workspace after the agent; the run fails when it does")
        ->type_name("CMD");
    to->add_option("--model", a.model, "The agent's model");
    to->add_option("--base", a.base, "Branch to start from; default: the repository's default")
        ->type_name("BRANCH");
    choices(to->add_option("--permissions", a.permissions,
                           "Tool calls inside the workspace: allowed, or asked for one by one"),
            {"workspace", "ask"});
    to->add_option("--budget", a.budget_usd, "Stop when the model has cost this much")
        ->type_name("USD")
        ->check(CLI::PositiveNumber);
    to->add_option("--timeout", a.timeout_s, "Time limit in seconds")
        ->type_name("SECONDS")
        ->check(CLI::PositiveNumber);
    to->add_option("--priority", a.priority, "Higher goes first")->check(CLI::Range(-1000, 1000));
    to->add_option("--author", a.author,
                   "Author of the commits; default: git's user.name and user.email")
        ->type_name("'NAME <EMAIL>'");
    to->add_option("--input", a.inputs, "A value that the workflow asks for; may be repeated")
        ->type_name("NAME=VALUE")
        ->allow_extra_args(false);
  }
  void add_run() {
    auto* run = command(&app, "run",
                        "Let an agent work on a repository, and follow it. A program of your own: "
                        "corral run [PROMPT] -- CMD ARG…");
    auto& a = arguments;
    auto* prompt = run->add_option("prompt", a.prompt, "What the agent is to do");
    prompt_file(run)->excludes(prompt);
    request_options(run);
    auto* workflow = run->add_option("--workflow", a.workflow,
                                     "A workflow by name, or name@version (default: task)");
    file(run->add_option("--workflow-file", a.definition, "A workflow of your own, YAML")
             ->type_name("FILE"))
        ->excludes(workflow);
    run->add_option("--not-before", a.not_before, "Start then, not before")->type_name("TIME");
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
    auto* show = command(runs, "show", "One run: steps, result, cost, open questions");
    run_argument(show);
    show->add_option("--at", a.at, "As it was after so many events (see 'corral runs events')")
        ->type_name("N")
        ->check(CLI::PositiveNumber);
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
    retry
        ->add_option("--from", a.step,
                     "Do this step and all that needs it again, although it went well")
        ->type_name("STEP");
    retry->add_flag("-f,--follow", a.follow, "Follow it to its end");
    auto* pause = command(runs, "pause", "Let no further step of a run begin");
    run_argument(pause);
    pause->add_option("--reason", a.message, "Kept with the run");
    run_argument(command(runs, "resume", "Let a paused run go on"));
    for (const auto& [name, help] :
         {std::pair{"prompt", "Give the agent at work a further task, for after its turn"},
          std::pair{"interrupt", "Have the agent at work leave off"},
          std::pair{"mode", "Change who decides what the agent at work may do"}}) {
      auto* steer = command(runs, name, help);
      run_argument(steer);
      if (std::string_view(name) == "prompt")
        steer->add_option("text", a.prompt, "What it is to do")->required();
      if (std::string_view(name) == "mode")
        choices(steer
                    ->add_option("permissions", a.permissions,
                                 "workspace allows all inside the sandbox, ask asks you")
                    ->required(),
                {"ask", "workspace"});
      steer->add_option("--step", a.step, "Which, when several agents are at work")
          ->type_name("STEP");
    }
    auto* fork =
        command(runs, "fork", "Start a new run of the same, which keeps results of the old one");
    run_argument(fork);
    fork->add_option("--from", a.step, "The first step that is done anew; all are without")
        ->type_name("STEP");
    fork->add_flag("-f,--follow", a.follow, "Follow the new run to its end");
    auto* wait =
        command(runs, "wait", "Return when the run is over: 0 when it completed, 1 otherwise");
    run_argument(wait);
    for (const auto* name : {"approve", "deny"}) {
      auto* decide = command(
          runs, name,
          std::string_view(name) == "approve" ? "Say yes to what a run waits for" : "Say no to it");
      decide->add_option("run", a.run, "Run (as elsewhere), or the id of one approval")->required();
      decide->add_option("--message", a.message, "Told to the agent, or kept with the step");
      if (std::string_view(name) == "approve")
        decide->add_option("--choice", a.choice, "What is chosen, where there is a choice");
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
  void add_workflows() {
    auto& a = arguments;
    auto* workflow = command(&app, "workflow", "What a run does, as a graph of steps");
    workflow->require_subcommand(1);
    file(command(workflow, "validate", "Check workflow files; problems name line and column")
             ->add_option("files", a.files, "YAML or JSON files, '-' for stdin")
             ->required());
    const auto which = [&](CLI::App* to) {
      file(to->add_option("workflow", a.name, "A file ('-' for stdin), or the name of a workflow")
               ->required());
    };
    auto* graph = command(workflow, "graph", "Show what comes after what");
    which(graph);
    choices(graph->add_option("--format", a.format, "For reading, or for a program that draws"),
            {"text", "mermaid", "dot"});
    auto* run = command(workflow, "run", "Run one and follow it, as 'corral run' does");
    which(run);
    run->add_option("--prompt", a.prompt, "What its agents are to do")->excludes(prompt_file(run));
    request_options(run);
    run->add_option("--not-before", a.not_before, "Start then, not before")->type_name("TIME");
    run->add_flag("--detach,-d", a.detach, "Print the run's id and leave; needs a running server");
    server_options(run);
    command(workflow, "list", "Those that there are: built in, and kept by the server");
    command(workflow, "show", "One of them, as it was written")
        ->add_option("name", a.name, "Its name, or name@version")
        ->required();
    file(command(workflow, "save",
                 "Keep one in the server by its name; each change is a version more")
             ->add_option("file", a.name, "YAML or JSON file, '-' for stdin")
             ->required());
    command(workflow, "delete", "Keep one no longer; runs of it go on")
        ->add_option("name", a.name, "Its name")
        ->required();
    command(workflow, "schema", "Print the JSON Schema of workflows, for editors");

    auto* schedule = command(&app, "schedule", "Runs that the clock starts");
    schedule->require_subcommand(1);
    auto* create = command(schedule, "create", "Start a workflow at its times");
    which(create);
    create
        ->add_option("--cron", a.cron,
                     "When, as five fields or @daily; default: what the workflow says")
        ->type_name("CRON");
    create->add_option("--timezone", a.timezone, "Of the clock, as in Europe/Berlin; default: UTC")
        ->type_name("ZONE");
    create->add_option("--prompt", a.prompt, "What its agents are to do")
        ->excludes(prompt_file(create));
    request_options(create);
    command(schedule, "list", "All schedules");
    for (const auto& [name, help] :
         {std::pair{"show", "One schedule"}, std::pair{"pause", "Start nothing more for now"},
          std::pair{"resume", "Go on from its next time"},
          std::pair{"delete", "Delete it; the runs that it started stay"}})
      command(schedule, name, help)
          ->add_option("schedule", a.name, "Its id, the beginning of one, or its workflow's name")
          ->required();
  }
  void add_queue() {
    auto& a = arguments;
    auto* queue = command(&app, "queue", "What waits to be done, and what could not be");
    queue->require_subcommand(1);
    command(queue, "show", "Counts by state, and how long the oldest waits");
    auto* jobs = command(queue, "jobs", "The jobs, newest first");
    choices(jobs->add_option("--state", a.state, "In one state; failed ones are the dead letters"),
            {"ready", "delayed", "claimed", "completed", "failed"});
    jobs->add_option("--kind", a.kind, "Of one kind");
    jobs->add_option("--project", a.project, "Of one project, by name or id");
    jobs->add_option("--limit", a.limit, "How many")
        ->check(CLI::Range(1u, 100000u))
        ->capture_default_str();
    for (const auto& [name, help] :
         {std::pair{"pause", "Let nothing begin; what is at work goes on"},
          std::pair{"resume", "Let it begin again"},
          std::pair{"drain", "Pause, and return when nothing is at work any more"}})
      command(queue, name, help)->add_option("--project", a.project, "Of one project only");
    for (const auto& [name, help] : {std::pair{"retry", "Try a dead letter again"},
                                     std::pair{"discard", "Forget a dead letter"}})
      command(queue, name, help)->add_option("job", a.job, "Its id")->required();
  }
  void add_sessions() {
    auto& a = arguments;
    const auto which = [&](CLI::App* to) {
      to->add_option("session", a.session, "Session id, the beginning of one, or 'last'")
          ->required();
    };
    auto* session = command(&app, "session", "Terminals that people share and that outlive them");
    session->require_subcommand(1);
    auto* fresh =
        command(session, "new",
                "Open one; prints its id. A program of your own: … -- CMD ARG…; otherwise "
                "a login shell");
    auto* repository = folder(
        fresh->add_option("--repo", a.repository, "A folder or URL (default: the current folder)"));
    auto* project =
        fresh->add_option("--project", a.project, "A project, by name or id")->excludes(repository);
    fresh->add_option("--run", a.run, "In the workspace of this run")
        ->excludes(repository)
        ->excludes(project);
    fresh->add_option("--agent", a.agent,
                      "An agent's own terminal program: claude, codex, gemini, opencode");
    fresh->add_option("--model", a.model, "The agent's model");
    choices(fresh->add_option("--permissions", a.permissions,
                              "What the agent does: just done, the sandbox protects; or asked for "
                              "at the terminal"),
            {"workspace", "ask"});
    fresh->add_flag("--resume", a.resume,
                    "With --run: the agent goes on with its latest session in that workspace");
    fresh->add_option("--name", a.name, "What people see");
    fresh->add_option("--base", a.base, "The branch to begin from");
    fresh->add_option("--cols", a.columns, "Its width")->check(CLI::Range(2, 1000));
    fresh->add_option("--rows", a.rows, "Its height")->check(CLI::Range(1, 1000));
    fresh->add_option("--idle", a.idle_s, "End it after so many seconds without output and input")
        ->check(CLI::Range(1, 604800));
    fresh->add_option("--limit", a.timeout_s, "End it after so many seconds")
        ->check(CLI::Range(1, 604800));
    auto* list = command(session, "list", "Newest first");
    choices(list->add_option("--status", a.status, "In one state"),
            {"created", "running", "ended"});
    list->add_option("--run", a.run, "In one run's workspaces");
    list->add_option("--limit", a.limit, "How many")
        ->check(CLI::Range(1u, 100000u))
        ->capture_default_str();
    which(command(session, "show", "One session"));
    auto* stop = command(session, "stop", "End its processes");
    which(stop);
    stop->add_option("--reason", a.message, "Kept with the session");
    auto* rename = command(session, "rename", "Name it");
    which(rename);
    rename->add_option("name", a.name, "Its name from now on")->required();
    auto* log = command(session, "log", "What it printed, byte by byte");
    which(log);
    log->add_option("--from", a.from, "Begin at this byte")->type_name("OFFSET");
    choices(log->add_option("--format", a.format, "Bytes, or an asciicast with its times"),
            {"text", "asciicast"});
    auto* search = command(session, "search", "The lines it printed that hold a text");
    which(search);
    search->add_option("text", a.text, "As it is read on the screen")->required();
    search->add_flag("-i,--ignore-case", a.ignore_case, "a is A, for the letters a to z");
    search->add_option("--limit", a.limit, "How many")
        ->check(CLI::Range(1u, 100000u))
        ->capture_default_str();
    which(command(session, "screen", "What its screen shows now"));
    auto* revoke = command(session, "revoke", "Revoke a link; who came by it is sent away");
    which(revoke);
    revoke->add_option("share", a.share, "The link's id")->required();
    auto* attach = command(&app, "attach", "A session in this terminal; Ctrl-] leaves it");
    which(attach);
    attach->add_flag("--view", a.view, "Look on, type nothing");
    attach->add_flag("--keep-size", a.keep_size, "Leave the session as large as it is");
    auto* share = command(&app, "share", "Make a link that lets somebody into a session");
    which(share);
    share->add_flag("--view", a.view, "To look on only (default: to type as well)");
    share->add_option("--expires", a.expires, "How long it is good: 30m, 1h, 7d (default: 1h)")
        ->type_name("TIME");
  }
  void add_files() {
    auto& a = arguments;
    auto* files = command(&app, "files", "The files in the workspace of a run, while it has one");
    files->require_subcommand(1);
    auto* list = command(files, "list", "What a folder holds");
    run_argument(list);
    list->add_option("path", a.path, "The folder; the whole workspace's top without");
    auto* get = command(files, "get", "Print a file, or keep it");
    run_argument(get);
    get->add_option("path", a.path, "The file")->required();
    file(get->add_option("-o,--output", a.output, "Write it to a file, '-' for stdout")
             ->type_name("FILE"));
    auto* put = command(files, "put", "Put a file there; what has its name is replaced");
    run_argument(put);
    file(put->add_option("file", a.name, "Yours, '-' for stdin")->required());
    put->add_option("path", a.path,
                    "Where; with a slash at its end a folder. Without, its name, at the top");
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
            {"claude", "codex", "gemini", "opencode"});
    auto* doctor = command(&app, "doctor", "Say what works here and what is missing");
    choices(doctor->add_option("--sandbox", a.serve.sandbox, "The isolation that is wanted"),
            {"sandbox", "reduced", "none"});
    auto* store = command(&app, "store", "What is kept: events, and what is read from them");
    store->require_subcommand(1);
    auto* rebuild =
        command(store, "rebuild",
                "Make what lists and pages show again from the events (no server may run)");
    rebuild->add_flag("--check", a.check_only, "Only compare; exit code 1 when something differs");
    rebuild->add_option("--store", a.serve.store, "postgres://… instead of the data folder's own");
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
    add_workflows();
    add_queue();
    add_sessions();
    add_files();
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
  if (const auto problem = check_arguments(tree.arguments, tree.listen); !problem.empty())
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
