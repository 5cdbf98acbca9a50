#include "base/utf8.h"
#include "edge/http/endpoints.h"
#include "edge/http/session_socket.h"
#include "edge/http/sse.h"

namespace corral::edge::endpoints {
namespace {

constexpr std::size_t kPieceBytes = 256u << 10;

std::string location(const json::value& session) {
  return fmt::format("/api/v1/sessions/{}", find_string(session, {"id"}));
}

// One line of a recording: what was printed, seconds after its beginning.
void append_output(std::string& out, Time begin, Time at, std::string_view bytes) {
  const auto seconds = static_cast<double>((at - begin).count()) / 1000;
  const auto text = json::serialize(json::string(to_valid_utf8(bytes)));
  fmt::format_to(std::back_inserter(out), "[{:.3f}, \"o\", {}]\n", seconds, text);
}

}  // namespace

Task<Result<void>> create_session(Api& api, Call& call) {
  engine::NewSession request{.run = call.text("run"),
                             .project = call.text("project"),
                             .git_url = call.text("git_url"),
                             .base = call.text("base"),
                             .agent = call.text("agent"),
                             .command = {},
                             .model = call.text("model"),
                             .name = call.text("name"),
                             .columns = static_cast<int>(call.integer("columns").value_or(80)),
                             .rows = static_cast<int>(call.integer("rows").value_or(24)),
                             .idle_s = call.integer("idle_s"),
                             .limit_s = call.integer("limit_s")};
  if (const auto permissions = call.text("permissions"); !permissions.empty())
    request.permissions = permissions;
  if (const auto* resume = find(call.body, {"resume"})) request.resume = resume->get_bool();
  if (const auto* command = find(call.body, {"command"}))
    for (const auto& word : command->get_array()) request.command.emplace_back(word.get_string());
  CORRAL_CO_TRY(auto session,
                co_await api.sessions().create_session(std::move(request), call.caller()));
  co_return co_await call.json_reply(202, {{"Location", location(session)}}, session);
}

Task<Result<void>> list_sessions(Api& api, Call& call) {
  engine::SessionFilter filter{.run = call.query("run"),
                               .status = call.query("status"),
                               .cursor = call.query("cursor"),
                               .limit = limit_of(call)};
  CORRAL_CO_TRY(auto page, co_await api.sessions().list_sessions(std::move(filter)));
  co_return co_await call.document(items(std::move(page)));
}

Task<Result<void>> get_session(Api& api, Call& call) {
  CORRAL_CO_TRY(const auto id, session_of(call));
  CORRAL_CO_TRY(const auto session, co_await api.sessions().get_session(id));
  co_return co_await call.document(session);
}

Task<Result<void>> rename_session(Api& api, Call& call) {
  CORRAL_CO_TRY(const auto id, session_of(call));
  CORRAL_CO_TRY(const auto session,
                co_await api.sessions().rename_session(id, call.text("name"), call.caller()));
  co_return co_await call.json_reply(200, {}, session);
}

Task<Result<void>> stop_session(Api& api, Call& call) {
  CORRAL_CO_TRY(const auto id, session_of(call));
  CORRAL_CO_TRY(const auto session,
                co_await api.sessions().stop_session(id, call.text("reason"), call.caller()));
  co_return co_await call.json_reply(202, {}, session);
}

Task<Result<void>> share_session(Api& api, Call& call) {
  CORRAL_CO_TRY(const auto id, session_of(call));
  engine::NewShare share;
  if (const auto role = call.text("role"); !role.empty()) share.role = role;
  share.expires_s = call.integer("expires_s").value_or(share.expires_s);
  CORRAL_CO_TRY(auto made,
                co_await api.sessions().share_session(id, std::move(share), call.caller()));
  made.get_object()["path"] = fmt::format("/s/{}", find_string(made, {"token"}));
  co_return co_await call.json_reply(201, {}, made);
}

Task<Result<void>> revoke_share(Api& api, Call& call) {
  CORRAL_CO_TRY(const auto id, session_of(call));
  CORRAL_CO_CHECK(co_await api.sessions().revoke_share(id, call.param("share"), call.caller()));
  co_return co_await call.out.send(204, {}, {});
}

// For who has nothing but a link: what it opens.
Task<Result<void>> get_shared(Api& api, Call& call) {
  CORRAL_CO_CHECK(api.check_token_guesses(call.request.peer));
  const auto guest = co_await api.sessions().open_share(call.query("share"));
  if (!guest) {
    api.count_wrong_token(call.request.peer);
    co_return std::unexpected(guest.error());
  }
  CORRAL_CO_TRY(auto session, co_await api.sessions().get_session(guest->session));
  session.get_object().erase("shares");
  co_return co_await call.json_reply(
      200, {{"Cache-Control", "no-store"}},
      json::object{{"session", std::move(session)}, {"role", session::to_string(guest->role)}});
}

Task<Result<void>> get_screen(Api& api, Call& call) {
  CORRAL_CO_TRY(const auto id, session_of(call));
  CORRAL_CO_TRY(const auto live, co_await api.sessions().open_session(id));
  const auto& screen = live->screen();
  if (call.media_type == "text/plain")
    co_return co_await call.content("text/plain; charset=utf-8", screen.text());
  co_return co_await call.content("application/json", screen.json());
}

// As asciinema's asciicast, version 2.
Task<Result<void>> get_recording(Api& api, Call& call) {
  CORRAL_CO_TRY(const auto id, session_of(call));
  CORRAL_CO_TRY(const auto live, co_await api.sessions().open_session(id));
  CORRAL_CO_TRY(const auto document, co_await api.sessions().get_session(id));
  CORRAL_CO_TRY(const auto marks, co_await live->marks());
  const auto begin = marks.empty() ? Time{} : marks.front().time;
  const auto first = live->size_at(0);
  const json::object header{{"version", 2},
                            {"width", first.columns},
                            {"height", first.rows},
                            {"timestamp", begin.time_since_epoch().count() / 1000},
                            {"title", find_string(document, {"name"})},
                            {"env", json::object{{"TERM", "xterm-256color"}}}};
  CORRAL_CO_CHECK(co_await call.out.start(
      200,
      {{"Content-Type", "application/x-asciicast"},
       {"Content-Disposition", fmt::format("attachment; filename=\"{}.cast\"", id.to_string())},
       {"Cache-Control", "no-store"}}));
  CORRAL_CO_CHECK(co_await call.out.write(json::serialize(header) + "\n"));
  const auto end = live->output().end();
  auto next = marks.begin();
  auto at = begin;
  std::string held;  // a character that is not whole yet
  for (std::uint64_t offset = 0; offset < end;) {
    std::string out;
    while (next != marks.end() && next->offset <= offset) {
      at = next->time;
      if (next->size && offset > 0)
        fmt::format_to(std::back_inserter(out), "[{:.3f}, \"r\", \"{}x{}\"]\n",
                       static_cast<double>((at - begin).count()) / 1000, next->size->columns,
                       next->size->rows);
      ++next;
    }
    const auto until = next == marks.end() ? end : std::min(end, next->offset);
    CORRAL_CO_TRY(
        const auto bytes,
        co_await live->output().read(offset, std::min<std::uint64_t>(kPieceBytes, until - offset)));
    if (bytes.empty()) break;
    offset += bytes.size();
    held += bytes;
    const auto ready = text_ready(held, offset < end);
    if (ready > 0) append_output(out, begin, at, std::string_view(held).substr(0, ready));
    held.erase(0, ready);
    if (!out.empty()) CORRAL_CO_CHECK(co_await call.out.write(std::move(out)));
  }
  co_return Result<void>{};
}

// ---- live ----

Task<Result<void>> open_socket(Api& api, Call& call) {
  const auto workspace = WorkspaceId::parse(call.param("workspace"));
  if (!workspace)
    co_return fail(ErrorCode::not_found, "there is no workspace \"{}\"", call.param("workspace"));
  SessionSocket::Caller caller;
  if (caller.share = call.query("share"); !caller.share.empty()) {
    CORRAL_CO_CHECK(api.check_token_guesses(call.request.peer));
    auto guest = co_await api.sessions().open_share(caller.share);
    if (!guest) {
      api.count_wrong_token(call.request.peer);
      co_return std::unexpected(guest.error());
    }
    caller.guest = *guest;
    caller.actor = "user:guest";
  } else {
    CORRAL_CO_TRY(caller.actor, api.auth().authenticate(call.request));
  }
  CORRAL_CO_TRY(auto socket, co_await call.out.upgrade({.subprotocols = {"corral.v1"}}));
  SessionSocket session(api.sessions(), std::move(socket), *workspace, std::move(caller),
                        co_await asio::this_coro::executor, api.deps().clock);
  co_await session.run();
  co_return Result<void>{};
}

}  // namespace corral::edge::endpoints
