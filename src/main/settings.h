// What the server is told: the command line's options, completed from the environment. Read once,
// at the start.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "adapters/http/addresses.h"
#include "adapters/llm/providers.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/secret.h"
#include "edge/cli/cli.h"
#include "ports/launcher.h"

namespace corral {

struct Settings {
  std::filesystem::path data;
  std::filesystem::path agents;  // CORRAL_AGENTS; default: <data>/agents
  std::filesystem::path
      runner_program;  // CORRAL_RUNNER; default: corral-runner beside this program
  std::string address = "127.0.0.1";
  std::uint16_t port = 8420;
  std::optional<std::filesystem::path> token_file, record, replay;
  Secret store_url;  // --store, CORRAL_STORE: postgres://…; empty: SQLite in the data folder
  std::uint32_t store_readers = 4;  // CORRAL_STORE_READERS: connections that read
  ports::Isolation isolation = ports::Isolation::sandbox;
  bool require_limits = false;
  std::uint32_t max_runs = 10;
  Duration keep_logs{0};                    // of what has ended; 0: for ever
  std::uint64_t logs_quota_bytes = 0;       // 0: no limit
  std::uint64_t session_log_bytes = 0;      // likewise
  Duration lease{15'000};                   // of a run that this server drives
  std::uint32_t max_runs_per_project = 10;  // CORRAL_MAX_RUNS_PER_PROJECT; at most max_runs
  // By vendor: the URL and the key that ports/llm_api.h names variables for.
  std::vector<adapters::llm::Upstream> upstreams;
  std::optional<double> budget_usd;  // CORRAL_BUDGET_USD; of runs that name none
  // --http-allow, CORRAL_HTTP_ALLOW: hosts that `http` steps may call, and devices may be reached
  // at, whatever their addresses
  std::vector<adapters::http::AllowedHost> http_allow;
  std::string push_contact;  // CORRAL_PUSH_CONTACT: mailto: or https:, told to push services
  std::map<std::string, std::string>
      git_env;  // what git needs to reach private remotes: SSH_AUTH_SOCK, SSL_CERT_FILE
};

// `invalid` names the option or variable that is wrong.
Result<Settings> read_settings(const edge::cli::ServeOptions& options);

// Where agents are installed for a data folder.
std::filesystem::path agents_folder(const std::filesystem::path& data);
std::filesystem::path runner_program();
Result<ports::Isolation> isolation_named(const std::string& name);

}  // namespace corral
