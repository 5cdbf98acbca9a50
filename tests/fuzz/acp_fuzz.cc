// The ACP driver: any bytes, in any split, give the same events, inputs and text, and no text that
// a terminal would act on.
#include "adapters/agent/acp_driver.h"

namespace {

using namespace corral;

struct Seen {
  std::string text;
  std::vector<std::string> events, inputs;

  void take(const ports::AgentDriver::Step& step) {
    text += step.text;
    for (const auto& event : step.events) events.push_back(json::serialize(ports::to_json(event)));
    for (const auto& input : step.inputs) inputs.push_back(input.id + " " + input.bytes);
  }
};

// Questions are answered at the end of the line that asks.
Seen play(std::string_view stream, std::size_t piece, bool resume) {
  adapters::agent::AcpDriver driver({.prompt = "p", .session_id = "s", .resume = resume}, "Agent");
  Seen seen;
  seen.take(driver.begin());
  seen.take(driver.prompt("more"));
  for (std::size_t at = 0; at < stream.size();) {
    const auto line = std::min(stream.find('\n', at), stream.size() - 1) + 1;
    const auto size = std::min(piece, line - at);
    const auto step = driver.on_output(stream.substr(at, size));
    at += size;
    seen.take(step);
    for (const auto& event : step.events)
      if (event.kind == ports::AgentEvent::Kind::permission_request)
        seen.take(driver.answer(event.id, seen.events.size() % 2 == 0, "no"));
  }
  seen.take(driver.interrupt());
  (void)driver.on_exit(1, stream.substr(0, 100));
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view stream(reinterpret_cast<const char*>(data), size);
  for (const bool resume : {false, true}) {
    const Seen whole = play(stream, size + 1, resume), split = play(stream, 1 + size % 7, resume);
    CORRAL_ASSERT(whole.text == split.text);
    CORRAL_ASSERT(whole.events == split.events);
    CORRAL_ASSERT(whole.inputs == split.inputs);
    for (const char c : whole.text)
      CORRAL_ASSERT(c == '\n' || c == '\t' || static_cast<unsigned char>(c) >= 0x20);
  }
  return 0;
}
