// corral schedule …
#include "edge/cli/render.h"
#include "edge/cli/run_request.h"
#include "edge/cli/session.h"

namespace corral::edge::cli {
namespace {

constexpr const char* kPath = "/api/v1/schedules";

int show(Session& session, const json::value& schedule) {
  if (session.args().json)
    session.print_json(schedule);
  else
    session.print(render_schedules(session.screen(), {schedule}));
  return kOk;
}

// By id, the beginning of one, or the workflow's name when only one schedule has it.
Result<std::string> find_schedule(HttpClient& client, const std::string& given) {
  CORRAL_TRY(const auto page, client.get_json(kPath));
  std::vector<std::string> matches;
  for (const auto& schedule : items_of(page)) {
    const auto id = find_string(schedule, {"id"});
    if (id == given) return given;
    if ((given.size() >= 4 && id.starts_with(given)) || find_string(schedule, {"name"}) == given)
      matches.emplace_back(id);
  }
  if (matches.size() == 1) return matches.front();
  if (matches.empty())
    return fail(ErrorCode::not_found, "there is no schedule '{}'; see 'corral schedule list'",
                printable(given));
  return fail(ErrorCode::invalid, "'{}' could be {} schedules ({}); give an id", printable(given),
              matches.size(), printable(fmt::format("{}", fmt::join(matches, ", "))));
}

int create(Session& session) {
  const auto& args = session.args();
  const auto repository = repository_of(args);
  if (!repository) return session.report(repository.error());
  const auto request =
      run_request(args, *repository, [&session](const std::string& path) -> Result<json::value> {
        CORRAL_TRY(auto* server, session.server(Session::Need::read));
        return server->get_json(path);
      });
  if (!request) return session.report(request.error());
  if (const auto client = session.server(Session::Need::read); !client)
    return session.report(client.error());
  const auto schedule = session.post_once(kPath, *request);
  if (!schedule) return session.report(schedule.error());
  if (session.embedded()) session.note("corral: it starts runs while a server runs: corral serve");
  return show(session, *schedule);
}

}  // namespace

int schedule_command(Session& session) {
  const auto& args = session.args();
  if (args.command == "schedule create") return create(session);
  const auto client = session.server(Session::Need::read);
  if (!client) return session.report(client.error());
  if (args.command == "schedule list") {
    const auto page = (*client)->get_json(kPath);
    if (!page) return session.report(page.error());
    if (args.json)
      session.print_json(items_of(*page));
    else
      session.print(render_schedules(session.screen(), items_of(*page)));
    return kOk;
  }
  const auto id = find_schedule(**client, args.name);
  if (!id) return session.report(id.error());
  const auto path = fmt::format("{}/{}", kPath, percent_encode(*id));
  if (args.command == "schedule delete") {
    const auto removed = (*client)->remove(path);
    if (!removed) return session.report(removed.error());
    if (args.json)
      session.print_json(json::object{{"removed", *id}});
    else
      session.print(fmt::format("schedule {} is deleted\n", short_id(*id)));
    return kOk;
  }
  const auto schedule =
      args.command == "schedule show"
          ? (*client)->get_json(path)
          : session.post_once(path + (args.command == "schedule pause" ? "/pause" : "/resume"),
                              json::object{});
  return schedule ? show(session, *schedule) : session.report(schedule.error());
}

}  // namespace corral::edge::cli
