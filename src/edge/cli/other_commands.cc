// corral project … · agent … · doctor
#include "edge/cli/paging.h"
#include "edge/cli/render.h"
#include "edge/cli/session.h"

namespace corral::edge::cli {
namespace {

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
  const auto projects = read_list(client, "/api/v1/projects");
  if (!projects) return session.report(projects.error());
  if (session.args().json)
    session.print_json(*projects);
  else
    session.print(render_projects(session.screen(), *projects));
  return kOk;
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

int store_rebuild(Session& session) {
  const auto& args = session.args();
  const auto mode = args.check_only ? RebuildOptions::Mode::check : RebuildOptions::Mode::repair;
  const auto report =
      session.hooks().store_rebuild({args.data, args.serve.store, mode},
                                    [&](std::string_view line) { session.note(printable(line)); });
  if (!report) return session.report(report.error());
  const auto wrong = find_int(*report, {"changed"}) + find_int(*report, {"removed"});
  if (args.json) {
    session.print_json(*report);
  } else {
    std::string text;
    if (const auto* differences = find(*report, {"differences"}); differences != nullptr)
      for (const auto& line : differences->as_array())
        text += printable(std::string_view(line.as_string())) + "\n";
    session.print(text + fmt::format("{} runs, {} events, {} documents: {}\n",
                                     find_int(*report, {"runs"}), find_int(*report, {"events"}),
                                     find_int(*report, {"documents"}),
                                     wrong == 0        ? "all as the events say"
                                     : args.check_only ? fmt::format("{} differ", wrong)
                                                       : fmt::format("{} mended", wrong)));
  }
  return args.check_only && wrong > 0 ? kFailed : kOk;
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
