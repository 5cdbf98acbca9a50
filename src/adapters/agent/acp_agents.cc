// Codex, Gemini CLI and opencode: what to install, how to start each, and the settings that make it
// use the gateway, ask for what it does, and leave the network alone. At a terminal, its arguments
// say that it need not ask.
#include "adapters/agent/acp_agent.h"
#include "base/json.h"

namespace corral::adapters::agent {
namespace {

using ports::AgentLaunch;
using ports::AgentTask;

// A TOML basic string (TOML 1.0.0, "String").
std::string toml_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\')
      out += fmt::format("\\{}", c);
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
      out += fmt::format("\\u{:04X}", static_cast<unsigned>(c));
    else
      out += c;
  }
  return out + "\"";
}

// Each asks for whatever changes something, whoever decides: where nobody wants to be asked the
// engine allows it at once, and that may change while the agent is at work.

// Its own sandbox is off: this one is around it.
void settle_codex(const AgentTask& task, AgentLaunch& launch) {
  std::string settings;
  if (!task.model.empty()) settings += fmt::format("model = {}\n", toml_string(task.model));
  settings += fmt::format(
      R"(model_provider = "corral"
approval_policy = "untrusted"
sandbox_mode = "danger-full-access"
web_search = "disabled"
check_for_update_on_startup = false

[model_providers.corral]
name = "Corral"
base_url = {}
env_key = "OPENAI_API_KEY"
wire_api = "responses"

[features]
plugins = false

[analytics]
enabled = false

[projects."/workspace"]
trust_level = "trusted"
)",
      toml_string(task.gateway_url + "/v1"));
  launch.files.emplace_back("/home/agent/.codex/config.toml", std::move(settings));
  launch.process.env = {{"OPENAI_API_KEY", task.gateway_token},
                        {"CODEX_HOME", "/home/agent/.codex"}};
}

void settle_gemini(const AgentTask& task, AgentLaunch& launch) {
  const json::object settings{
      {"security",
       {{"auth", {{"selectedType", "gemini-api-key"}}}, {"folderTrust", {{"enabled", false}}}}},
      {"general", {{"enableAutoUpdate", false}, {"disableAutoUpdate", true}}},
      {"privacy", {{"usageStatisticsEnabled", false}}},
      {"telemetry", {{"enabled", false}}},
      {"ide", {{"enabled", false}}},
      {"tools", {{"exclude", {"google_web_search", "web_fetch"}}}}};
  launch.files.emplace_back("/home/agent/.gemini/settings.json", json::serialize(settings));
  launch.process.env = {{"GEMINI_API_KEY", task.gateway_token},
                        {"GOOGLE_GEMINI_BASE_URL", task.gateway_url},
                        {"GEMINI_CLI_TRUST_WORKSPACE", "true"},
                        {"GEMINI_CLI_NO_RELAUNCH", "true"}};
  if (!task.model.empty())
    launch.process.argv.insert(launch.process.argv.end(), {"--model", task.model});
}

// A model of OpenAI's, by chat completions, which every provider that is compatible with it speaks
// too.
constexpr std::string_view kOpencodeModel = "gpt-5.4";

void settle_opencode(const AgentTask& task, AgentLaunch& launch) {
  const std::string model = task.model.empty() ? std::string(kOpencodeModel) : task.model;
  const json::object settings{
      {"$schema", "https://opencode.ai/config.json"},
      {"autoupdate", false},
      {"share", "disabled"},
      {"model", "corral/" + model},
      {"small_model", "corral/" + model},
      {"enabled_providers", json::array{"corral"}},
      {"provider",
       {{"corral",
         {{"npm", "@ai-sdk/openai-compatible"},
          {"name", "Corral"},
          {"options", {{"baseURL", task.gateway_url + "/v1"}, {"apiKey", "{env:OPENAI_API_KEY}"}}},
          {"models",
           {{model, {{"name", model}, {"limit", {{"context", 200'000}, {"output", 32'000}}}}}}}}}}},
      {"permission",
       {{"edit", "ask"},
        {"bash", "ask"},
        {"external_directory", "ask"},
        {"webfetch", "deny"},
        {"websearch", "deny"}}}};
  launch.files.emplace_back("/home/agent/.config/opencode/opencode.json",
                            json::serialize(settings));
  launch.process.env = {{"OPENAI_API_KEY", task.gateway_token},
                        {"OPENCODE_DISABLE_AUTOUPDATE", "1"},
                        {"OPENCODE_DISABLE_MODELS_FETCH", "1"},
                        {"OPENCODE_DISABLE_LSP_DOWNLOAD", "1"}};
}

