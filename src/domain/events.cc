#include "domain/events.h"

#include "domain/event_codec.h"

namespace corral::domain {
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

std::string_view type_of(const EventBody& body) { return codec::type_of(body); }

json::value data_of(const Event& event) { return codec::data_of(event.at, event.body); }

Result<Event> event_from(std::string_view type, const json::value& data) {
  Event event;
  CORRAL_TRY(event.at, codec::time_of(type, data));
  CORRAL_TRY(event.body, codec::body_from<EventBody>(type, data));
  return event;
}

}  // namespace corral::domain
