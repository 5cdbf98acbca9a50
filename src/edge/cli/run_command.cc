// corral run, corral workflow run
#include <unistd.h>

#include "edge/cli/follow.h"
#include "edge/cli/render.h"
#include "edge/cli/run_request.h"
#include "edge/cli/session.h"

namespace corral::edge::cli {
namespace {

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
  const auto repository = repository_of(args);
  if (!repository) return session.report(repository.error());
  const auto request =
      run_request(args, *repository, [&session](const std::string& path) -> Result<json::value> {
        CORRAL_TRY(auto* server, session.server(Session::Need::work));
        return server->get_json(path);
      });
  if (!request) return session.report(request.error());
  const auto client = session.server(Session::Need::work);
  if (!client) return session.report(client.error());
  if (args.detach && session.embedded())
    return session.report({ErrorCode::invalid,
                           "--detach needs a server that goes on: start one with 'corral serve', "
                           "or leave out --detach",
                           nullptr});
  const auto run = session.post_once("/api/v1/runs", *request);
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
    session.print(render_result(session.screen(), *end, repository->folder));
  return find_string(*end, {"status"}) == "completed" ? kOk : kFailed;
}

}  // namespace corral::edge::cli
