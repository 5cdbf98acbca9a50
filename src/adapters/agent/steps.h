// What drivers make their steps of.
#pragma once

#include <string>
#include <string_view>

#include "ports/agent.h"

namespace corral::adapters::agent {

// An event, and how it reads in the log; `text` may be empty.
void add(ports::AgentDriver::Step& step, ports::AgentEvent event, std::string_view text);

// Bytes for the agent: long ones in pieces that a workspace takes, named after the first.
void add_input(ports::AgentDriver::Step& step, const std::string& id, std::string_view bytes);

}  // namespace corral::adapters::agent
