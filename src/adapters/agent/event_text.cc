#include "adapters/agent/event_text.h"

#include "base/plain_text.h"

namespace corral::adapters::agent {

std::string event_text(std::string_view text) { return shorten(plain_text(text), kMaxEventText); }

json::value bounded(const json::value& value) {
  if (const auto* text = value.if_string()) return json::string(shorten(*text, kMaxEventText));
  if (const auto* array = value.if_array()) {
    json::array out;
    for (const auto& item : *array) out.push_back(bounded(item));
    return out;
  }
  if (const auto* object = value.if_object()) {
    json::object out;
    for (const auto& member : *object) out[member.key()] = bounded(member.value());
    return out;
  }
  return value;
}

}  // namespace corral::adapters::agent
