// Workflows by name: those that Corral brings along, and those that people keep in the store. Each
// change of one makes a version; a run keeps the one that it began with.
#pragma once

#include "engine/core.h"
#include "engine/service.h"

namespace corral::engine {

inline constexpr std::string_view kWorkflowKind = "workflow";                 // the newest, by name
inline constexpr std::string_view kWorkflowVersionKind = "workflow_version";  // "<name>@<version>"

// By "name" or "name@version". `not_found` names those that there are.
Task<Result<domain::Workflow>> find_workflow(Core& core, std::string name);

// Keeps a definition: a version more than the last when it differs from it. `invalid` as for
// parse_workflow, `conflict` for the name of one that Corral brings along.
Task<Result<json::value>> save_workflow(Core& core, std::string source, std::string actor);
Task<Result<void>> delete_workflow(Core& core, std::string name);
Task<Result<std::vector<json::value>>> list_workflows(Core& core);

json::value workflow_json(const domain::Workflow& workflow, std::string_view source,
                          std::string_view origin);

}  // namespace corral::engine
