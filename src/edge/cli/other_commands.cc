// corral project … · agent … · workflow … · doctor
#include <unistd.h>

#include "base/files.h"
#include "edge/cli/render.h"
#include "edge/cli/session.h"
#include "engine/workflow_yaml.h"

namespace corral::edge::cli {
namespace {

const json::array& items_of(const json::value& page) {
  static const json::array kNone;
  const auto* items = page.is_array() ? &page : find(page, {"items"});
  return items != nullptr && items->is_array() ? items->get_array() : kNone;
}

std::string project_path(const Arguments& args) {
  return "/api/v1/projects/" + percent_encode(args.name);
}

int show_project(Session& session, const json::value& project) {
  if (session.args().json)
    session.print_json(project);
  else
    session.print(render_projects(session.screen(), {project}));
  return kOk;
}

int project_add(Session& session, HttpClient& client) {
  const auto& args = session.args();
  json::object body{{"name", args.name}, {"git_url", args.url}};
  std::error_code error;
  // A folder goes as the server will find it.
  if (!args.url.contains("://") && std::filesystem::is_directory(args.url, error))
    body["git_url"] = std::filesystem::canonical(args.url, error).string();
  if (!args.group.empty()) body["group"] = args.group;
  const auto project = client.post_json("/api/v1/projects", body);
  return project ? show_project(session, *project) : session.report(project.error());
}

int project_list(Session& session, HttpClient& client) {
  json::array projects;
  for (std::string cursor;;) {
    const auto page = client.get_json("/api/v1/projects?limit=500" +
                                      (cursor.empty() ? "" : "&cursor=" + percent_encode(cursor)));
    if (!page) return session.report(page.error());
    const auto& items = items_of(*page);
    projects.insert(projects.end(), items.begin(), items.end());
    cursor = find_string(*page, {"next_cursor"});
    if (cursor.empty() || items.empty()) break;
  }
  if (session.args().json)
    session.print_json(projects);
  else
    session.print(render_projects(session.screen(), projects));
  return kOk;
}

json::value workflow_json(const domain::Workflow& workflow) {
  return json::object{{"name", workflow.name}, {"steps", workflow.steps.size()}};
}

int workflow_validate(Session& session) {
  json::array good;
  int code = kOk;
  for (const auto& file : session.args().files) {
    const bool from_stdin = file == "-";
    const auto yaml = read_file(from_stdin ? "/dev/stdin" : file, engine::kMaxDefinitionBytes);
    const auto workflow = yaml ? engine::parse_workflow(*yaml, from_stdin ? "stdin" : file)
                               : Result<domain::Workflow>(std::unexpected(yaml.error()));
    if (!workflow) {
      // The lines of it are "FILE:LINE:COLUMN: …", as editors and compilers have them.
      if (session.args().json)
        session.report(workflow.error());
      else
        session.note(printable(workflow.error().message, Lines::keep));
      code = kUsage;
      continue;
    }
    good.push_back(workflow_json(*workflow));
    if (!session.args().json)
      session.print(fmt::format("{}: ok, {} steps\n", printable(file), workflow->steps.size()));
  }
  if (session.args().json && code == kOk) session.print_json(good);
  return code;
}

}  // namespace

int project_command(Session& session) {
  const auto& args = session.args();
  const auto client = session.server(Session::Need::read);
  if (!client) return session.report(client.error());
  if (args.command == "project add") return project_add(session, **client);
  if (args.command == "project list") return project_list(session, **client);
  if (args.command == "project show") {
    const auto project = (*client)->get_json(project_path(args));
    return project ? show_project(session, *project) : session.report(project.error());
  }
  const auto removed = (*client)->remove(project_path(args));
  if (!removed) return session.report(removed.error());
  if (args.json)
    session.print_json(json::object{{"removed", args.name}});
  else
    session.print(fmt::format("project {} is removed\n", printable(args.name)));
  return kOk;
}

int agent_command(Session& session) {
  const auto& args = session.args();
  if (args.command == "agent install") {
    auto agent = session.hooks().agent_install(
        args.name, args.data, [&session](std::string_view line) { session.note(printable(line)); });
    if (!agent) return session.report(agent.error());
    if (args.json)
      session.print_json(*agent);
    else
      session.print(render_agents(session.screen(), {*agent}));
    return kOk;
  }
  // A server that is named knows its own agents; otherwise this machine's are looked at, without
  // one.
  Result<json::value> agents = args.server.empty() ? session.hooks().agent_list(args.data)
                                                   : Result<json::value>(json::array{});
  if (!args.server.empty()) {
    const auto client = session.server(Session::Need::read);
    if (!client) return session.report(client.error());
    agents = (*client)->get_json("/api/v1/agents");
  }
  if (!agents) return session.report(agents.error());
  if (args.json)
    session.print_json(items_of(*agents));
  else
    session.print(render_agents(session.screen(), items_of(*agents)));
  return kOk;
}

int workflow_command(Session& session) {
  const auto& args = session.args();
  if (args.command == "workflow validate") return workflow_validate(session);
  if (args.command == "workflow show") {
    const auto* found = engine::find_builtin_workflow(args.name);
    if (found == nullptr)
      return session.report(
          {ErrorCode::not_found,
           fmt::format("there is no built-in workflow '{}'; see 'corral workflow list'",
                       printable(args.name)),
           nullptr});
    if (args.json)
      session.print_json(json::object{{"name", found->name}, {"source", found->source}});
    else
      session.print(found->source);
    return kOk;
  }
  json::array names;
  for (const auto& workflow : engine::builtin_workflows()) {
    names.push_back(json::object{{"name", workflow.name}});
    if (!args.json) session.print(std::string(workflow.name) + "\n");
  }
  if (args.json) session.print_json(names);
  return kOk;
}

int doctor_command(Session& session) {
  const auto report = session.hooks().doctor({session.args().data, session.args().serve.sandbox});
  if (!report) return session.report(report.error());
  if (session.args().json)
    session.print_json(*report);
  else
    session.print(render_doctor(session.screen(), *report));
  return find_bool(*report, {"ok"}) ? kOk : kFailed;
}

}  // namespace corral::edge::cli
