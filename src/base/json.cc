#include "base/json.h"

#include <algorithm>

namespace corral {

Result<json::value> parse_json(std::string_view text, std::string_view what) {
  boost::system::error_code error;
  json::parse_options options;
  options.max_depth = 32;
  json::value value = json::parse({text.data(), text.size()}, error, {}, options);
  if (error) return fail(ErrorCode::invalid, "{} is not valid JSON: {}", what, error.message());
  return value;
}

Result<JsonReader> JsonReader::of(const json::value& value, std::string_view what) {
  if (!value.is_object()) return fail(ErrorCode::invalid, "{} must be a JSON object", what);
  return JsonReader(value.get_object(), std::string(what));
}

const json::value* JsonReader::optional_value(std::string_view name) {
  seen_.push_back(name);
  const json::value* value = object_->if_contains({name.data(), name.size()});
  return value == nullptr || value->is_null() ? nullptr : value;
}

Result<std::optional<std::string>> JsonReader::optional_string(std::string_view name) {
  const json::value* value = optional_value(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string())
    return fail(ErrorCode::invalid, "{}: \"{}\" must be a string", what_, name);
  return std::string(value->get_string());
}

Result<std::string> JsonReader::string(std::string_view name) {
  CORRAL_TRY(auto value, optional_string(name));
  if (!value) return fail(ErrorCode::invalid, "{}: \"{}\" is required", what_, name);
  return *std::move(value);
}

Result<std::optional<std::int64_t>> JsonReader::optional_int(std::string_view name) {
  const json::value* value = optional_value(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_int64())
    return fail(ErrorCode::invalid, "{}: \"{}\" must be a whole number", what_, name);
  return value->get_int64();
}

Result<std::optional<double>> JsonReader::optional_number(std::string_view name) {
  const json::value* value = optional_value(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number())
    return fail(ErrorCode::invalid, "{}: \"{}\" must be a number", what_, name);
  return value->to_number<double>();
}

Result<std::optional<bool>> JsonReader::optional_bool(std::string_view name) {
  const json::value* value = optional_value(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_bool())
    return fail(ErrorCode::invalid, "{}: \"{}\" must be true or false", what_, name);
  return value->get_bool();
}

Result<std::optional<std::vector<std::string>>> JsonReader::optional_strings(
    std::string_view name) {
  const json::value* value = optional_value(name);
  if (value == nullptr) return std::nullopt;
  const auto wrong = [&] {
    return fail(ErrorCode::invalid, "{}: \"{}\" must be an array of strings", what_, name);
  };
  if (!value->is_array()) return wrong();
  std::vector<std::string> strings;
  for (const auto& item : value->get_array()) {
    if (!item.is_string()) return wrong();
    strings.emplace_back(item.get_string());
  }
  return strings;
}

Result<void> JsonReader::finish() const {
  for (const auto& member : *object_)
    if (std::ranges::find(seen_, std::string_view(member.key())) == seen_.end())
      return fail(ErrorCode::invalid, "{}: unknown field \"{}\"", what_,
                  std::string_view(member.key()));
  return {};
}

const json::value* find(const json::value& value, std::initializer_list<std::string_view> path) {
  const json::value* at = &value;
  for (const auto name : path) {
    const auto* object = at->if_object();
    if (object == nullptr) return nullptr;
    at = object->if_contains({name.data(), name.size()});
    if (at == nullptr) return nullptr;
  }
  return at;
}

std::string_view find_string(const json::value& value,
                             std::initializer_list<std::string_view> path) {
  const auto* at = find(value, path);
  return at != nullptr && at->is_string() ? std::string_view(at->get_string()) : std::string_view();
}

std::int64_t find_int(const json::value& value, std::initializer_list<std::string_view> path,
                      std::int64_t otherwise) {
  const auto* at = find(value, path);
  if (at == nullptr || !at->is_number()) return otherwise;
  boost::system::error_code error;
  const auto number = at->to_number<std::int64_t>(error);
  return error ? otherwise : number;
}

double find_number(const json::value& value, std::initializer_list<std::string_view> path,
                   double otherwise) {
  const auto* at = find(value, path);
  return at != nullptr && at->is_number() ? at->to_number<double>() : otherwise;
}

bool find_bool(const json::value& value, std::initializer_list<std::string_view> path,
               bool otherwise) {
  const auto* at = find(value, path);
  return at != nullptr && at->is_bool() ? at->get_bool() : otherwise;
}

}  // namespace corral
