// corral runs …
#include <unistd.h>

#include "base/files.h"
#include "edge/cli/event_streams.h"
#include "edge/cli/follow.h"
#include "edge/cli/paging.h"
#include "edge/cli/render.h"
#include "edge/cli/session.h"

namespace corral::edge::cli {
namespace {

using Need = Session::Need;

struct Target {
  HttpClient& client;
  std::string id;
  std::string path;  // "/api/v1/runs/<id>"
};

Result<Target> target_of(Session& session, Need need) {
  CORRAL_TRY(auto* client, session.server(need));
  CORRAL_TRY(auto id, session.run_id(session.args().run));
  auto path = "/api/v1/runs/" + id;
  return Target{*client, std::move(id), std::move(path)};
}

int show_run(Session& session, const json::value& run) {
  if (session.args().json)
    session.print_json(run);
  else
    session.print(render_run(session.screen(), run, SystemClock::instance().now()));
  return kOk;
}

int outcome(const json::value& run) {
  return find_string(run, {"status"}) == "completed" ? kOk : kFailed;
}

// A stream of JSON objects, one a line, of a resource that also gives them all at once.
Result<void> stream_objects(Session& session, const std::string& path, std::string_view event_name,
                            const std::function<void(const json::value&)>& each,
                            const std::function<bool()>& over) {
  EventStreams streams([&session] { return session.endpoint(); });
  streams.on_lost(
      [&session](const Error&) {
        session.note("corral: the connection to the server is lost; trying again for 2 minutes");
      },
      [&session] { session.note("corral: connected again"); });
  streams.add(path, [&](const ServerEvent& event) {
    if (event.event == "end" || session.output_gone()) return EventStreams::Next::end;
    if (!event_name.empty() && event.event != event_name) return EventStreams::Next::more;
    if (const auto object = parse_json(event.data, "event"); object) each(*object);
    return over() ? EventStreams::Next::end : EventStreams::Next::more;
  });
  return streams.run();
}

// Prints a log as it is now. On a terminal it is made printable.
Result<void> print_log(Session& session, const Target& target) {
  LogPrinter printer(session);
  return target.client.download(fmt::format("{}/log?offset={}", target.path, session.args().from),
                                "text/plain", [&](std::string_view bytes) {
                                  printer.print(bytes);
                                  return !session.output_gone();
                                });
}

Result<void> print_timeline(Session& session, const Target& target) {
  const auto path = fmt::format("{}/timeline?offset={}", target.path, session.args().from);
  if (session.args().follow)
    return stream_objects(
        session, path, "agent", [&](const json::value& event) { session.print_json(event); },
        [] { return false; });
  return target.client.download(path, "application/x-ndjson", [&](std::string_view bytes) {
    session.print(bytes);
    return !session.output_gone();
  });
}

std::string event_type(const json::value& event) {
  return std::string(find_string(event, {"type"}));
}

}  // namespace

int runs_list(Session& session) {
  const auto& args = session.args();
  const auto client = session.server(Need::read);
  if (!client) return session.report(client.error());
  const auto runs = read_list(**client, "/api/v1/runs",
                              {{"project", args.project}, {"status", args.status}}, args.limit);
  if (!runs) return session.report(runs.error());
  if (args.json)
    session.print_json(*runs);
  else
    session.print(render_runs(session.screen(), *runs, SystemClock::instance().now()));
  return kOk;
}

int runs_show(Session& session) {
  const auto target = target_of(session, Need::read);
  if (!target) return session.report(target.error());
  const auto& at = session.args().at;
  const auto run =
      target->client.get_json(target->path + (at ? fmt::format("?version={}", *at) : ""));
  return run ? show_run(session, *run) : session.report(run.error());
}

int runs_logs(Session& session) {
  const auto& args = session.args();
  // To follow a run that an earlier server left is to let it go on.
  const auto target = target_of(session, args.follow ? Need::work : Need::read);
  if (!target) return session.report(target.error());
  if (args.json || !args.follow) {
    const auto printed = args.json ? print_timeline(session, *target) : print_log(session, *target);
    return printed ? kOk : session.report(printed.error());
  }
  const auto end = follow_run(session, target->id,
                              {.log = true,
                               .from = args.from,
                               .interrupt = FollowOptions::Interrupt::leaves,
                               .ask = false});
  if (!end && session.output_gone()) return kOk;
  return end ? kOk : session.report(end.error());
}

int runs_diff(Session& session) {
  const auto target = target_of(session, Need::read);
  if (!target) return session.report(target.error());
  if (session.args().stat || session.args().json) {
    const auto run = target->client.get_json(target->path);
    if (!run) return session.report(run.error());
    const auto* stat = find(*run, {"diff_stat"});
    if (session.args().stat) {
      if (session.args().json)
        session.print_json(stat == nullptr ? json::value(nullptr) : *stat);
      else if (stat == nullptr || !stat->is_object())
        session.print("nothing has changed yet\n");
      else
        session.print(fmt::format("{} files changed, {} insertions, {} deletions\n",
                                  find_int(*stat, {"files"}), find_int(*stat, {"insertions"}),
                                  find_int(*stat, {"deletions"})));
      return kOk;
    }
  }
  const auto diff = target->client.get(target->path + "/diff", "text/x-diff");
  if (!diff) return session.report(diff.error());
  if (session.args().json) {
    session.print_json(json::object{{"run", target->id}, {"diff", diff->body}});
    return kOk;
  }
  if (!session.screen().terminal && !session.screen().colour) {
    session.print(diff->body);
    return kOk;
  }
  std::string out;
  for (std::string_view rest = diff->body; !rest.empty();) {
    const auto end = std::min(rest.find('\n'), rest.size());
    out += render_diff_line(session.screen(), rest.substr(0, end)) + "\n";
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  session.print(out);
  return kOk;
}

int runs_cancel(Session& session) {
  const auto& args = session.args();
  const auto target = target_of(session, Need::work);
  if (!target) return session.report(target.error());
  json::object body;
  if (!args.message.empty()) body["reason"] = args.message;
  const auto run = target->client.post_json(target->path + "/cancel", body);
  if (!run) return session.report(run.error());
  if (args.wait || session.embedded()) {
    const auto end = follow_run(
        session, target->id,
        {.log = false, .from = 0, .interrupt = FollowOptions::Interrupt::leaves, .ask = false});
    if (!end) return session.report(end.error());
    return show_run(session, *end);
  }
  if (args.json)
    session.print_json(*run);
  else
    session.print(fmt::format("run {} is being cancelled\n", short_id(target->id)));
  return kOk;
}

int runs_retry(Session& session) {
  const auto& args = session.args();
  const auto target = target_of(session, Need::work);
  if (!target) return session.report(target.error());
  const bool follow = args.follow || session.embedded();
  std::uint64_t end_of_log = 0;
  if (follow && !args.json)
    (void)target->client.download(target->path + "/log?offset=0", "text/plain",
                                  [&](std::string_view bytes) {
                                    end_of_log += bytes.size();
                                    return true;
                                  });
  json::object body;
  if (!args.step.empty()) body["from"] = args.step;
  const auto run = session.post_once(target->path + "/retry", body);
  if (!run) return session.report(run.error());
  if (!follow) {
    if (args.json)
      session.print_json(*run);
    else
      session.print(fmt::format("run {} goes on; follow it: corral runs logs -f {}\n",
                                short_id(target->id), short_id(target->id)));
    return kOk;
  }
  const auto end = follow_run(session, target->id,
                              {.log = !args.json,
                               .from = end_of_log,
                               .interrupt = FollowOptions::Interrupt::cancels,
                               .ask = false});
  if (!end) return session.report(end.error());
  if (args.json)
    session.print_json(*end);
  else
    session.print(render_result(session.screen(), *end, {}));
  return outcome(*end);
}

int runs_pause(Session& session) {
  const auto& args = session.args();
  const auto target = target_of(session, Need::read);
  if (!target) return session.report(target.error());
  const bool pause = args.command == "runs pause";
  json::object body;
  if (!args.message.empty()) body["reason"] = args.message;
  const auto run = session.post_once(target->path + (pause ? "/pause" : "/resume"), body);
  if (!run) return session.report(run.error());
  if (args.json)
    session.print_json(*run);
  else
    session.print(fmt::format(
        "run {} {}\n", short_id(target->id),
        pause ? "begins no further step; let it go on: corral runs resume " + short_id(target->id)
              : "goes on"));
  return kOk;
}

// The step whose agent is meant: the one that is named, or the only one at work.
Result<std::string> agent_step(Session& session, const Target& target) {
  if (!session.args().step.empty()) return session.args().step;
  CORRAL_TRY(const auto run, target.client.get_json(target.path));
  std::vector<std::string> steps;
  if (const auto* all = find(run, {"steps"}); all != nullptr && all->is_array())
    for (const auto& step : all->get_array())
      if (const auto status = find_string(step, {"status"});
          find_string(step, {"kind"}) == "agent" && (status == "running" || status == "waiting"))
        steps.emplace_back(find_string(step, {"name"}));
  if (steps.empty())
    return fail(ErrorCode::conflict, "no agent of run {} is at work", short_id(target.id));
  if (steps.size() > 1)
    return fail(ErrorCode::invalid, "several agents are at work: choose one with --step ({})",
                fmt::join(steps, ", "));
  return steps.front();
}

int runs_steer(Session& session) {
  const auto& args = session.args();
  const auto target = target_of(session, Need::work);
  if (!target) return session.report(target.error());
  const auto step = agent_step(session, *target);
  if (!step) return session.report(step.error());
  const auto what = args.command.substr(std::string_view("runs ").size());
  json::object body;
  if (what == "prompt") body["text"] = args.prompt;
  if (what == "mode") body["permissions"] = args.permissions;
  const auto run = session.post_once(
      fmt::format("{}/steps/{}/{}", target->path, percent_encode(*step), what), body);
  if (!run) return session.report(run.error());
  if (args.json)
    session.print_json(*run);
  else
    session.print(fmt::format("{} of run {} is told\n", *step, short_id(target->id)));
  return kOk;
}

int runs_fork(Session& session) {
  const auto& args = session.args();
  const auto target = target_of(session, Need::work);
  if (!target) return session.report(target.error());
  json::object body;
  if (!args.step.empty()) body["from"] = args.step;
  const auto run = session.post_once(target->path + "/fork", body);
  if (!run) return session.report(run.error());
  const std::string id(find_string(*run, {"id"}));
  if (!args.follow && !session.embedded()) {
    if (args.json)
      session.print_json(*run);
    else
      session.print(id + "\n");
    return kOk;
  }
  const auto end = follow_run(
      session, id,
      {.log = !args.json, .from = 0, .interrupt = FollowOptions::Interrupt::cancels, .ask = false});
  if (!end) return session.report(end.error());
  if (args.json)
    session.print_json(*end);
  else
    session.print(render_result(session.screen(), *end, {}));
  return outcome(*end);
}

int runs_wait(Session& session) {
  const auto target = target_of(session, Need::work);
  if (!target) return session.report(target.error());
  const auto end = follow_run(
      session, target->id,
      {.log = false, .from = 0, .interrupt = FollowOptions::Interrupt::leaves, .ask = false});
  if (!end) return session.report(end.error());
  if (session.args().json)
    session.print_json(*end);
  else
    session.print(render_result(session.screen(), *end, {}));
  return outcome(*end);
}

int runs_decide(Session& session) {
  const auto& args = session.args();
  const auto client = session.server(Need::work);
  if (!client) return session.report(client.error());
  auto page = (*client)->get_json("/api/v1/approvals");
  if (!page) return session.report(page.error());
  std::string run = args.run;
  if (run == "last") {
    const auto last = session.run_id(run);
    if (!last) return session.report(last.error());
    run = *last;
  }
  std::vector<const json::value*> open;
  for (const auto& approval : items_of(*page)) {
    if (find_string(approval, {"id"}) == run) {
      open = {&approval};
      break;
    }
    if (run.size() >= 4 && find_string(approval, {"run"}).starts_with(run))
      open.push_back(&approval);
  }
  if (open.empty())
    return session.report(
        {ErrorCode::not_found,
         fmt::format("'{}' waits for no answer; see 'corral runs list --status running'",
                     printable(args.run)),
         nullptr});
  if (open.size() > 1 && !args.all) {
    std::string list;
    for (const auto* approval : open)
      list += fmt::format("\n{}  {}", printable(find_string(*approval, {"id"})),
                          render_approval(session.error_screen(), *approval));
    return session.report(
        {ErrorCode::invalid,
         fmt::format("'{}' has {} open questions; name one by its id, or give --all:{}",
                     printable(args.run), open.size(), list),
         nullptr});
  }
  json::array decided;
  for (const auto* approval : open) {
    json::object body{{"decision", args.command == "runs approve" ? "allow" : "deny"}};
    if (!args.message.empty()) body["message"] = args.message;
    if (!args.choice.empty()) body["choice"] = args.choice;
    auto answer = session.post_once(
        "/api/v1/approvals/" + percent_encode(find_string(*approval, {"id"})), body);
    if (!answer) return session.report(answer.error());
    if (!args.json)
      session.print(fmt::format("{} {}\n", args.command == "runs approve" ? "allowed" : "denied",
                                approval_name(*approval)));
    decided.push_back(std::move(*answer));
  }
  if (args.json) session.print_json(decided.size() == 1 ? decided.front() : json::value(decided));
  return kOk;
}

int runs_artifacts(Session& session) {
  const auto& args = session.args();
  const auto target = target_of(session, Need::read);
  if (!target) return session.report(target.error());
  if (args.artifact.empty()) {
    const auto page = target->client.get_json(target->path + "/artifacts");
    if (!page) return session.report(page.error());
    if (args.json)
      session.print_json(items_of(*page));
    else
      session.print(render_artifacts(session.screen(), items_of(*page)));
    return kOk;
  }
  const auto content =
      target->client.get(target->path + "/artifacts/" + percent_encode(args.artifact), "*/*");
  if (!content) return session.report(content.error());
  if (!args.output.empty()) {
    const auto written = write_file_atomically(args.output, content->body, 0644);
    if (!written) return session.report(written.error());
    session.note(fmt::format("{} bytes to {}",
                             count(static_cast<std::int64_t>(content->body.size())),
                             args.output.string()));
    return kOk;
  }
  session.print(session.screen().terminal ? printable(content->body, Lines::keep) : content->body);
  return kOk;
}

int runs_events(Session& session) {
  const auto& args = session.args();
  const auto target = target_of(session, args.follow ? Need::work : Need::read);
  if (!target) return session.report(target.error());
  std::string last_type;
  const auto show = [&](const json::value& event) {
    last_type = event_type(event);
    if (args.json)
      session.print_json(event);
    else
      session.print(render_event(session.screen(), event));
  };
  if (args.follow) {
    const auto over = [&] {
      return last_type == "run.completed" || last_type == "run.failed" ||
             last_type == "run.cancelled";
    };
    const auto ended = stream_objects(
        session, fmt::format("{}/events?from={}", target->path, args.from), "", show, over);
    return ended ? kOk : session.report(ended.error());
  }
  for (std::uint64_t from = args.from;;) {
    const auto page =
        target->client.get_json(fmt::format("{}/events?from={}&limit=500", target->path, from));
    if (!page) return session.report(page.error());
    const auto& items = items_of(*page);
    for (const auto& event : items) show(event);
    if (items.size() < 500) return kOk;
    from = static_cast<std::uint64_t>(find_int(items.back(), {"version"})) + 1;
  }
}

}  // namespace corral::edge::cli
