// The Claude Code driver: any bytes, in any split, give the same events and text, and none that a
// terminal would act on.
#include "adapters/agent/claude_driver.h"

namespace {

using namespace corral;

struct Seen {
  std::string text;
  std::vector<std::string> events;

  void take(const ports::AgentDriver::Step& step) {
    text += step.text;
    for (const auto& event : step.events) events.push_back(json::serialize(ports::to_json(event)));
  }
};

Seen play(std::string_view stream, std::size_t piece) {
  adapters::agent::ClaudeDriver driver({.prompt = "p", .session_id = "s"});
  Seen seen;
  seen.take(driver.begin());
  std::vector<std::string> asked;
  for (std::size_t at = 0; at < stream.size(); at += piece) {
    const auto step = driver.on_output(stream.substr(at, piece));
    seen.take(step);
    for (const auto& event : step.events)
      if (event.kind == ports::AgentEvent::Kind::permission_request) asked.push_back(event.id);
  }
  for (const auto& id : asked) seen.take(driver.answer(id, asked.size() % 2 == 0, "no"));
  (void)driver.on_exit(1, stream.substr(0, 100));
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view stream(reinterpret_cast<const char*>(data), size);
  const Seen whole = play(stream, std::max<std::size_t>(size, 1)),
             split = play(stream, 1 + size % 7);
  CORRAL_ASSERT(whole.text == split.text);
  CORRAL_ASSERT(whole.events == split.events);
  for (const char c : whole.text)
    CORRAL_ASSERT(c == '\n' || c == '\t' || static_cast<unsigned char>(c) >= 0x20);
  return 0;
}
