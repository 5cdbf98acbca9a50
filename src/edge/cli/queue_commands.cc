// corral queue …
#include <chrono>
#include <thread>

#include "edge/cli/paging.h"
#include "edge/cli/render.h"
#include "edge/cli/session.h"

namespace corral::edge::cli {
namespace {

// How often a drain looks whether something is still at work.
constexpr std::chrono::milliseconds kDrainLook{200};

// The group that a project's jobs are in: its id. Empty when no project is named.
Result<std::string> group_of(HttpClient& client, const std::string& project) {
  if (project.empty()) return std::string();
  CORRAL_TRY(const auto found, client.get_json("/api/v1/projects/" + percent_encode(project)));
  return std::string(find_string(found, {"id"}));
}

int show(Session& session, const json::value& queue) {
  if (session.args().json)
    session.print_json(queue);
  else
    session.print(render_queue(session.screen(), queue));
  return kOk;
}

int jobs(Session& session, HttpClient& client) {
  const auto& args = session.args();
  const auto group = group_of(client, args.project);
  if (!group) return session.report(group.error());
  const auto found =
      read_list(client, "/api/v1/jobs",
                {{"state", args.state}, {"kind", args.kind}, {"group", *group}}, args.limit);
  if (!found) return session.report(found.error());
  if (args.json)
    session.print_json(*found);
  else
    session.print(render_jobs(session.screen(), *found, SystemClock::instance().now()));
  return kOk;
}

int pause(Session& session, HttpClient& client) {
  const auto& args = session.args();
  const auto group = group_of(client, args.project);
  if (!group) return session.report(group.error());
  json::object body;
  if (!group->empty()) body["group"] = *group;
  auto queue = session.post_once(
      args.command == "queue resume" ? "/api/v1/queue/resume" : "/api/v1/queue/pause", body);
  if (!queue) return session.report(queue.error());
  if (args.command == "queue drain") {
    const auto at_work = "/api/v1/jobs?state=claimed&limit=1" +
                         (group->empty() ? "" : "&group=" + percent_encode(*group));
    for (;;) {
      const auto page = client.get_json(at_work);
      if (!page) return session.report(page.error());
      if (items_of(*page).empty()) break;
      std::this_thread::sleep_for(kDrainLook);
    }
    queue = client.get_json("/api/v1/queue");
    if (!queue) return session.report(queue.error());
  }
  return show(session, *queue);
}

// A dead letter is tried again, or forgotten.
int settle(Session& session, HttpClient& client) {
  const auto& args = session.args();
  const auto path = fmt::format("/api/v1/jobs/{}", args.job);
  const bool retry = args.command == "queue retry";
  if (retry) {
    const auto done = session.post_once(path + "/retry", json::object{});
    if (!done) return session.report(done.error());
  } else if (const auto done = client.remove(path); !done) {
    return session.report(done.error());
  }
  if (args.json)
    session.print_json(json::object{{retry ? "retried" : "discarded", args.job}});
  else
    session.print(fmt::format("job {} is {}\n", args.job, retry ? "tried again" : "forgotten"));
  return kOk;
}

}  // namespace

int queue_command(Session& session) {
  const auto& command = session.args().command;
  const auto client = session.server(Session::Need::read);
  if (!client) return session.report(client.error());
  if (command == "queue jobs") return jobs(session, **client);
  if (command == "queue retry" || command == "queue discard") return settle(session, **client);
  if (command != "queue show") return pause(session, **client);
  const auto queue = (*client)->get_json("/api/v1/queue");
  return queue ? show(session, *queue) : session.report(queue.error());
}

}  // namespace corral::edge::cli
