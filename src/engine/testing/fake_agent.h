// An agent whose prompt is its script, a line at a time:
//
//   say TEXT     prints TEXT                     ask ID      asks for permission, waits for the
//   answer err TEXT     prints TEXT on stderr           forget ID   no longer asks request ID asks
//   and goes on                await ID    waits for that answer hang         waits for a signal
//   stubborn    waits, and heeds only SIGKILL done TEXT    gives its result and ends once stdin is
//   closed linger TEXT  gives its result and never ends by itself fail TEXT    gives a bad result
//   likewise     exit N      ends with that code and no result
//
// "await WORD" waits as well for the prompt WORD, and "await now" for an interrupt.
//
// It is given a further prompt at once; one that queues them, when a turn has ended: instead of its
// result, one after the other.
#pragma once

#include <memory>

#include "engine/testing/fake_world.h"
#include "ports/agent.h"

namespace corral::engine::testing {

inline constexpr std::string_view kFakeAgentProgram = "fake-agent";

// What the process does with what it was told so far.
void act_as_agent(FakeProcess& process);

struct FakeAgentOptions {
  std::string name = "fake";
  std::string problem;  // why it is not installed
  bool resumes = false;
  bool queues = false;  // further prompts
};
std::shared_ptr<ports::Agent> make_fake_agent(FakeAgentOptions options = {});

}  // namespace corral::engine::testing
