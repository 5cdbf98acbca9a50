#include "engine/definitions.h"

#include "engine/workflow_yaml.h"

namespace corral::engine {
namespace {

// What stands where a name does in the interface: POST /workflows/validate.
constexpr std::string_view kValidate = "validate";

ports::PutDocument document(std::string_view kind, std::string id, const json::value& body,
                            std::optional<std::uint64_t> expected) {
  return {.document = {.kind = std::string(kind), .id = std::move(id), .body = body},
          .expected_version = expected};
}

}  // namespace

json::value workflow_json(const domain::Workflow& workflow, std::string_view source,
                          std::string_view origin) {
  json::array steps;
  for (const auto& step : workflow.steps)
    steps.push_back(json::object{{"name", step.name},
                                 {"kind", step.kind},
                                 {"needs", domain::field_to_json(step.needs)},
                                 {"if", step.condition},
                                 {"matrix", !step.matrix.empty()},
                                 {"finally", step.at_end}});
  return json::object{{"name", workflow.name},
                      {"version", workflow.version},
                      {"description", workflow.description},
                      {"inputs", domain::field_to_json(workflow.inputs)},
                      {"schedule", domain::field_to_json(workflow.schedule)},
                      {"steps", std::move(steps)},
                      {"origin", origin},
                      {"source", source}};
}

Task<Result<domain::Workflow>> find_workflow(Core& core, std::string name) {
  if (const auto* builtin = find_builtin_workflow(name))
    co_return parse_workflow(builtin->source, builtin->name, core.kinds.rules());
  const auto kind = name.contains('@') ? kWorkflowVersionKind : kWorkflowKind;
  CORRAL_CO_TRY(const auto kept, co_await core.deps.store.get(std::string(kind), name));
  if (kept) {
    CORRAL_CO_TRY(auto workflow,
                  parse_workflow(find_string(kept->body, {"source"}), name, core.kinds.rules()));
    workflow.version = static_cast<int>(find_int(kept->body, {"version"}, 1));
    co_return workflow;
  }
  CORRAL_CO_TRY(const auto all, co_await list_workflows(core));
  std::vector<std::string> names;
  for (const auto& known : all) names.emplace_back(find_string(known, {"name"}));
  co_return fail(ErrorCode::invalid,
                 "workflow: \"{}\" is unknown: use one of {}, or give a definition", name,
                 fmt::join(names, ", "));
}

Task<Result<json::value>> save_workflow(Core& core, std::string source, std::string actor) {
  CORRAL_CO_TRY(auto workflow, parse_workflow(source, "definition", core.kinds.rules()));
  if (find_builtin_workflow(workflow.name) != nullptr)
    co_return fail(ErrorCode::conflict,
                   "\"{}\" is a workflow that Corral brings along: choose another name",
                   workflow.name);
  if (workflow.name == kValidate)
    co_return fail(ErrorCode::invalid, "name: \"{}\" is a word of the interface: choose another",
                   kValidate);
  CORRAL_CO_TRY(const auto last,
                co_await core.deps.store.get(std::string(kWorkflowKind), workflow.name));
  if (last && find_string(last->body, {"source"}) == source) co_return last->body;
  if (last)
    workflow.version =
        std::max(workflow.version, static_cast<int>(find_int(last->body, {"version"})) + 1);
  auto body = workflow_json(workflow, source, "stored");
  body.get_object()["saved_by"] = actor;
  body.get_object()["saved_at"] = to_rfc3339(core.deps.clock.now());
  std::vector<ports::Change> changes;
  changes.emplace_back(document(kWorkflowKind, workflow.name, body, last ? last->version : 0));
  changes.emplace_back(document(kWorkflowVersionKind,
                                fmt::format("{}@{}", workflow.name, workflow.version), body, 0));
  CORRAL_CO_CHECK(co_await core.commit(std::move(changes)));
  co_return body;
}

Task<Result<void>> delete_workflow(Core& core, std::string name) {
  CORRAL_CO_TRY(const auto kept, co_await core.deps.store.get(std::string(kWorkflowKind), name));
  if (!kept)
    co_return fail(ErrorCode::not_found, "there is no workflow \"{}\" that could be deleted", name);
  // Its versions stay: runs and people refer to them.
  std::vector<ports::Change> changes;
  changes.emplace_back(ports::DeleteDocument{std::string(kWorkflowKind), name});
  CORRAL_CO_CHECK(co_await core.commit(std::move(changes)));
  co_return Result<void>{};
}

Task<Result<std::vector<json::value>>> list_workflows(Core& core) {
  std::vector<json::value> all;
  for (const auto& builtin : builtin_workflows()) {
    CORRAL_CO_TRY(const auto workflow,
                  parse_workflow(builtin.source, builtin.name, core.kinds.rules()));
    all.push_back(workflow_json(workflow, builtin.source, "built in"));
  }
  ports::DocumentQuery query{.kind = std::string(kWorkflowKind), .limit = ports::kMaxListLimit};
  CORRAL_CO_TRY(auto kept, co_await core.deps.store.list(std::move(query)));
  for (auto& document : kept) all.push_back(std::move(document.body));
  co_return all;
}

}  // namespace corral::engine
