// corral session …, attach, share
#include <charconv>

#include "edge/cli/attach.h"
#include "edge/cli/paging.h"
#include "edge/cli/render.h"
#include "edge/cli/run_request.h"
#include "edge/cli/session.h"

namespace corral::edge::cli {
namespace {

using Need = Session::Need;

struct Target {
  HttpClient& client;
  std::string id, path;
};

Result<Target> target_of(Session& session) {
  CORRAL_TRY(auto* client, session.server(Need::read));
  CORRAL_TRY(auto id, session.session_id(session.args().session));
  auto path = "/api/v1/sessions/" + id;
  return Target{*client, std::move(id), std::move(path)};
}

int show(Session& session, const json::value& document) {
  if (session.args().json)
    session.print_json(document);
  else
    session.print(render_session(session.screen(), document, SystemClock::instance().now()));
  return kOk;
}

int fresh(Session& session) {
  const auto& args = session.args();
  const auto client = session.server(Need::work);
  if (!client) return session.report(client.error());
  if (session.embedded())
    return session.report(Error{ErrorCode::unavailable,
                                "a session needs a server that goes on: start 'corral serve' first",
                                nullptr});
  json::object body{{"columns", args.columns}, {"rows", args.rows}};
  if (!args.run.empty()) {
    const auto run = session.run_id(args.run);
    if (!run) return session.report(run.error());
    body["run"] = *run;
  } else if (!args.project.empty()) {
    body["project"] = args.project;
  } else {
    const auto repository = repository_of(args);
    if (!repository) return session.report(repository.error());
    body["git_url"] = repository->url;
  }
  if (!args.base.empty()) body["base"] = args.base;
  if (!args.agent.empty()) body["agent"] = args.agent;
  if (!args.model.empty()) body["model"] = args.model;
  if (!args.permissions.empty()) body["permissions"] = args.permissions;
  if (args.resume) body["resume"] = true;
  if (!args.name.empty()) body["name"] = args.name;
  if (args.idle_s) body["idle_s"] = *args.idle_s;
  if (args.timeout_s) body["limit_s"] = *args.timeout_s;
  if (!args.program.empty()) {
    json::array words;
    for (const auto& word : args.program) words.emplace_back(word);
    body["command"] = std::move(words);
  }
  const auto made = session.post_once("/api/v1/sessions", body);
  if (!made) return session.report(made.error());
  if (args.json)
    session.print_json(*made);
  else
    session.print(std::string(find_string(*made, {"id"})) + "\n");
  return kOk;
}

int list(Session& session) {
  const auto& args = session.args();
  const auto client = session.server(Need::read);
  if (!client) return session.report(client.error());
  ListFilter filter{{"status", args.status}};
  if (!args.run.empty()) {
    const auto run = session.run_id(args.run);
    if (!run) return session.report(run.error());
    filter.emplace_back("run", *run);
  }
  const auto found = read_list(**client, "/api/v1/sessions", filter, args.limit);
  if (!found) return session.report(found.error());
  if (args.json)
    session.print_json(*found);
  else
    session.print(render_sessions(session.screen(), *found, SystemClock::instance().now()));
  return kOk;
}

int search(Session& session, const Target& target) {
  const auto& args = session.args();
  const auto found = read_list(
      target.client, target.path + "/log/search",
      {{"q", args.text}, {"ignore_case", args.ignore_case ? "true" : "false"}}, args.limit);
  if (!found) return session.report(found.error());
  if (args.json)
    session.print_json(*found);
  else
    session.print(render_matches(session.screen(), *found));
  return kOk;
}

int download(Session& session, const Target& target) {
  const auto& args = session.args();
  const bool recording = args.format == "asciicast";
  const auto done =
      target.client.download(target.path + (recording ? std::string("/recording")
                                                      : fmt::format("/log?offset={}", args.from)),
                             recording ? "application/x-asciicast" : "application/octet-stream",
                             [&](std::string_view bytes) {
                               session.print(bytes);
                               return !session.output_gone();
                             });
  return done ? kOk : session.report(done.error());
}

// "90", "30m", "1h", "7d" in seconds.
Result<std::int64_t> seconds_of(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const std::int64_t each = unit.empty() || unit == "s" ? 1
                            : unit == "m"               ? 60
                            : unit == "h"               ? 3600
                            : unit == "d"               ? 24 * 3600
                                                        : 0;
  if (error != std::errc() || each == 0 || number < 1 || number > 30 * 24 * 3600 / each)
    return fail(ErrorCode::invalid,
                "--expires: '{}' is no time up to 30 days; write it as 30m, 1h, 7d",
                printable(text));
  return number * each;
}

int share(Session& session, const Target& target) {
  const auto& args = session.args();
  const auto seconds = seconds_of(args.expires.empty() ? "1h" : args.expires);
  if (!seconds) return session.report(seconds.error());
  const auto link = target.client.post_json(
      target.path + "/shares",
      json::object{{"role", args.view ? "view" : "type"}, {"expires_s", *seconds}});
  if (!link) return session.report(link.error());
  if (args.json) {
    session.print_json(*link);
    return kOk;
  }
  session.print(session.endpoint().url + std::string(find_string(*link, {"path"})) + "\n");
  session.note(
      fmt::format("corral: whoever has this link may {} until {}; revoke it with 'corral "
                  "session revoke {} {}'",
                  args.view ? "look on" : "look on and type", find_string(*link, {"expires_at"}),
                  short_id(target.id), find_string(*link, {"id"})));
  return kOk;
}

}  // namespace

int session_command(Session& session) {
  const auto& args = session.args();
  if (args.command == "session new") return fresh(session);
  if (args.command == "session list") return list(session);
  const auto target = target_of(session);
  if (!target) return session.report(target.error());
  if (args.command == "attach")
    return attach(session, {.session = target->id, .view = args.view, .resize = !args.keep_size});
  if (args.command == "share") return share(session, *target);
  if (args.command == "session log") return download(session, *target);
  if (args.command == "session search") return search(session, *target);
  if (args.command == "session revoke") {
    const auto done = target->client.remove(target->path + "/shares/" + percent_encode(args.share));
    return done ? kOk : session.report(done.error());
  }
  if (args.command == "session screen") {
    const auto screen =
        target->client.get(target->path + "/screen", args.json ? "application/json" : "text/plain");
    if (!screen) return session.report(screen.error());
    session.print(screen->body + (args.json ? "\n" : ""));
    return kOk;
  }
  auto document = target->client.get_json(target->path);
  if (args.command == "session stop")
    document =
        target->client.post_json(target->path + "/stop", json::object{{"reason", args.message}});
  if (args.command == "session rename")
    document =
        target->client.post_json(target->path + "/rename", json::object{{"name", args.name}});
  if (!document) return session.report(document.error());
  const int shown = show(session, *document);
  if (args.command == "session stop" && find_string(*document, {"status"}) != "ended")
    session.note(
        fmt::format("corral: it is being ended; 'corral session show {}' tells how it went",
                    short_id(target->id)));
  return shown;
}

}  // namespace corral::edge::cli
