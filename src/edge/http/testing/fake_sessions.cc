#include "edge/http/testing/fake_sessions.h"

#include "base/random.h"

namespace corral::edge::testing {
namespace {

// Prints what is typed, as `cat` on a terminal without line discipline would.
class Echo final : public session::Terminal {
 public:
  explicit Echo(FakeSessions::Kept& kept) : kept_(kept) {}
  Task<Result<std::uint64_t>> type(std::string source, std::uint64_t offset,
                                   std::string bytes) override {
    auto& end = ends_[source];
    if (offset > end && !bytes.empty()) co_return fail(ErrorCode::invalid, "a gap");
    if (offset + bytes.size() <= end) co_return end;
    const auto fresh = bytes.substr(end - offset);
    end = offset + bytes.size();
    const auto known = end;
    kept_.typed += fresh;
    CORRAL_CO_CHECK(co_await kept_.live->take(kept_.live->end(), fresh));
    co_return known;
  }
  Task<Result<void>> resize(session::Size) override { co_return Result<void>{}; }
  Task<Result<void>> signal(int number) override {
    kept_.signals.push_back(number);
    co_return Result<void>{};
  }

 private:
  FakeSessions::Kept& kept_;
  std::map<std::string, std::uint64_t> ends_;
};

}  // namespace

FakeSessions::FakeSessions(Executor executor)
    : logs_(session::make_file_log_store(folder_.path(), pool_, std::move(executor))),
      workspace_(WorkspaceId::make(SystemClock::instance().now(), SystemRandom::instance())) {}

FakeSessions::~FakeSessions() {
  for (auto& [id, kept] : sessions_) kept.live.reset();
}

Result<FakeSessions::Kept*> FakeSessions::find_session(SessionId session) {
  const auto at = sessions_.find(session);
  if (at == sessions_.end())
    return fail(ErrorCode::not_found, "there is no session {}", session.to_string());
  return &at->second;
}

Task<Result<void>> FakeSessions::print(SessionId session, std::string bytes) {
  CORRAL_CO_TRY(auto* kept, find_session(session));
  co_return co_await kept->live->take(kept->live->end(), std::move(bytes));
}

Task<Result<void>> FakeSessions::end(SessionId session, int exit_code) {
  CORRAL_CO_TRY(auto* kept, find_session(session));
  CORRAL_CO_CHECK(co_await kept->live->close());
  kept->document["status"] = "ended";
  kept->document["exit_code"] = exit_code;
  kept->document["log_bytes"] = kept->live->output().end();
  kept->document["ended_at"] = to_rfc3339(SystemClock::instance().now());
  kept->live->announce_document();
  co_return Result<void>{};
}

Task<Result<json::value>> FakeSessions::create_session(engine::NewSession request,
                                                       engine::Caller by) {
  const int places = !request.run.empty() + !request.project.empty() + !request.git_url.empty();
  if (places != 1) co_return fail(ErrorCode::invalid, "give one of run, project and git_url");
  const auto now = SystemClock::instance().now();
  const auto id = SessionId::make(now, SystemRandom::instance());
  auto& kept = sessions_[id];
  const auto some = Uuid::v7(now, SystemRandom::instance()).to_string();
  json::array command;
  for (const auto& word : request.command) command.emplace_back(word);
  kept.document = {{"id", id.to_string()},
                   {"run", request.run.empty() ? some : request.run},
                   {"project", some},
                   {"workspace", workspace_.to_string()},
                   {"step", nullptr},
                   {"name", request.name.empty() ? "shell" : request.name},
                   {"agent", nullptr},
                   {"command", std::move(command)},
                   {"status", "running"},
                   {"stopping", false},
                   {"author", by.actor},
                   {"exit_code", nullptr},
                   {"end_reason", nullptr},
                   {"log_bytes", nullptr},
                   {"idle_s", 0},
                   {"limit_s", 0},
                   {"shares", json::array()},
                   {"created_at", to_rfc3339(now)},
                   {"started_at", to_rfc3339(now)},
                   {"ended_at", nullptr}};
  const session::Size size{static_cast<std::uint16_t>(request.columns),
                           static_cast<std::uint16_t>(request.rows)};
  CORRAL_CO_TRY(kept.live, co_await session::LiveSession::open(*logs_, id.to_string(), size,
                                                               SystemClock::instance()));
  kept.live->connect(std::make_shared<Echo>(kept));
  co_return json::value(kept.document);
}

Task<Result<json::value>> FakeSessions::rename_session(SessionId session, std::string name,
                                                       engine::Caller) {
  CORRAL_CO_TRY(auto* kept, find_session(session));
  kept->document["name"] = name;
  kept->live->announce_document();
  co_return json::value(kept->document);
}

Task<Result<json::value>> FakeSessions::stop_session(SessionId session, std::string,
                                                     engine::Caller) {
  CORRAL_CO_TRY(auto* kept, find_session(session));
  if (!kept->live->closed()) CORRAL_CO_CHECK(co_await end(session, 129));
  co_return json::value(kept->document);
}

Task<Result<json::value>> FakeSessions::share_session(SessionId session, engine::NewShare share,
                                                      engine::Caller) {
  CORRAL_CO_TRY(auto* kept, find_session(session));
  const auto role = session::role_from(share.role);
  if (!role) co_return fail(ErrorCode::invalid, "role: must be view or type");
  const auto token = SystemRandom::instance().hex(16);
  kept->shares[token] = *role;
  co_return json::object{
      {"id", token.substr(0, 8)},
      {"token", token},
      {"role", share.role},
      {"expires_at", to_rfc3339(SystemClock::instance().now() + Duration(share.expires_s * 1000))}};
}

Task<Result<void>> FakeSessions::revoke_share(SessionId session, std::string share,
                                              engine::Caller) {
  CORRAL_CO_TRY(auto* kept, find_session(session));
  if (std::erase_if(kept->shares,
                    [&](const auto& entry) { return entry.first.starts_with(share); }) == 0)
    co_return fail(ErrorCode::not_found, "the session has no link {}", share);
  kept->live->announce_document();
  co_return Result<void>{};
}

Task<Result<json::value>> FakeSessions::get_session(SessionId session) {
  CORRAL_CO_TRY(auto* kept, find_session(session));
  co_return json::value(kept->document);
}

Task<Result<engine::Page>> FakeSessions::list_sessions(engine::SessionFilter filter) {
  engine::Page page;
  for (auto at = sessions_.rbegin(); at != sessions_.rend(); ++at)
    if (filter.status.empty() || filter.status == find_string(at->second.document, {"status"}))
      page.items.emplace_back(at->second.document);
  co_return page;
}

Task<Result<std::shared_ptr<session::LiveSession>>> FakeSessions::open_session(SessionId session) {
  CORRAL_CO_TRY(auto* kept, find_session(session));
  co_return kept->live;
}

Task<Result<FakeSessions::Guest>> FakeSessions::open_share(std::string token) {
  for (const auto& [id, kept] : sessions_)
    if (const auto share = kept.shares.find(token); share != kept.shares.end())
      co_return Guest{id, share->second};
  co_return fail(ErrorCode::unauthenticated, "this link opens nothing (any more)");
}

}  // namespace corral::edge::testing
