// Workflow definitions as YAML or JSON text (docs/workflows.md).
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "domain/workflow.h"

namespace corral::engine {

inline constexpr std::size_t kMaxDefinitionBytes = 256u << 10;

// The checked workflow. `invalid` otherwise: one line a problem, each "NAME:LINE:COLUMN: what is
// wrong and the remedy". Unknown keys are problems, so that a typing error never passes silently.
Result<domain::Workflow> parse_workflow(std::string_view text, std::string_view name,
                                        std::span<const domain::KindRules> kinds);

// JSON Schema (2020-12) of definitions, for editors.
json::value workflow_schema(std::span<const domain::KindRules> kinds);

// The workflows that Corral brings along, as YAML. Null when there is none of that name.
struct BuiltinWorkflow {
  std::string_view name, source;
};
const BuiltinWorkflow* find_builtin_workflow(std::string_view name);
std::vector<BuiltinWorkflow> builtin_workflows();

}  // namespace corral::engine
