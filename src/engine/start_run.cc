#include "engine/start_run.h"

#include <algorithm>
#include <cmath>

#include "domain/expression.h"
#include "engine/definitions.h"
#include "engine/digest.h"
#include "engine/workflow_yaml.h"

namespace corral::engine {
namespace {

constexpr std::size_t kMaxChecks = 64u << 10;
constexpr std::int64_t kMaxTimeoutSeconds = 7 * 24 * 3600;

bool has_control(std::string_view text) {
  return std::ranges::any_of(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

Result<void> check_base(std::string_view base) {
  const bool odd = base.size() > 200 || has_control(base) || base.starts_with('-') ||
                   base.starts_with('/') || base.ends_with('/') || base.ends_with(".lock") ||
                   base.find("..") != std::string_view::npos ||
                   base.find("@{") != std::string_view::npos ||
                   base.find_first_of(" ~^:?*[\\") != std::string_view::npos;
  if (odd) return fail(ErrorCode::invalid, "base: \"{}\" is no branch name", base);
  return {};
}

Result<void> check_agent(const StartRun& request, const Core& core,
                         const domain::Workflow& workflow) {
  std::vector<std::string_view> names;
  for (const auto& agent : core.deps.agents) names.push_back(agent->name());
  const auto known = [&](std::string_view name) {
    return std::ranges::find(names, name) != names.end();
  };
  if (!known(request.agent))
    return fail(ErrorCode::invalid, "agent: \"{}\" is unknown: use one of {}", request.agent,
                fmt::join(names, ", "));
  bool agents = false;
  for (const auto& step : workflow.steps) {
    agents = agents || step.kind == "agent";
    const auto own = step.text("agent");
    if (step.kind == "agent" && !own.empty() && !domain::has_expression(own) && !known(own))
      return fail(ErrorCode::invalid,
                  "step \"{}\" wants the agent \"{}\", which is unknown: use one of {}", step.name,
                  own, fmt::join(names, ", "));
  }
  const bool command = request.agent == "command";
  const bool uses_prompt =
      agents && std::ranges::any_of(workflow.steps, [](const auto& step) {
        return step.kind == "agent" && step.text("prompt").contains("inputs.prompt");
      });
  if (command && agents && (request.command.empty() || request.command.front().empty()))
    return fail(
        ErrorCode::invalid,
        "command: the agent \"command\" needs the program to run and its arguments, as a list");
  if (!command && !request.command.empty())
    return fail(ErrorCode::invalid, "command: only the agent \"command\" takes one, not \"{}\"",
                request.agent);
  if (!command && uses_prompt && request.prompt.find_first_not_of(" \t\r\n") == std::string::npos)
    return fail(ErrorCode::invalid, "prompt: is empty: say what the agent is to do");
  return {};
}

// The longest prefix that does not end within a character.
std::string excerpt(std::string_view text) {
  if (text.size() <= kPromptExcerpt) return std::string(text);
  std::size_t size = kPromptExcerpt;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) --size;
  return std::string(text.substr(0, size));
}

Result<domain::Request> check_fields(const StartRun& request, const Core& core,
                                     std::string_view actor, domain::Workflow workflow) {
  if (request.project.empty() == request.git_url.empty())
    return fail(ErrorCode::invalid, "give either project or git_url");
  CORRAL_CHECK(check_agent(request, core, workflow));
  CORRAL_CHECK(check_base(request.base));
  if (request.prompt.size() > kMaxPrompt)
    return fail(ErrorCode::invalid, "prompt: has {} bytes, at most {}", request.prompt.size(),
                kMaxPrompt);
  if (request.prompt.find('\0') != std::string::npos)
    return fail(ErrorCode::invalid, "prompt: has a NUL byte in it");
  if (request.checks.size() > kMaxChecks || request.checks.find('\0') != std::string::npos)
    return fail(ErrorCode::invalid, "checks: must be at most {} bytes of shell text", kMaxChecks);
  if (request.model.size() > 200 || has_control(request.model) || request.model.starts_with('-'))
    return fail(ErrorCode::invalid, "model: is no model name");
  domain::PermissionPolicy permissions{};
  if (!domain::from_string(request.permissions, permissions))
    return fail(ErrorCode::invalid, "permissions: must be \"workspace\" or \"ask\", not \"{}\"",
                request.permissions);
  if (request.budget_usd && !(*request.budget_usd > 0 && *request.budget_usd <= 1e6))
    return fail(ErrorCode::invalid, "budget_usd: must be more than 0 and at most 1000000");
  if (request.timeout_s && (*request.timeout_s < 1 || *request.timeout_s > kMaxTimeoutSeconds))
    return fail(ErrorCode::invalid, "timeout_s: must be from 1 to {} (a week)", kMaxTimeoutSeconds);
  if (request.priority < -1000 || request.priority > 1000)
    return fail(ErrorCode::invalid, "priority: must be from -1000 to 1000");
  if (request.author_name.size() > 200 || has_control(request.author_name) ||
      request.author_email.size() > 200 || has_control(request.author_email))
    return fail(ErrorCode::invalid,
                "author: name and email must each be one line of at most 200 bytes");
  for (const auto& word : request.command)
    if (word.find('\0') != std::string::npos)
      return fail(ErrorCode::invalid, "command: has a NUL byte in it");

  domain::Request checked;
  CORRAL_TRY(checked.inputs, domain::check_inputs(workflow, request.inputs,
                                                  request.inputs_are == StartRun::Inputs::texts
                                                      ? domain::GivenAs::texts
                                                      : domain::GivenAs::values));
  checked.workflow = std::move(workflow);
  checked.agent = request.agent;
  checked.prompt = excerpt(request.prompt);
  checked.command = request.command;
  checked.checks = request.checks;
  checked.model = request.model;
  checked.base = request.base;
  checked.permissions = permissions;
  const auto budget = request.budget_usd ? request.budget_usd : core.options.budget_usd;
  if (budget) checked.budget = domain::Money::from_usd(*budget);
  const auto own_timeout =
      checked.workflow.timeout.count() > 0 ? checked.workflow.timeout : core.options.run_timeout;
  checked.timeout = request.timeout_s ? Duration(*request.timeout_s * 1000) : own_timeout;
  checked.priority = request.priority != 0 ? request.priority : checked.workflow.priority;
  if (request.not_before) checked.not_before = *request.not_before;
  // "user:ann" asks as ann.
  const std::string person(actor.substr(actor.find(':') + 1));
  checked.author_name = !request.author_name.empty() ? request.author_name
                        : person.empty()             ? "Corral"
                                                     : person;
  checked.author_email = !request.author_email.empty()
                             ? request.author_email
                             : (person.empty() ? "corral" : person) + "@localhost";
  return checked;
}

}  // namespace

Task<Result<domain::Request>> check_request(const StartRun& request, Core& core,
                                            std::string_view actor) {
  CORRAL_CO_TRY(auto workflow,
                request.definition.empty()
                    ? co_await find_workflow(core, request.workflow)
                    : parse_workflow(request.definition, "definition", core.kinds.rules()));
  co_return check_fields(request, core, actor, std::move(workflow));
}
json::value request_json(const StartRun& request) {
  return json::object{{"project", request.project},
                      {"git_url", request.git_url},
                      {"workflow", request.workflow},
                      {"definition", request.definition},
                      {"agent", request.agent},
                      {"prompt", request.prompt},
                      {"command", domain::field_to_json(request.command)},
                      {"checks", request.checks},
                      {"model", request.model},
                      {"base", request.base},
                      {"permissions", request.permissions},
                      {"budget_usd", domain::field_to_json(request.budget_usd)},
                      {"timeout_s", domain::field_to_json(request.timeout_s)},
                      {"priority", request.priority},
                      {"author_name", request.author_name},
                      {"author_email", request.author_email},
                      {"inputs", request.inputs},
                      {"inputs_are_texts", request.inputs_are == StartRun::Inputs::texts},
                      {"not_before", domain::field_to_json(request.not_before)}};
}

Result<StartRun> request_of(const json::value& value) {
  StartRun request;
  const auto text = [&](std::string_view name, std::string& out) {
    out = std::string(find_string(value, {name}));
  };
  text("project", request.project);
  text("git_url", request.git_url);
  text("workflow", request.workflow);
  text("definition", request.definition);
  text("agent", request.agent);
  text("prompt", request.prompt);
  text("checks", request.checks);
  text("model", request.model);
  text("base", request.base);
  text("permissions", request.permissions);
  text("author_name", request.author_name);
  text("author_email", request.author_email);
  request.priority = static_cast<int>(find_int(value, {"priority"}));
  if (find_bool(value, {"inputs_are_texts"})) request.inputs_are = StartRun::Inputs::texts;
  const auto read = [&](std::string_view name, auto& out) {
    const auto* field = find(value, {name});
    return field == nullptr || field->is_null() || domain::field_from_json(*field, out);
  };
  if (!read("command", request.command) || !read("budget_usd", request.budget_usd) ||
      !read("timeout_s", request.timeout_s) || !read("inputs", request.inputs) ||
      !read("not_before", request.not_before))
    return fail(ErrorCode::corrupt, "a kept request has a field of the wrong type");
  return request;
}

std::string request_hash(const StartRun& request) {
  return sha256_hex(json::serialize(request_json(request)));
}

std::string branch_name(std::string_view prompt, RunId run) {
  std::string slug;
  for (const char c : prompt.substr(0, 200)) {
    if (slug.size() >= 40) break;
    const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (letter)
      slug += c;
    else if (c >= 'A' && c <= 'Z')
      slug += static_cast<char>(c - 'A' + 'a');
    else if (!slug.empty() && slug.back() != '-')
      slug += '-';
  }
  // Rather whole words.
  if (slug.size() >= 40)
    if (const auto dash = slug.rfind('-'); dash != std::string::npos && dash > 15)
      slug.resize(dash);
  while (slug.ends_with('-')) slug.pop_back();
  const std::string id = run.to_string();
  return fmt::format("corral/{}-{}", slug.empty() ? "run" : slug, id.substr(id.size() - 8));
}

}  // namespace corral::engine
