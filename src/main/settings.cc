#include "main/settings.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <system_error>

namespace corral {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

template <class T>
Result<std::optional<T>> number(const char* name, T smallest) {
  const std::string text = variable(name);
  if (text.empty()) return std::nullopt;
  T value{};
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size() || value < smallest)
    return fail(ErrorCode::invalid, "{}='{}' is not a number of at least {}", name, text, smallest);
  return value;
}

// The command line's and, separated by commas, the environment's.
Result<std::vector<adapters::http::AllowedHost>> allowed_hosts(std::vector<std::string> given) {
  const std::string more = variable("CORRAL_HTTP_ALLOW");
  for (std::size_t at = 0; at < more.size();) {
    const auto end = std::min(more.find(',', at), more.size());
    if (end > at) given.push_back(more.substr(at, end - at));
    at = end + 1;
  }
  std::vector<adapters::http::AllowedHost> all;
  for (const auto& text : given) {
    auto host = adapters::http::parse_allowed_host(text);
    if (!host) return wrap(host.error(), "--http-allow or CORRAL_HTTP_ALLOW");
    all.push_back(*std::move(host));
  }
  return all;
}

}  // namespace

std::filesystem::path agents_folder(const std::filesystem::path& data) {
  const std::string chosen = variable("CORRAL_AGENTS");
  return chosen.empty() ? data / "agents" : std::filesystem::absolute(chosen);
}

std::filesystem::path runner_program() {
  if (const std::string chosen = variable("CORRAL_RUNNER"); !chosen.empty())
    return std::filesystem::absolute(chosen);
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).parent_path() / "corral-runner";
}

Result<ports::Isolation> isolation_named(const std::string& name) {
  for (const auto isolation :
       {ports::Isolation::sandbox, ports::Isolation::reduced, ports::Isolation::none})
    if (name == ports::to_string(isolation)) return isolation;
  return fail(ErrorCode::invalid, "'{}' is no kind of sandbox: it may be sandbox, reduced or none",
              name);
}

Result<Settings> read_settings(const edge::cli::ServeOptions& options) {
  Settings settings;
  settings.data = options.data;
  settings.agents = agents_folder(options.data);
  settings.runner_program = runner_program();
  settings.address = options.address;
  settings.port = options.port;
  settings.token_file = options.token_file;
  settings.record = options.record;
  settings.replay = options.replay;
  settings.store_url = Secret(options.store.empty() ? variable("CORRAL_STORE") : options.store);
  // Never repeated: it may hold a password.
  if (const auto url = settings.store_url.expose();
      !url.empty() && !url.starts_with("postgres://") && !url.starts_with("postgresql://"))
    return fail(ErrorCode::invalid,
                "--store or CORRAL_STORE: a store is named by a URL that begins with postgres://; "
                "without one it is SQLite in the data folder");
  CORRAL_TRY(const auto store_readers, number<std::uint32_t>("CORRAL_STORE_READERS", 1));
  settings.store_readers = store_readers.value_or(settings.store_readers);
  CORRAL_TRY(settings.isolation, isolation_named(options.sandbox));
  settings.require_limits = options.require_limits;
  settings.max_runs = options.max_runs;
  settings.keep_logs = std::chrono::days(options.keep_logs_days);
  settings.logs_quota_bytes = options.logs_quota_bytes;
  settings.session_log_bytes = options.session_log_bytes;
  settings.lease = std::chrono::seconds(options.lease_s);
  CORRAL_TRY(const auto per_project, number<std::uint32_t>("CORRAL_MAX_RUNS_PER_PROJECT", 1));
  settings.max_runs_per_project = per_project.value_or(settings.max_runs);
  for (const auto& vendor : ports::llm_vendors())
    settings.upstreams.push_back({vendor.vendor, variable(vendor.url_variable.data()),
                                  Secret(variable(vendor.key_variable.data()))});
  CORRAL_TRY(settings.budget_usd, number<double>("CORRAL_BUDGET_USD", 0));
  CORRAL_TRY(settings.http_allow, allowed_hosts(options.http_allow));
  settings.push_contact = variable("CORRAL_PUSH_CONTACT");
  if (const auto& contact = settings.push_contact;
      !contact.empty() && !contact.starts_with("mailto:") && !contact.starts_with("https://"))
    return fail(ErrorCode::invalid, "CORRAL_PUSH_CONTACT='{}' must begin with mailto: or https://",
                contact);
  for (const char* name : {"SSH_AUTH_SOCK", "SSL_CERT_FILE", "SSL_CERT_DIR"})
    if (std::string value = variable(name); !value.empty())
      settings.git_env[name] = std::move(value);
  if (settings.record && settings.replay)
    return fail(ErrorCode::invalid, "--record and --replay exclude each other");
  return settings;
}

}  // namespace corral
