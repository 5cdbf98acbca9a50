#include <array>

#include "engine/workflow_yaml.h"

namespace corral::engine {
namespace {

constexpr std::string_view kTask =
    R"yaml(# One task for one agent: its work ends up as a commit on a branch of its own.
name: task
version: 1
steps:
  - name: prepare
    kind: git
    action: clone
  - name: agent
    kind: agent
    prompt: ${{ inputs.prompt }}
  - name: checks
    kind: command
    run: ${{ inputs.checks }}
    if: inputs.checks
  - name: commit
    kind: git
    action: commit
  - name: artifacts
    kind: artifacts
    if: always()
)yaml";

constexpr std::string_view kSession =
    R"yaml(# A terminal that people share, in a workspace of its own: it lasts until its program ends.
name: session
version: 1
inputs:
  name: {description: what people see, default: session}
  columns: {type: number, default: 80}
  rows: {type: number, default: 24}
  idle_s: {type: number, description: ended after so long without output and input, default: 0}
  limit_s: {type: number, description: ended after so long, default: 0}
steps:
  - name: prepare
    kind: git
    action: clone
  - name: session
    kind: session
    title: ${{ inputs.name }}
    columns: ${{ inputs.columns }}
    rows: ${{ inputs.rows }}
    idle_s: ${{ inputs.idle_s }}
    limit_s: ${{ inputs.limit_s }}
  - name: commit
    kind: git
    action: commit
  - name: artifacts
    kind: artifacts
    if: always()
)yaml";

constexpr std::array kBuiltins{BuiltinWorkflow{"task", kTask},
                               BuiltinWorkflow{"session", kSession}};

}  // namespace

const BuiltinWorkflow* find_builtin_workflow(std::string_view name) {
  for (const auto& builtin : kBuiltins)
    if (builtin.name == name) return &builtin;
  return nullptr;
}

std::vector<BuiltinWorkflow> builtin_workflows() { return {kBuiltins.begin(), kBuiltins.end()}; }

}  // namespace corral::engine
