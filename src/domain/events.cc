#include "domain/events.h"

#include "domain/upcast.h"

namespace corral::domain {
namespace {

template <class Body>
consteval int version_of() {
  if constexpr (requires { Body::kVersion; }) return Body::kVersion;
  return 1;
}

template <std::size_t I = 0>
Result<EventBody> body_from(std::string_view type, const json::value& data) {
  if constexpr (I == std::variant_size_v<EventBody>) {
    return fail(ErrorCode::unsupported,
                "the event type \"{}\" is unknown: a newer Corral wrote it; run that version",
                type);
  } else {
    using Body = std::variant_alternative_t<I, EventBody>;
    if (type != Body::kType) return body_from<I + 1>(type, data);
    const auto version = find_int(data, {"v"}, 0);
    if (version > version_of<Body>())
      return fail(ErrorCode::unsupported,
                  "a {} event has version {}: a newer Corral wrote it; run that version", type,
                  version);
    Body body;
    const bool read = version == version_of<Body>()
                          ? from_json(data, body)
                          : from_json(upcast(type, static_cast<int>(version), data), body);
    if (!read)
      return fail(ErrorCode::corrupt, "the data of a {} event has a field of the wrong type", type);
    return EventBody(std::move(body));
  }
}

}  // namespace

Failure failure_of(const Error& error) { return {error.code, error.describe()}; }

json::value field_to_json(const Failure& failure) {
  return json::object{{"code", std::string(to_string(failure.code))}, {"message", failure.message}};
}
bool field_from_json(const json::value& in, Failure& out) {
  out = {error_code_from(find_string(in, {"code"})), std::string(find_string(in, {"message"}))};
  return in.is_object();
}
json::value field_to_json(const Money& money) { return money.nano_usd; }
bool field_from_json(const json::value& in, Money& out) {
  return field_from_json(in, out.nano_usd);
}

std::string_view type_of(const EventBody& body) {
  return std::visit([](const auto& event) { return std::decay_t<decltype(event)>::kType; }, body);
}

json::value data_of(const Event& event) {
  const int version = std::visit(
      [](const auto& body) { return version_of<std::decay_t<decltype(body)>>(); }, event.body);
  json::object out{{"v", version}, {"at", to_rfc3339(event.at)}};
  json::value fields = std::visit([](const auto& body) { return to_json(body); }, event.body);
  for (auto& field : fields.get_object()) out[field.key()] = std::move(field.value());
  return out;
}

Result<Event> event_from(std::string_view type, const json::value& data) {
  Event event;
  const auto* at = find(data, {"at"});
  if (at == nullptr || !field_from_json(*at, event.at))
    return fail(ErrorCode::corrupt, "a {} event has no time", type);
  CORRAL_TRY(event.body, body_from(type, data));
  return event;
}

}  // namespace corral::domain
