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
    prompt: "{{prompt}}"
    needs: [prepare]
  - name: checks
    kind: command
    run: "{{checks}}"
    if: "{{checks}}"
    needs: [agent]
  - name: commit
    kind: git
    action: commit
    needs: [checks]
  - name: artifacts
    kind: artifacts
    if: always
    needs: [commit]
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
