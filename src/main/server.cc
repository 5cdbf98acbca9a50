#include "main/server.h"

#include <vector>

#include "adapters/agent/agents.h"
#include "adapters/blob/fs/fs_blobs.h"
#include "adapters/cache/memory/memory_cache.h"
#include "adapters/git/mirrors.h"
#include "adapters/http/http_client.h"
#include "adapters/llm/providers.h"
#include "adapters/notify/web_push.h"
#include "adapters/sandbox/local/local_launcher.h"
#include "base/files.h"
#include "base/log.h"
#include "edge/gateway/gateway.h"
#include "edge/http/api.h"
#include "engine/engine.h"
#include "engine/notifier.h"
#include "main/data_folder.h"
#include "main/open_store.h"
#include "main/version.h"
#include "session/log_store.h"

namespace corral {
namespace {

enum class ModelSource { live, record, replay };

constexpr std::string_view name_of(ModelSource source) {
  switch (source) {
    case ModelSource::record: return "record";
    case ModelSource::replay: return "replay";
    case ModelSource::live: break;
  }
  return "live";
}

Result<std::unique_ptr<ports::LlmProvider>> make_provider(Settings& settings, BlockingPool& pool,
                                                          Clock& clock) {
  if (settings.replay) return adapters::llm::make_replay_provider(*settings.replay, {}, clock);
  CORRAL_TRY(auto live, adapters::llm::make_http_provider(std::move(settings.upstreams)));
  if (!settings.record) return live;
  return adapters::llm::make_recording_provider(std::move(live), *settings.record,
                                                "recorded by corral serve --record", pool, clock);
}

}  // namespace

// In the order of construction: what comes later may use what comes earlier.
struct Server::Parts {
  Parts(Executor on, Settings with, DataFolder data)
      : executor(std::move(on)),
        settings(std::move(with)),
        folder(std::move(data)),
        doors(executor) {}

  Executor executor;
  Settings settings;
  DataFolder folder;
  Clock& clock = SystemClock::instance();
  Random& random = SystemRandom::instance();
  BlockingPool pool{4};

  std::unique_ptr<ports::Store> store;
  std::unique_ptr<ports::Cache> cache;
  std::unique_ptr<session::LogStore> logs;
  std::unique_ptr<ports::Blobs> blobs;
  std::unique_ptr<ports::Mirrors> mirrors;
  std::vector<std::shared_ptr<ports::Agent>> agents;
  std::unique_ptr<ports::LlmProvider> provider;
  std::unique_ptr<ports::HttpClient> http;
  std::unique_ptr<ports::PushService> push;
  std::unique_ptr<ports::Launcher> launcher;
  ports::LauncherStatus isolation;
  std::unique_ptr<engine::Engine> engine;
  std::unique_ptr<engine::Notifier> notifier;
  std::unique_ptr<edge::HttpServer> gateway, api;
  Secret token;
  std::string url;
  TaskScope doors;  // git connections under way