bool asks(const AgentTask& task) { return task.permission_policy == "ask"; }

std::vector<std::string> codex_at_terminal(const AgentTask& task) {
  std::vector<std::string> arguments;
  if (task.resume) arguments = {"resume", "--last", "--include-non-interactive"};
  if (!asks(task)) arguments.insert(arguments.end(), {"-c", R"(approval_policy="never")"});
  return arguments;
}

std::vector<std::string> gemini_at_terminal(const AgentTask& task) {
  std::vector<std::string> arguments{"--approval-mode", asks(task) ? "default" : "yolo"};
  if (task.resume) arguments.insert(arguments.end(), {"--resume", "latest"});
  return arguments;
}

std::vector<std::string> opencode_at_terminal(const AgentTask& task) {
  std::vector<std::string> arguments;
  if (!asks(task)) arguments.emplace_back("--auto");
  if (task.resume) arguments.emplace_back("--continue");
  return arguments;
}

// OpenAI's name for the platform, in its package.
std::string_view codex_platform() {
  return npm_platform() == "linux-x64" ? "x86_64-unknown-linux-musl" : "aarch64-unknown-linux-musl";
}

// npm's names for the platform's own package: the launchers that choose it are left out.
std::string native(std::string_view base) { return fmt::format("{}-{}", base, npm_platform()); }

}  // namespace

std::unique_ptr<ports::Agent> make_codex_agent(AgentOptions options) {
  const std::string package = native("@zed-industries/codex-acp");
  return make_acp_agent(
      {.name = "codex",
       .package = {.title = "Codex",
                   .name = package,
                   .version = std::string(kCodexVersion),
                   .program = package + "/bin/codex-acp"},
       .resumes = true,
       .arguments = {},
       .settle = settle_codex,
       .terminal_arguments = codex_at_terminal,
       .terminal_package =
           NpmPackage{
               .title = "Codex for terminals",
               .name = "@openai/codex",
               .version = fmt::format("{}-{}", kCodexTerminalVersion, npm_platform()),
               .program = fmt::format("@openai/codex/vendor/{}/bin/codex", codex_platform())}},
      std::move(options));
}

std::unique_ptr<ports::Agent> make_gemini_agent(AgentOptions options) {
  return make_acp_agent({.name = "gemini",
                         .package = {.title = "Gemini CLI",
                                     .name = "@google/gemini-cli",
                                     .version = std::string(kGeminiVersion),
                                     .program = "@google/gemini-cli/bundle/gemini.js"},
                         .whole_package = true,
                         .needs_node = true,
                         .arguments = {"--acp"},
                         .settle = settle_gemini,
                         .terminal_arguments = gemini_at_terminal},
                        std::move(options));
}

std::unique_ptr<ports::Agent> make_opencode_agent(AgentOptions options) {
  const std::string package = native("opencode");
  return make_acp_agent({.name = "opencode",
                         .package = {.title = "opencode",
                                     .name = package,
                                     .version = std::string(kOpencodeVersion),
                                     .program = package + "/bin/opencode"},
                         .resumes = true,
                         .arguments = {"acp"},
                         .settle = settle_opencode,
                         .terminal_arguments = opencode_at_terminal},
                        std::move(options));
}

std::vector<std::unique_ptr<ports::Agent>> make_all_agents(const AgentOptions& options) {
  std::vector<std::unique_ptr<ports::Agent>> agents;
  agents.push_back(make_claude_agent(options));
  agents.push_back(make_codex_agent(options));
  agents.push_back(make_gemini_agent(options));
  agents.push_back(make_opencode_agent(options));
  agents.push_back(make_command_agent());
  return agents;
}

}  // namespace corral::adapters::agent
