// A workflow's graph as text: for people, and for programs that draw.
#pragma once

#include <string>
#include <string_view>

#include "domain/workflow.h"
#include "edge/cli/screen.h"

namespace corral::edge::cli {

// One line a step, each after all that it needs.
std::string graph_text(const Screen& screen, const domain::Workflow& workflow);
std::string graph_mermaid(const domain::Workflow& workflow);
std::string graph_dot(const domain::Workflow& workflow);  // Graphviz

}  // namespace corral::edge::cli
