// JSON mapping of plain structs: each names its fields once, in a static `fields(self, visit)`, and
// is written and read from that. Reading is tolerant: unknown fields are ignored and missing ones
// keep their default, so that an older program reads what a newer one wrote and the other way
// round; a field of the wrong type is `corrupt`.
#pragma once

#include <concepts>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "base/json.h"

namespace corral::domain {

struct FieldProbe {
  void operator()(std::string_view, auto&) {}
};
template <class T>
concept HasFields = requires(T& value, FieldProbe& probe) { T::fields(value, probe); };
// An enum with to_string(T) and from_string(text, T&) beside it.
template <class T>
concept NamedEnum = std::is_enum_v<T> && requires(T value, std::string_view text) {
  { to_string(value) } -> std::convertible_to<std::string_view>;
  { from_string(text, value) } -> std::same_as<bool>;
};

template <HasFields T>
json::value to_json(const T& value);
template <HasFields T>
bool from_json(const json::value& in, T& out);

inline json::value field_to_json(const std::string& value) { return json::value(value); }
inline json::value field_to_json(bool value) { return json::value(value); }
inline json::value field_to_json(double value) { return json::value(value); }
inline json::value field_to_json(std::int64_t value) { return json::value(value); }
inline json::value field_to_json(int value) { return json::value(value); }
inline json::value field_to_json(std::uint64_t value) { return json::value(value); }
inline json::value field_to_json(Time value) { return json::value(to_rfc3339(value)); }
inline json::value field_to_json(Duration value) { return json::value(value.count()); }
inline json::value field_to_json(const json::value& value) { return value; }
template <class Tag>
json::value field_to_json(const Id<Tag>& value) {
  return json::value(value.to_string());
}
template <NamedEnum T>
json::value field_to_json(T value) {
  return json::value(std::string(to_string(value)));
}
template <HasFields T>
json::value field_to_json(const T& value) {
  return to_json(value);
}
template <class T>
json::value field_to_json(const std::optional<T>& value) {
  return value ? field_to_json(*value) : json::value(nullptr);
}
inline json::value field_to_json(const json::object& value) { return value; }
template <class T>
json::value field_to_json(const std::map<std::string, T, std::less<>>& values) {
  json::object out;
  for (const auto& [name, value] : values) out[name] = field_to_json(value);
  return out;
}
template <class T>
json::value field_to_json(const std::vector<T>& values) {
  json::array out;
  for (const auto& value : values) out.push_back(field_to_json(value));
  return out;
}

inline bool field_from_json(const json::value& in, std::string& out) {
  if (!in.is_string()) return false;
  out = std::string(in.get_string());
  return true;
}
inline bool field_from_json(const json::value& in, bool& out) {
  if (!in.is_bool()) return false;
  out = in.get_bool();
  return true;
}
template <class T>
  requires std::same_as<T, double> || std::same_as<T, int> || std::same_as<T, std::int64_t> ||
           std::same_as<T, std::uint64_t>
bool field_from_json(const json::value& in, T& out) {
  if (!in.is_number()) return false;
  boost::system::error_code error;
  out = in.to_number<T>(error);
  return !error;
}
inline bool field_from_json(const json::value& in, Time& out) {
  const auto time =
      in.is_string() ? time_from_rfc3339(std::string_view(in.get_string())) : std::nullopt;
  if (time) out = *time;
  return time.has_value();
}
inline bool field_from_json(const json::value& in, Duration& out) {
  if (!in.is_int64()) return false;
  out = Duration(in.get_int64());
  return true;
}
inline bool field_from_json(const json::value& in, json::value& out) {
  out = in;
  return true;
}
inline bool field_from_json(const json::value& in, json::object& out) {
  if (!in.is_object()) return false;
  out = in.get_object();
  return true;
}
template <class T>
bool field_from_json(const json::value& in, std::map<std::string, T, std::less<>>& out) {
  if (!in.is_object()) return false;
  out.clear();
  for (const auto& [name, value] : in.get_object())
    if (!field_from_json(value, out[std::string(name)])) return false;
  return true;
}
template <class Tag>
bool field_from_json(const json::value& in, Id<Tag>& out) {
  const auto id = in.is_string() ? Id<Tag>::parse(std::string_view(in.get_string())) : std::nullopt;
  if (id) out = *id;
  return id.has_value();
}
template <NamedEnum T>
bool field_from_json(const json::value& in, T& out) {
  return in.is_string() && from_string(std::string_view(in.get_string()), out);
}
template <HasFields T>
bool field_from_json(const json::value& in, T& out) {
  return from_json(in, out);
}
template <class T>
bool field_from_json(const json::value& in, std::optional<T>& out) {
  out.emplace();
  return field_from_json(in, *out);
}
template <class T>
bool field_from_json(const json::value& in, std::vector<T>& out) {
  if (!in.is_array()) return false;
  out.clear();
  for (const auto& item : in.get_array())
    if (!field_from_json(item, out.emplace_back())) return false;
  return true;
}

struct FieldWriter {
  json::object out;
  template <class T>
  void operator()(std::string_view name, const T& value) {
    out[name] = field_to_json(value);
  }
};

struct FieldReader {
  const json::object& in;
  bool good = true;
  template <class T>
  void operator()(std::string_view name, T& value) {
    const auto* field = in.if_contains(name);
    if (field != nullptr && !field->is_null()) good = good && field_from_json(*field, value);
  }
};

template <HasFields T>
json::value to_json(const T& value) {
  FieldWriter writer;
  T::fields(value, writer);
  return std::move(writer.out);
}
template <HasFields T>
bool from_json(const json::value& in, T& out) {
  if (!in.is_object()) return false;
  FieldReader reader{in.get_object()};
  T::fields(out, reader);
  return reader.good;
}

}  // namespace corral::domain
