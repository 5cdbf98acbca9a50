// JSON mapping: parsing with bounds, and reading fields with errors that name the field.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json.hpp>

#include "base/error.h"

namespace corral {

namespace json = boost::json;

// Depth at most 32, no extensions, UTF-8 checked. `what` names the text in the error ("request
// body").
Result<json::value> parse_json(std::string_view text, std::string_view what);

// An object whose fields are read one by one: each wrong type or missing field is an `invalid`
// error that names it, and finish() refuses fields that nobody read, so a typing error never passes
// silently.
class JsonReader {
 public:
  static Result<JsonReader> of(const json::value& value, std::string_view what);

  Result<std::string> string(std::string_view name);
  Result<std::optional<std::string>> optional_string(std::string_view name);
  Result<std::optional<std::int64_t>> optional_int(std::string_view name);
  Result<std::optional<double>> optional_number(std::string_view name);
  Result<std::optional<bool>> optional_bool(std::string_view name);
  Result<std::optional<std::vector<std::string>>> optional_strings(std::string_view name);
  // Absent and null are both nullptr.
  const json::value* optional_value(std::string_view name);
  Result<void> finish() const;

 private:
  JsonReader(const json::object& object, std::string what)
      : object_(&object), what_(std::move(what)) {}
  const json::object* object_;  // not owned: the value outlives the reader
  std::string what_;
  std::vector<std::string_view> seen_;
};

// Lenient look-ups for data that others define (agent streams, provider answers): null / empty when
// not there.
const json::value* find(const json::value& value, std::initializer_list<std::string_view> path);
std::string_view find_string(const json::value& value,
                             std::initializer_list<std::string_view> path);
std::int64_t find_int(const json::value& value, std::initializer_list<std::string_view> path,
                      std::int64_t otherwise = 0);
double find_number(const json::value& value, std::initializer_list<std::string_view> path,
                   double otherwise = 0);
bool find_bool(const json::value& value, std::initializer_list<std::string_view> path,
               bool otherwise = false);

}  // namespace corral
