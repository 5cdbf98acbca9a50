// How events of any aggregate are kept: type = kType, data = {"v": kVersion, "at": time, …the
// fields}. `Body` is the variant of the aggregate's events.
#pragma once

#include <string_view>
#include <variant>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "domain/fields.h"
#include "domain/upcast.h"

namespace corral::domain::codec {

template <class Event>
consteval int version_of() {
  if constexpr (requires { Event::kVersion; }) return Event::kVersion;
  return 1;
}

template <class Body>
std::string_view type_of(const Body& body) {
  return std::visit([](const auto& event) { return std::decay_t<decltype(event)>::kType; }, body);
}

template <class Body>
json::value data_of(Time at, const Body& body) {
  const int version = std::visit(
      [](const auto& event) { return version_of<std::decay_t<decltype(event)>>(); }, body);
  json::object out{{"v", version}, {"at", to_rfc3339(at)}};
  json::value fields = std::visit([](const auto& event) { return to_json(event); }, body);
  for (auto& field : fields.get_object()) out[field.key()] = std::move(field.value());
  return out;
}

// `unsupported` for an unknown type or a newer version, `corrupt` for data of the wrong shape.
template <class Body, std::size_t I = 0>
Result<Body> body_from(std::string_view type, const json::value& data) {
  if constexpr (I == std::variant_size_v<Body>) {
    return fail(ErrorCode::unsupported,
                "the event type \"{}\" is unknown: a newer Corral wrote it; run that version",
                type);
  } else {
    using Event = std::variant_alternative_t<I, Body>;
    if (type != Event::kType) return body_from<Body, I + 1>(type, data);
    const auto version = find_int(data, {"v"}, 0);
    if (version > version_of<Event>())
      return fail(ErrorCode::unsupported,
                  "a {} event has version {}: a newer Corral wrote it; run that version", type,
                  version);
    Event event;
    const bool read = version == version_of<Event>()
                          ? from_json(data, event)
                          : from_json(upcast(type, static_cast<int>(version), data), event);
    if (!read)
      return fail(ErrorCode::corrupt, "the data of a {} event has a field of the wrong type", type);
    return Body(std::move(event));
  }
}

inline Result<Time> time_of(std::string_view type, const json::value& data) {
  Time at{};
  const auto* field = find(data, {"at"});
  if (field == nullptr || !field_from_json(*field, at))
    return fail(ErrorCode::corrupt, "a {} event has no time", type);
  return at;
}

}  // namespace corral::domain::codec
