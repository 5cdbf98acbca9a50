#include "engine/session_host.h"

#include <algorithm>
#include <csignal>
#include <set>

#include "base/log.h"
#include "engine/process.h"
#include "engine/run_token.h"

namespace corral::engine {
namespace {

constexpr std::uint32_t kPage = 500;
constexpr int kMaxConflicts = 64;
constexpr Duration kFirstRetry{1'000}, kLastRetry{60'000};
constexpr Duration kRestAfter{5'000}, kLookAlone{60'000};

std::string log_folder(SessionId id) { return "sessions/" + id.to_string(); }

// Types into, resizes and signals a process of a workspace.
class WorkspaceTerminal final : public session::Terminal {
 public:
  WorkspaceTerminal(std::shared_ptr<ports::Workspace> workspace, std::string process)
      : workspace_(std::move(workspace)), process_(std::move(process)) {}

  Task<Result<std::uint64_t>> type(std::string source, std::uint64_t offset,
                                   std::string bytes) override {
    co_return co_await workspace_->type(process_, std::move(source), offset, std::move(bytes));
  }
  Task<Result<void>> resize(session::Size size) override {
    co_return co_await workspace_->resize(process_, {size.columns, size.rows});
  }
  Task<Result<void>> signal(int number) override {
    co_return co_await workspace_->signal(process_, number);
  }

