// corral workflow …, but for run
#include "edge/cli/render.h"
#include "edge/cli/session.h"
#include "edge/cli/workflow_graph.h"
#include "edge/cli/workflow_source.h"
#include "engine/workflow_yaml.h"

namespace corral::edge::cli {
namespace {

std::string path_of(const std::string& name) { return "/api/v1/workflows/" + percent_encode(name); }

// What is wrong with a workflow file, as editors and compilers say it: "FILE:LINE:COLUMN: …".
int report_problems(Session& session, const Error& error) {
  if (session.args().json)
    session.report(error);
  else
    session.note(printable(error.message, Lines::keep));
  return kUsage;
}

int validate(Session& session) {
  json::array good;
  int code = kOk;
  for (const auto& file : session.args().files) {
    const auto source = read_workflow(file);
    if (!source) {
      code = report_problems(session, source.error());
      continue;
    }
    const auto steps = source->workflow.steps.size();
    good.push_back(json::object{{"name", source->workflow.name}, {"steps", steps}});
    if (!session.args().json)
      session.print(
          fmt::format("{}: ok, {} step{}\n", printable(file), steps, steps == 1 ? "" : "s"));
  }
  if (session.args().json && code == kOk) session.print_json(good);
  return code;
}

json::value graph_json(const domain::Workflow& workflow) {
  json::array steps;
  for (const auto& step : workflow.steps)
    steps.push_back(json::object{{"name", step.name},
                                 {"kind", step.kind},
                                 {"needs", json::array(step.needs.begin(), step.needs.end())},
                                 {"if", step.condition},
                                 {"matrix", !step.matrix.empty()},
                                 {"finally", step.at_end}});
  return json::object{{"name", workflow.name}, {"steps", std::move(steps)}};
}

int graph(Session& session) {
  const auto& args = session.args();
  Result<WorkflowSource> source = WorkflowSource{};
  if (is_workflow_file(args.name)) {
    source = read_workflow(args.name);
    if (!source) return report_problems(session, source.error());
  } else {
    const auto client = session.server(Session::Need::read);
    if (!client) return session.report(client.error());
    const auto kept = (*client)->get_json(path_of(args.name));
    if (!kept) return session.report(kept.error());
    source = parse_source(find_string(*kept, {"source"}), args.name);
    if (!source) return session.report(source.error());
  }
  const auto& workflow = source->workflow;
  if (args.json)
    session.print_json(graph_json(workflow));
  else
    session.print(args.format == "mermaid" ? graph_mermaid(workflow)
                  : args.format == "dot"   ? graph_dot(workflow)
                                           : graph_text(session.screen(), workflow));
  return kOk;
}

int list(Session& session, HttpClient& client) {
  const auto page = client.get_json("/api/v1/workflows");
  if (!page) return session.report(page.error());
  if (session.args().json)
    session.print_json(items_of(*page));
  else
    session.print(render_workflows(session.screen(), items_of(*page)));
  return kOk;
}

int show(Session& session, HttpClient& client) {
  const auto workflow = client.get_json(path_of(session.args().name));
  if (!workflow) return session.report(workflow.error());
  if (session.args().json) {
    session.print_json(*workflow);
    return kOk;
  }
  const auto source = find_string(*workflow, {"source"});
  session.print(session.screen().terminal ? printable(source, Lines::keep) : std::string(source));
  return kOk;
}

int save(Session& session) {
  const auto& args = session.args();
  const auto source = read_workflow(args.name);
  if (!source) return report_problems(session, source.error());
  const auto client = session.server(Session::Need::read);
  if (!client) return session.report(client.error());
  const auto kept =
      session.post_once("/api/v1/workflows", json::object{{"definition", source->text}});
  if (!kept) return session.report(kept.error());
  if (args.json)
    session.print_json(*kept);
  else
    session.print(fmt::format("workflow {} is kept, version {}\n",
                              printable(find_string(*kept, {"name"})),
                              find_int(*kept, {"version"})));
  return kOk;
}

int remove(Session& session, HttpClient& client) {
  const auto& args = session.args();
  const auto removed = client.remove(path_of(args.name));
  if (!removed) return session.report(removed.error());
  if (args.json)
    session.print_json(json::object{{"removed", args.name}});
  else
    session.print(fmt::format("workflow {} is kept no longer\n", printable(args.name)));
  return kOk;
}

}  // namespace

int workflow_command(Session& session) {
  const auto& command = session.args().command;
  if (command == "workflow validate") return validate(session);
  if (command == "workflow graph") return graph(session);
  if (command == "workflow save") return save(session);
  if (command == "workflow schema") {
    session.print_json(engine::workflow_schema(step_kinds()));
    return kOk;
  }
  const auto client = session.server(Session::Need::read);
  if (!client) return session.report(client.error());
  if (command == "workflow list") return list(session, **client);
  if (command == "workflow show") return show(session, **client);
  return remove(session, **client);
}

}  // namespace corral::edge::cli
