#include "main/doctor.h"

#include <cstdlib>

#include <unistd.h>

#include "adapters/agent/agents.h"
#include "adapters/sandbox/local/local_launcher.h"
#include "base/files.h"
#include "base/subprocess.h"
#include "main/run_task.h"
#include "main/settings.h"
#include "main/version.h"
#include "ports/llm_api.h"

namespace corral {
namespace {

enum class Status { ok, warning, problem };

class Report {
 public:
  void add(std::string_view name, Status status, std::string detail, std::string remedy = {}) {
    constexpr const char* kNames[] = {"ok", "warning", "problem"};
    if (status == Status::problem) ok_ = false;
    checks_.push_back(json::object{{"name", name},
                                   {"status", kNames[static_cast<int>(status)]},
                                   {"detail", detail},
                                   {"remedy", remedy}});
  }
  bool ok() const { return ok_; }
  json::array take() { return std::move(checks_); }

 private:
  json::array checks_;
  bool ok_ = true;
};

Task<void> check_program(Report& report, std::string name, std::string remedy) {
  const auto found = co_await run_command({.argv = {name, "--version"},
                                           .env = inherited_env(),
                                           .timeout = std::chrono::milliseconds(10'000)});
  if (found && found->exit_code == 0)
    report.add(name, Status::ok, found->output.substr(0, found->output.find('\n')));
  else
    report.add(name, Status::problem, name + " is not installed", remedy);
}

Task<std::string> check_sandbox(Report& report, asio::io_context& context, BlockingPool& pool,
                                edge::cli::DoctorOptions options, ports::Isolation wanted) {
  adapters::sandbox::LocalLauncherOptions launcher_options;
  launcher_options.data_folder = options.data;
  launcher_options.runner_program = runner_program();
  launcher_options.isolation = wanted;
  launcher_options.executor = context.get_executor();
  launcher_options.pool = &pool;
  const auto launcher = adapters::sandbox::make_local_launcher(std::move(launcher_options));
  const auto status = co_await launcher->check();
  if (!status) {
    report.add("sandbox", Status::problem, status.error().describe(),
               "or run with --sandbox reduced; see docs/sandbox.md");
    co_return "unavailable";
  }
  const std::string isolation(ports::to_string(status->isolation));
  report.add("sandbox",
             status->isolation == ports::Isolation::sandbox ? Status::ok : Status::warning,
             "isolation: " + isolation);
  for (const auto& warning : status->warnings)
    report.add("limits", Status::warning, warning,
               "see docs/sandbox.md; --require-limits makes it fatal");
  co_return isolation;
}

Task<json::array> check_agents(Report& report, std::filesystem::path folder) {
  json::array list;
  for (const auto& agent : adapters::agent::make_all_agents({.folder = folder})) {
    const auto info = co_await agent->info();
    if (!info) {
      report.add("agent " + std::string(agent->name()), Status::problem, info.error().describe());
      continue;
    }
    const bool ready = info->problem.empty();
    report.add(
        "agent " + info->name, ready ? Status::ok : Status::warning,
        ready ? (info->version.empty() ? "ready" : "version " + info->version) : info->problem,
        ready ? "" : "corral agent install " + info->name);
    list.push_back(ports::to_json(*info));
  }
  co_return list;
}

// One key is enough: which agents it serves is docs/agents.md's.
void check_keys(Report& report) {
  std::string found, missing;
  for (const auto& vendor : ports::llm_vendors()) {
    const char* key = std::getenv(vendor.key_variable.data());
    auto& list = key != nullptr && *key != '\0' ? found : missing;
    list += (list.empty() ? "" : ", ") + std::string(vendor.key_variable);
  }
  if (found.empty())
    report.add("model provider", Status::warning, fmt::format("no key is set ({})", missing),
               "export one before `corral serve`, or use --replay FILE");
  else
    report.add("model provider", Status::ok, fmt::format("set: {}", found));
}

void check_data(Report& report, const std::filesystem::path& data) {
  if (auto made = make_directories(data); !made) {
    report.add("data folder", Status::problem, made.error().describe(), "give another --data");
    return;
  }
  std::error_code error;
  const auto space = std::filesystem::space(data, error);
  if (::access(data.c_str(), W_OK) != 0)
    report.add("data folder", Status::problem, data.string() + " cannot be written",
               "give another --data");
  else if (!error && space.available < (std::uintmax_t{1} << 30))
    report.add("data folder", Status::warning,
               fmt::format("{}: only {} MB free", data.string(), space.available >> 20),
               "make room: each workspace may use 10 GB");
  else
    report.add("data folder", Status::ok,
               fmt::format("{}: {} GB free", data.string(), error ? 0 : space.available >> 30));
}

Task<Result<json::value>> examine_all(asio::io_context& context, BlockingPool& pool,
                                      edge::cli::DoctorOptions options, ports::Isolation wanted) {
  Report report;
  check_data(report, options.data);
  co_await check_program(report, "git", "install the package git");
  co_await check_program(report, "bwrap", "install the package bubblewrap");
  const std::string isolation = co_await check_sandbox(report, context, pool, options, wanted);
  json::array agents = co_await check_agents(report, agents_folder(options.data));
  check_keys(report);
  const bool ok = report.ok();
  co_return json::value(json::object{{"version", kVersion},
                                     {"ok", ok},
                                     {"isolation", isolation},
                                     {"checks", report.take()},
                                     {"agents", std::move(agents)}});
}

}  // namespace

Result<json::value> examine(const edge::cli::DoctorOptions& options) {
  CORRAL_TRY(const auto wanted, isolation_named(options.sandbox));
  BlockingPool pool(1);
  asio::io_context context(1);
  return run_task(context, examine_all(context, pool, options, wanted));
}

}  // namespace corral
