// The program `corral`: hands the command line what it needs from the server's side.
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <thread>

#include <sys/resource.h>

#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "adapters/agent/agents.h"
#include "base/log.h"
#include "edge/cli/cli.h"
#include "edge/http/api.h"
#include "engine/rebuild.h"
#include "main/data_folder.h"
#include "main/doctor.h"
#include "main/open_store.h"
#include "main/run_task.h"
#include "main/server.h"
#include "main/settings.h"
#include "main/version.h"

namespace corral {
namespace {

// Says what went wrong and maps it: wrong input is exit code 2, everything else that keeps a server
// from starting is 1.
int report(const Error& error) {
  fmt::print(stderr, "corral: {}\n", error.describe());
  return error.code == ErrorCode::invalid || error.code == ErrorCode::corrupt ? edge::cli::kUsage
                                                                              : edge::cli::kFailed;
}

Task<Result<void>> serve_until_signal(asio::io_context& context, Settings settings) {
  asio::signal_set signals(context, SIGINT, SIGTERM);
  CORRAL_CO_TRY(auto server, co_await Server::start(context, std::move(settings)));
  fmt::print("listening on {}\n", server->url());
  std::fflush(stdout);
  co_await signals.async_wait(asio::use_awaitable);
  // A second signal ends the program at once.
  signals.clear();
  log::info("server.stopping");
  co_await server->stop();
  co_return Result<void>{};
}

// A live session keeps its logs open. The usual limit of 1,024 is meant for programs that select();
// what is started in a workspace gets a limit of its own.
void allow_many_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0)
    log::warning("server.few_descriptors", {{"why", std::strerror(errno)}});
}

int serve(const edge::cli::ServeOptions& options) {
  allow_many_descriptors();
  auto settings = read_settings(options);
  if (!settings) return report(settings.error());
  asio::io_context context(1);
  const auto served = run_task(context, serve_until_signal(context, *std::move(settings)));
  return served ? edge::cli::kOk : report(served.error());
}

// A server on a thread of its own, for one command.
struct Embedded {
  asio::io_context context{1};
  std::unique_ptr<Server> server;
  std::thread thread;

  void stop() {
    if (!thread.joinable()) return;
    asio::co_spawn(context, server->stop(), [this](std::exception_ptr) { context.stop(); });
    thread.join();
    server.reset();
  }
  ~Embedded() { stop(); }
};

Result<edge::cli::EmbeddedServer> start_embedded(const edge::cli::ServeOptions& options) {
  CORRAL_TRY(auto settings, read_settings(options));
  auto embedded = std::make_shared<Embedded>();
  std::optional<Result<std::unique_ptr<Server>>> started;
  asio::co_spawn(embedded->context, Server::start(embedded->context, std::move(settings)),
                 [&](std::exception_ptr thrown, Result<std::unique_ptr<Server>> result) {
                   if (thrown) std::rethrow_exception(thrown);
                   started.emplace(std::move(result));
                 });
  while (!started && embedded->context.run_one() > 0) {
  }
  CORRAL_ASSERT(started.has_value());
  CORRAL_TRY(embedded->server, *std::move(started));
  embedded->thread = std::thread([context = &embedded->context] { context->run(); });
  return edge::cli::EmbeddedServer{embedded->server->url(), embedded->server->token(),
                                   [embedded] { embedded->stop(); }};
}

std::vector<std::unique_ptr<ports::Agent>> all_agents(const std::filesystem::path& data) {
  return adapters::agent::make_all_agents({.folder = agents_folder(data)});
}

Task<Result<json::value>> describe_agents(std::filesystem::path data) {
  const auto agents = all_agents(data);
  json::array list;
  for (const auto& agent : agents) {
    CORRAL_CO_TRY(const auto info, co_await agent->info());
    list.push_back(ports::to_json(info));
  }
  co_return json::value(std::move(list));
}

Task<Result<json::value>> install_agent(std::string name, std::filesystem::path data,
                                        std::function<void(std::string_view)> progress) {
  const auto agents = all_agents(data);
  std::string known;
  for (const auto& agent : agents) {
    known += (known.empty() ? "" : ", ") + std::string(agent->name());
    if (agent->name() != name) continue;
    CORRAL_CO_CHECK(co_await agent->install(progress));
    CORRAL_CO_TRY(const auto info, co_await agent->info());
    co_return ports::to_json(info);
  }
  co_return fail(ErrorCode::invalid, "there is no agent '{}'; there are: {}", name, known);
}

Result<json::value> rebuild_store(const edge::cli::RebuildOptions& options,
                                  std::function<void(std::string_view)> progress) {
  edge::cli::ServeOptions serve;
  serve.data = options.data;
  serve.store = options.store;
  CORRAL_TRY(const auto settings, read_settings(serve));
  // Held meanwhile: a server that runs says so here.
  CORRAL_TRY(const auto folder, DataFolder::open(settings.data));
  CORRAL_TRY(const auto store, open_store(settings));
  asio::io_context context(1);
  const auto mode = options.mode == edge::cli::RebuildOptions::Mode::check
                        ? engine::Rebuild::check
                        : engine::Rebuild::repair;
  CORRAL_TRY(const auto report, run_task(context, engine::rebuild_read_models(
                                                      *store, mode, [progress](std::uint64_t runs) {
                                                        progress(fmt::format("{} runs", runs));
                                                      })));
  json::array differences(report.differences.begin(), report.differences.end());
  return json::object{{"runs", report.runs},           {"events", report.events},
                      {"documents", report.documents}, {"changed", report.changed},
                      {"removed", report.removed},     {"differences", std::move(differences)}};
}

}  // namespace
}  // namespace corral

int main(int argc, char** argv) {
  using namespace corral;
  std::signal(SIGPIPE, SIG_IGN);
  edge::cli::CliHooks hooks;
  hooks.serve = serve;
  hooks.start_embedded = start_embedded;
  hooks.doctor = examine;
  hooks.agent_install = [](const std::string& name, const std::filesystem::path& data,
                           std::function<void(std::string_view)> progress) {
    asio::io_context context(1);
    return run_task(context, install_agent(name, data, std::move(progress)));
  };
  hooks.agent_list = [](const std::filesystem::path& data) {
    asio::io_context context(1);
    return run_task(context, describe_agents(data));
  };
  hooks.store_rebuild = rebuild_store;
  hooks.openapi = [] { return edge::openapi_document(kVersion); };
  hooks.version = std::string(kVersion);
  return edge::cli::cli_main(argc, argv, hooks);
}
