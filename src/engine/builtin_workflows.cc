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

constexpr std::array kBuiltins{BuiltinWorkflow{"task", kTask}};

}  // namespace

const BuiltinWorkflow* find_builtin_workflow(std::string_view name) {
  for (const auto& builtin : kBuiltins)
    if (builtin.name == name) return &builtin;
  return nullptr;
}

std::vector<BuiltinWorkflow> builtin_workflows() { return {kBuiltins.begin(), kBuiltins.end()}; }

}  // namespace corral::engine