 private:
  std::shared_ptr<ports::Workspace> workspace_;
  std::string process_;
};

Task<Result<void>> take_output(std::shared_ptr<session::LiveSession> live, std::uint64_t offset,
                               std::string bytes) {
  co_return co_await live->take(offset, std::move(bytes));
}

}  // namespace

// ---- state ----

Task<Result<domain::Session>> SessionHost::load(SessionId id) {
  domain::Session session;
  for (;;) {
    CORRAL_CO_TRY(const auto events, co_await core_.deps.store.read_stream(session_stream(id),
                                                                           session.version, kPage));
    for (const auto& stored : events) {
      auto event = domain::session_event_from(stored.type, stored.data);
      if (!event)
        co_return wrap(
            std::move(event).error(),
            fmt::format("session {} cannot be read at event {}", id.to_string(), stored.version));
      domain::apply(session, *event, stored.origin.actor);
    }
    if (events.size() < kPage) break;
  }
  if (!session.exists())
    co_return fail(ErrorCode::not_found, "there is no session {}", id.to_string());
  co_return session;
}

Task<Result<domain::Session>> SessionHost::tell(SessionId id, domain::SessionCommand command,
                                                Caller by, std::vector<ports::Change> extra) {
  std::vector<domain::SessionCommand> commands;
  commands.push_back(std::move(command));
  co_return co_await tell_all(id, std::move(commands), std::move(by), std::move(extra));
}

Task<Result<domain::Session>> SessionHost::tell_all(SessionId id,
                                                    std::vector<domain::SessionCommand> commands,
                                                    Caller by, std::vector<ports::Change> extra) {
  for (int conflicts = 0;; ++conflicts) {
    auto loaded = co_await load(id);
    if (!loaded && loaded.error().code != ErrorCode::not_found) co_return loaded;
    const domain::Session before = loaded ? *loaded : domain::Session{};
    CORRAL_CO_TRY(auto told_now, tell_session(before, id, commands, by, core_.deps.clock.now()));
    if (told_now.changes.empty() && extra.empty()) co_return before;
    for (const auto& change : extra) told_now.changes.push_back(change);
    const auto committed = co_await core_.commit(std::move(told_now.changes));
    if (committed) {
      if (const auto followed = followed_.find(id); followed != followed_.end())
        ++followed->second->news, followed->second->changed.notify();
      if (const auto live = opened(id)) live->announce_document();
      co_return std::move(told_now.after);
    }
    if (committed.error().code != ErrorCode::conflict || conflicts == kMaxConflicts)
      co_return std::unexpected(committed.error());
  }
}

Task<Result<std::shared_ptr<session::LiveSession>>> SessionHost::open_session(SessionId id) {
  CORRAL_CO_TRY(const auto session, co_await load(id));
  // What was removed shall not look as if nothing had been there.
  if (session.status == domain::SessionStatus::ended)
    CORRAL_CO_CHECK(co_await core_.deps.logs.kept(log_folder(id)));
  // One of each: two would each make a screen of their own.
  const auto turn = co_await opening_.take();
  if (const auto open = open_.find(id); open != open_.end())
    if (auto live = open->second.lock()) co_return live;
  const session::Size first{static_cast<std::uint16_t>(session.request.columns),
                            static_cast<std::uint16_t>(session.request.rows)};
  CORRAL_CO_TRY(auto live, co_await session::LiveSession::open(core_.deps.logs, log_folder(id),
                                                               first, core_.deps.clock));
  std::erase_if(open_, [](const auto& entry) { return entry.second.expired(); });
  open_[id] = live;
  co_return live;
}

std::shared_ptr<session::LiveSession> SessionHost::opened(SessionId id) const {
  const auto open = open_.find(id);
  return open == open_.end() ? nullptr : open->second.lock();
}

// ---- running them ----

Task<Result<void>> SessionHost::start() {
  CORRAL_CO_TRY(const auto existing, co_await core_.deps.launcher.list());
  const std::set<WorkspaceId> here(existing.begin(), existing.end());
  // Those that were never started are their runs'.
  ports::DocumentQuery query{
      .kind = std::string(kSessionKind), .state = "running", .limit = ports::kMaxListLimit};
  for (;;) {
    CORRAL_CO_TRY(const auto documents, co_await core_.deps.store.list(query));
    for (const auto& document : documents) {
      const auto id = SessionId::parse(document.id);
      const auto run = RunId::parse(document.parent);
      const auto workspace = WorkspaceId::parse(find_string(document.body, {"workspace"}));
      if (!id || !run || !workspace) continue;
      bool ours = here.contains(*workspace);
      if (!ours) {
        CORRAL_CO_TRY(ours, co_await is_ours(*run));
      }
      if (ours) follow(*id, *workspace);
    }
    if (documents.size() < query.limit) co_return Result<void>{};
    query.before_id = documents.back().id;
  }
}

// Whether a session of that run whose workspace is not here (any more) is this server's to end.
Task<Result<bool>> SessionHost::is_ours(RunId id) {
  if (core_.options.store_use == StoreUse::alone) co_return true;
  CORRAL_CO_TRY(const auto run, co_await core_.runs.load(id));
  co_return run.home.empty() || run.home == core_.options.server;
}

Task<Result<domain::Session>> SessionHost::begin(SessionId id, domain::SessionRequest request,
                                                 WorkspaceId workspace, Caller by) {
  // In one commit: once it is there, it has somebody who ends it.
  std::vector<domain::SessionCommand> commands;
  commands.emplace_back(domain::CreateSession{id, std::move(request)});
  commands.emplace_back(domain::StartSession{workspace});
  auto session = co_await tell_all(id, std::move(commands), std::move(by), {});
  if (!session && session.error().code == ErrorCode::conflict)
    if (auto known = co_await load(id); known && known->status == domain::SessionStatus::ended)
      co_return known;
  // Also when the commit failed: it may have taken effect all the same.
  if (session)
    follow(id, *session->workspace);
  else if (session.error().code != ErrorCode::invalid)
    follow(id, workspace);
  co_return session;
}

void SessionHost::follow(SessionId id, WorkspaceId workspace) {
  const auto [at, is_new] =
      followed_.try_emplace(id, std::make_shared<Followed>(core_.deps.executor));
  if (is_new)
    scope_.start("session", keep_following(id, workspace));
  else
    at->second->again = true;
}

Task<void> SessionHost::keep_following(SessionId id, WorkspaceId workspace) {
  const auto followed = followed_.at(id);
  // What goes wrong here is trouble of our own (a full disk, say): the session goes on meanwhile.
  for (auto wait = kFirstRetry;; wait = std::min(wait * 2, kLastRetry)) {
    followed->again = false;
    const auto done = co_await attend(id, workspace);
    if (done && followed->again) continue;
    if (done) break;
    log::warning("session.trouble",
                 {{"session", id.to_string()}, {"why", done.error().describe()}});
    co_await core_.deps.clock.sleep(wait);
  }
  followed_.erase(id);
}

Task<Result<ports::ProcessSpec>> SessionHost::spec_of(const domain::Session& session,
                                                      ports::Workspace& workspace,
                                                      std::uint64_t printed) {
  ports::ProcessSpec spec;
  if (!session.request.agent.empty() && session.request.agent != kCommandAgent) {
    auto* agent = core_.find_agent(session.request.agent);
    if (agent == nullptr)
      co_return fail(ErrorCode::not_found, "there is no agent \"{}\"", session.request.agent);
    ports::AgentTask task;
    task.session_id = session.id.to_string();
    task.gateway_url = workspace.gateway_url();
    task.gateway_token = make_run_token(session.request.run, core_.deps.token_key);
    task.model = session.request.model;
    task.permission_policy = std::string(to_string(session.request.permissions));
    task.resume = session.request.resume;
    CORRAL_CO_TRY(auto launch, agent->launch_terminal(task));
    // Once it has printed something it was started, and what it made of its files since is its own.
    if (printed == 0)
      for (auto& [path, content] : launch.files)
        CORRAL_CO_CHECK(co_await workspace.write_file(path, std::move(content), 0600));
    spec = std::move(launch.process);
  } else {
    spec.argv = session.request.command;
    if (spec.argv.empty()) spec.argv = {"bash", "-l"};
  }
  spec.id = session.process_id();
  spec.terminal = ports::TerminalSize{static_cast<std::uint16_t>(session.request.columns),
                                      static_cast<std::uint16_t>(session.request.rows)};
  spec.env.try_emplace("COLORTERM", "truecolor");
  spec.timeout = session.request.limit;
  co_return spec;
}

// From its start, or from wherever an earlier server left it, to its end.
Task<Result<void>> SessionHost::attend(SessionId id, WorkspaceId workspace_id) {
  const auto loaded = co_await load(id);
  // Its start came to nothing: whoever wanted it tries again, or has given up.
  if (!loaded && loaded.error().code == ErrorCode::not_found) co_return Result<void>{};
  CORRAL_CO_TRY(const auto session, loaded);
  if (session.status != domain::SessionStatus::running) co_return Result<void>{};
  CORRAL_CO_TRY(const auto live, co_await open_session(id));
  auto attached = co_await core_.deps.launcher.attach(workspace_id);
  if (!attached) {
    if (attached.error().code != ErrorCode::not_found &&
        attached.error().code != ErrorCode::unavailable)
      co_return std::unexpected(attached.error());
    co_return co_await end(session, 0, "its workspace is gone", live);
  }
  const auto workspace = *std::move(attached);
  auto spec = co_await spec_of(session, *workspace, live->taken());
  auto started = spec ? co_await workspace->start(*std::move(spec))
                      : Result<void>(std::unexpected(spec.error()));
  if (!started) co_return co_await end(session, 127, started.error().describe(), live);
  live->connect(std::make_shared<WorkspaceTerminal>(workspace, session.process_id()));

  const auto sink = [live](std::uint64_t offset, std::string bytes) {
    return take_output(live, offset, std::move(bytes));
  };
  std::string reason;
  auto read =
      co_await until(workspace->read_output_ahead(session.process_id(), live->taken(), sink),
                     supervise(session, workspace, live, reason));
  if (!read || !*read) {
    if (workspace->gone()) co_return co_await end(session, 0, "its workspace is gone", live);
    co_return read ? std::unexpected(read->error())
                   : fail(ErrorCode::unavailable, "the session's supervision ended");
  }
  const auto exit = co_await workspace->wait(session.process_id());
  if (!exit && !workspace->gone()) co_return std::unexpected(exit.error());
  if (!exit) reason = "its workspace is gone";
  if (exit && exit->timed_out) reason = "its time is over";
  if (exit && exit->out_of_memory) reason = "it ran out of memory";
  co_return co_await end(session, exit ? exit->exit_code : 0, std::move(reason), live);
}

// Ends the process when it must end. Never returns by itself: the process's end cancels it.
Task<void> SessionHost::supervise(domain::Session session,
                                  std::shared_ptr<ports::Workspace> workspace,
                                  std::shared_ptr<session::LiveSession> live, std::string& reason) {
  const auto followed = followed_.at(session.id);
  auto seen = followed->news;
  if (auto fresh = co_await load(session.id)) session = *std::move(fresh);
  const auto most = core_.options.session_log_bytes;
  while (!session.stop_reason) {
    if (most > 0 && live->output().end() >= most) {
      const auto why = fmt::format("it printed {} bytes, and a session may print {}",
                                   live->output().end(), most);
      if (auto told = co_await tell(session.id, domain::StopSession{why}, "worker"))
        session = *std::move(told);
      continue;
    }
    const auto idle = session.request.idle_limit;
    const auto quiet = core_.deps.clock.now() - live->last_activity();
    if (idle.count() > 0 && quiet >= idle) {
      auto told =
          co_await tell(session.id, domain::StopSession{"nothing happened for too long"}, "worker");
      if (told) session = *std::move(told);
      continue;
    }
    // Where no other process writes to the store, whatever happens is told here.
    const auto longest = core_.options.store_use == StoreUse::alone
                             ? std::max(kLookAlone, core_.options.heartbeat)
                             : core_.options.heartbeat;
    auto wait = idle.count() > 0 ? std::min(longest, idle - quiet) : longest;
    if (quiet < kRestAfter) wait = std::min(wait, kRestAfter - quiet);
    if (quiet >= kRestAfter) live->rest();
    if (followed->news == seen) co_await wait_or(followed->changed, core_.deps.clock.sleep(wait));
    seen = followed->news;
    if (auto fresh = co_await load(session.id)) session = *std::move(fresh);
  }
  reason = *session.stop_reason;
  for (const int number : {SIGHUP, SIGTERM, SIGKILL}) {
    (void)co_await workspace->signal(session.process_id(), number);
    co_await core_.deps.clock.sleep(core_.options.stop_grace);
  }
  Signal never(core_.deps.executor);
  for (;;) co_await never.wait();
}

Task<Result<void>> SessionHost::end(const domain::Session& session, int exit_code,
                                    std::string reason,
                                    std::shared_ptr<session::LiveSession> live) {
  CORRAL_CO_CHECK(co_await live->close());
  std::vector<ports::Change> extra;
  if (!session.request.step.empty())
    extra.emplace_back(ports::WakeJob{run_job_key(session.request.run)});
  CORRAL_CO_CHECK(co_await tell(
      session.id, domain::EndSession{exit_code, std::move(reason), live->output().end()}, "worker",
      std::move(extra)));
  core_.drivers.notify(session.request.run);
  log::info("session.ended", {{"session", session.id.to_string()}, {"exit_code", exit_code}});
  co_return Result<void>{};
}

Task<Result<domain::Session>> SessionHost::stop_session(SessionId id, std::string reason,
                                                        Caller by) {
  CORRAL_CO_TRY(auto session, co_await tell(id, domain::StopSession{std::move(reason)}, by));
  // Nobody has begun it, so nobody would end it.
  if (session.status == domain::SessionStatus::created && !followed_.contains(id)) {
    CORRAL_CO_TRY(session, co_await tell(id, domain::EndSession{0, *session.stop_reason, 0}, by));
  }
  co_return session;
}

Task<Result<void>> SessionHost::end_all(RunId run, domain::SessionStatus state,
                                        std::string reason) {
  const ports::DocumentQuery query{.kind = std::string(kSessionKind),
                                   .parent = run.to_string(),
                                   .state = std::string(to_string(state)),
                                   .limit = ports::kMaxListLimit};
  for (;;) {
    CORRAL_CO_TRY(const auto documents, co_await core_.deps.store.list(query));
    for (const auto& document : documents)
      if (const auto id = SessionId::parse(document.id))
        CORRAL_CO_CHECK(co_await tell(*id, domain::EndSession{0, reason, 0}, "worker"));
    // Those that have ended are no longer listed.
    if (documents.size() < query.limit) co_return Result<void>{};
  }
}

}  // namespace corral::engine