  Result<void> open_storage();
  Task<Result<void>> open_launcher();
  Task<Result<void>> start_engine();
  Task<Result<void>> start_notifier();
  Result<void> start_gateway();
  Result<void> listen();
  void on_door(WorkspaceId workspace, ports::DoorKind kind, Fd connection);
  edge::ApiDeps api_deps();
};

namespace {

Task<void> serve_git(ports::Mirrors* mirrors, engine::WorkspaceOwner owner, Fd connection) {
  auto served = co_await mirrors->serve(owner.project, owner.branch, std::move(connection));
  if (!served)
    log::info("git.connection_failed",
              {{"run", owner.run.to_string()}, {"what", served.error().describe()}});
}

Task<Result<json::value>> list_agents(const std::vector<std::shared_ptr<ports::Agent>>* agents) {
  json::array list;
  for (const auto& agent : *agents) {
    CORRAL_CO_TRY(const auto info, co_await agent->info());
    list.push_back(ports::to_json(info));
  }
  co_return json::value(std::move(list));
}

Task<Result<void>> check_ready(ports::Store* store, Clock* clock) {
  CORRAL_CO_CHECK(co_await store->queue_counts(clock->now()));
  co_return Result<void>{};
}

}  // namespace

Result<void> Server::Parts::open_storage() {
  const auto& data = folder.path();
  CORRAL_TRY(store, open_store(settings));
  cache = adapters::cache::make_memory_cache(clock);
  logs = session::make_file_log_store(data / "logs", pool, executor);
  blobs = adapters::blob::make_fs_blobs(data / "blobs", pool);
  CORRAL_TRY(mirrors, adapters::git::make_git_mirrors(
                          {.folder = data / "mirrors", .env = settings.git_env}));
  for (auto& agent : adapters::agent::make_all_agents({.folder = settings.agents}))
    agents.push_back(std::move(agent));
  CORRAL_TRY(provider, make_provider(settings, pool, clock));
  http = adapters::http::make_http_client({.allow = settings.http_allow});
  return {};
}

Task<Result<void>> Server::Parts::open_launcher() {
  adapters::sandbox::LocalLauncherOptions options;
  options.data_folder = folder.path();
  options.runner_program = settings.runner_program;
  options.isolation = settings.isolation;
  options.require_limits = settings.require_limits;
  options.executor = executor;
  options.pool = &pool;
  options.door = [this](WorkspaceId workspace, ports::DoorKind kind, Fd connection) {
    on_door(workspace, kind, std::move(connection));
  };
  launcher = adapters::sandbox::make_local_launcher(std::move(options));
  CORRAL_CO_TRY(isolation, co_await launcher->check());
  for (const auto& warning : isolation.warnings)
    log::warning("sandbox.limit_missing", {{"what", warning}});
  if (isolation.isolation != ports::Isolation::sandbox)
    log::warning("sandbox.weak", {{"isolation", ports::to_string(isolation.isolation)},
                                  {"what", "runs are marked; see docs/sandbox.md"}});
  co_return Result<void>{};
}

void Server::Parts::on_door(WorkspaceId workspace, ports::DoorKind kind, Fd connection) {
  const auto owner = engine->workspace_owner(workspace);
  if (!owner) return;  // a workspace that no run uses: the connection closes
  switch (kind) {
    case ports::DoorKind::gateway:
      gateway->serve(std::move(connection), owner->run.to_string());
      break;
    case ports::DoorKind::git:
      doors.start("git.connection", serve_git(mirrors.get(), *owner, std::move(connection)));
      break;
  }
}

Task<Result<void>> Server::Parts::start_engine() {
  CORRAL_CO_TRY(auto key, folder.run_token_key(random));
  engine::EngineOptions options;
  options.running = settings.max_runs;
  options.per_project = settings.max_runs_per_project;
  options.budget_usd = settings.budget_usd;
  options.keep_logs = settings.keep_logs;
  options.log_quota_bytes = settings.logs_quota_bytes;
  options.session_log_bytes = settings.session_log_bytes;
  CORRAL_CO_TRY(options.server, folder.server_id(random));
  // Other servers may be at work on the same database.
  options.store_use =
      settings.store_url.empty() ? engine::StoreUse::alone : engine::StoreUse::shared;
  options.lease = settings.lease;
  options.heartbeat = settings.lease / 3;
  engine = engine::make_engine({.executor = executor,
                                .store = *store,
                                .cache = *cache,
                                .launcher = *launcher,
                                .mirrors = *mirrors,
                                .agents = agents,
                                .blobs = *blobs,
                                .logs = *logs,
                                .models = *provider,
                                .http = *http,
                                .clock = clock,
                                .random = random,
                                .token_key = std::move(key)},
                               options);
  CORRAL_CO_CHECK(start_gateway());
  co_return co_await engine->start();
}

Task<Result<void>> Server::Parts::start_notifier() {
  CORRAL_CO_TRY(auto key, folder.push_key(random));
  push = adapters::notify::make_web_push(
      *http, clock, random,
      {.seed = std::move(key), .contact = settings.push_contact, .allow = settings.http_allow});
  notifier = std::make_unique<engine::Notifier>(engine::NotifierDeps{
      .executor = executor, .store = *store, .push = *push, .clock = clock, .random = random});
  co_return co_await notifier->start();
}

Result<void> Server::Parts::start_gateway() {
  edge::GatewayOptions options;
  options.run_of_peer = [](std::string_view peer) { return RunId::parse(peer); };
  gateway = std::make_unique<edge::HttpServer>(
      executor, edge::make_gateway_handler(*engine, *provider, clock, std::move(options)),
      edge::gateway_server_options());
  return {};
}

edge::ApiDeps Server::Parts::api_deps() {
  const ModelSource source = settings.replay   ? ModelSource::replay
                             : settings.record ? ModelSource::record
                                               : ModelSource::live;
  return {.service = *engine,
          .sessions = engine->sessions(),
          .files = engine->files(),
          .notify = *notifier,
          .token = token.clone(),
          .info = [this, source]() -> json::value {
            json::array warnings;
            for (const auto& warning : isolation.warnings) warnings.emplace_back(warning);
            return json::object{{"version", kVersion},
                                {"isolation", ports::to_string(isolation.isolation)},
                                {"warnings", std::move(warnings)},
                                {"model_source", name_of(source)}};
          },
          .agents = [this] { return list_agents(&agents); },
          .ready = [this] { return check_ready(store.get(), &clock); },
          .version = std::string(kVersion)};
}

Result<void> Server::Parts::listen() {
  if (settings.token_file) {
    CORRAL_TRY(auto text, read_file(*settings.token_file, 4096));
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' '))
      text.pop_back();
    if (text.size() < 16)
      return fail(ErrorCode::invalid, "{} must hold a login token of at least 16 characters",
                  settings.token_file->string());
    token = Secret(std::move(text));
  } else if (!edge::check_listen_policy(settings.address, false)) {
    CORRAL_TRY(auto login, folder.login_token(random));
    token = std::move(login.token);
    if (login.created)
      fmt::print(stderr, "login token for this server, shown this once (kept in {}): {}\n",
                 (folder.path() / "admin-token").string(), token.expose());
  }
  CORRAL_CHECK(edge::check_listen_policy(settings.address, !token.empty()));
  api = std::make_unique<edge::HttpServer>(executor, edge::make_api(api_deps()),
                                           edge::ServerOptions{});
  CORRAL_TRY(const auto port, api->listen(settings.address, settings.port));
  const bool v6 = settings.address.find(':') != std::string::npos;
  url = fmt::format("http://{}{}{}:{}", v6 ? "[" : "", settings.address, v6 ? "]" : "", port);
  return folder.announce(url, token.expose());
}

Task<Result<std::unique_ptr<Server>>> Server::start(asio::io_context& context, Settings settings) {
  CORRAL_CO_TRY(auto folder, DataFolder::open(settings.data));
  auto parts =
      std::make_unique<Parts>(context.get_executor(), std::move(settings), std::move(folder));
  Parts& wired = *parts;
  std::unique_ptr<Server> server(new Server(std::move(parts)));
  auto started = wired.open_storage();
  if (started) started = co_await wired.open_launcher();
  if (started) started = co_await wired.start_engine();
  if (started) started = co_await wired.start_notifier();
  if (started) started = wired.listen();
  if (!started) {
    co_await server->stop();
    co_return std::unexpected(std::move(started).error());
  }
  co_return server;
}

Server::Server(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Server::~Server() = default;

std::string Server::url() const { return parts_->url; }
std::string Server::token() const { return std::string(parts_->token.expose()); }

Task<void> Server::stop() {
  parts_->folder.withdraw();
  if (parts_->api) co_await parts_->api->stop();
  if (parts_->notifier) co_await parts_->notifier->stop();
  if (parts_->engine) co_await parts_->engine->stop();
  if (parts_->gateway) co_await parts_->gateway->stop();
  co_await parts_->doors.stop();
}

}  // namespace corral
