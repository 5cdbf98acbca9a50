#include "edge/http/schema.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "base/clock.h"
#include "base/id.h"
#include "base/utf8.h"

namespace corral::edge {
namespace {

constexpr std::string_view kRefPrefix = "#/components/schemas/";
constexpr std::array<std::string_view, 20> kKnown{"$ref",      "anyOf",
                                                  "type",      "enum",
                                                  "minLength", "maxLength",
                                                  "format",    "minimum",
                                                  "maximum",   "exclusiveMinimum",
                                                  "items",     "minItems",
                                                  "maxItems",  "properties",
                                                  "required",  "additionalProperties",
                                                  "title",     "description",
                                                  "default",   "examples"};

std::string_view view(const json::string& text) { return {text.data(), text.size()}; }

std::string_view type_of(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null: return "null";
    case json::kind::bool_: return "boolean";
    case json::kind::int64:
    case json::kind::uint64: return "integer";
    case json::kind::double_: return "number";
    case json::kind::string: return "string";
    case json::kind::array: return "array";
    case json::kind::object: return "object";
  }
  return "";
}

bool type_fits(const json::value& value, std::string_view wanted) {
  const auto is = type_of(value);
  if (is == wanted) return true;
  if (wanted == "number") return is == "integer";
  // JSON Schema takes 1.0 for an integer, but JSON parsers of most languages (and this one) tell
  // them apart.
  return false;
}

std::string_view with_article(std::string_view type) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kWords{
      {{"null", "null"},
       {"boolean", "true or false"},
       {"integer", "a whole number"},
       {"number", "a number"},
       {"string", "a string"},
       {"array", "an array"},
       {"object", "an object"}}};
  for (const auto& [name, words] : kWords)
    if (name == type) return words;
  return type;
}

std::string types_in_words(const json::value& type) {
  if (type.is_string()) return std::string(with_article(view(type.get_string())));
  std::string words;
  for (const auto& one : type.get_array())
    words += (words.empty() ? "" : " or ") + std::string(with_article(view(one.get_string())));
  return words;
}

// One walk over a value. `path_` is where it is: "steps[2].name"; empty for the whole.
class Walk {
 public:
  Walk(const Schemas& schemas, std::string_view what) : schemas_(schemas), what_(what) {}

  Result<void> check(const json::value& value, const json::value& schema_value) {
    const json::object& schema = schemas_.resolve(schema_value);
    if (const auto* forms = schema.if_contains("anyOf")) {
      Result<void> fits_one = wrong("fits none of the allowed forms");
      for (const auto& form : forms->get_array()) {
        if (fits_one) break;
        fits_one = Walk(*this).check(value, form);
      }
      CORRAL_CHECK(std::move(fits_one));
    }
    if (const auto* type = schema.if_contains("type"); type != nullptr && !fits(value, *type))
      return wrong("must be {}", types_in_words(*type));
    if (const auto* allowed = schema.if_contains("enum")) {
      const auto& values = allowed->get_array();
      if (std::ranges::find(values, value) == values.end())
        return wrong("must be one of {}", json::serialize(values));
    }
    if (value.is_string()) return check_string(value.get_string(), schema);
    if (value.is_number()) return check_number(value.to_number<double>(), schema);
    if (value.is_array()) return check_array(value.get_array(), schema);
    if (value.is_object()) return check_object(value.get_object(), schema);
    return {};
  }

 private:
  template <class... Args>
  std::unexpected<Error> wrong(fmt::format_string<Args...> format, Args&&... args) {
    const std::string problem = fmt::format(format, std::forward<Args>(args)...);
    if (path_.empty()) return fail(ErrorCode::invalid, "{} {}", what_, problem);
    return fail(ErrorCode::invalid, "{}: \"{}\" {}", what_, path_, problem);
  }

  // Where any value may be, texts still keep to what holds for all of them.
  static const json::value& anything() {
    static const json::value schema = json::object();
    return schema;
  }

  static bool fits(const json::value& value, const json::value& type) {
    if (type.is_string()) return type_fits(value, view(type.get_string()));
    return std::ranges::any_of(type.get_array(), [&](const json::value& one) {
      return type_fits(value, view(one.get_string()));
    });
  }

  static std::optional<double> number(const json::object& schema, std::string_view keyword) {
    const auto* at = schema.if_contains(keyword);
    if (at == nullptr) return std::nullopt;
    return at->to_number<double>();
  }

  Result<void> check_string(const json::string& text, const json::object& schema) {
    // No field of the API can carry one: it would end a name, a path or an argument early somewhere
    // below.
    if (text.find('\0') != json::string::npos) return wrong("must not contain a NUL character");
    const auto least = number(schema, "minLength"), most = number(schema, "maxLength");
    if (least || most) {
      const auto size = static_cast<double>(count_code_points(view(text)));
      if (size == 0 && least && *least > 0) return wrong("must not be empty");
      if (least && size < *least) return wrong("must have at least {} characters", *least);
      if (most && size > *most) return wrong("must have at most {} characters", *most);
    }
    if (const auto* format = schema.if_contains("format");
        format != nullptr && format->get_string() == "uuid" && !Uuid::parse(view(text)))
      return wrong("must be a UUID");
    if (const auto* format = schema.if_contains("format");
        format != nullptr && format->get_string() == "date-time" && !time_from_rfc3339(view(text)))
      return wrong("must be a time as in 2026-11-21T09:00:00Z");
    return {};
  }

  Result<void> check_number(double value, const json::object& schema) {
    if (const auto limit = number(schema, "minimum"); limit && value < *limit)
      return wrong("must be at least {}", *limit);
    if (const auto limit = number(schema, "maximum"); limit && value > *limit)
      return wrong("must be at most {}", *limit);
    if (const auto limit = number(schema, "exclusiveMinimum"); limit && value <= *limit)
      return wrong("must be greater than {}", *limit);
    return {};
  }

  Result<void> check_array(const json::array& array, const json::object& schema) {
    const auto size = static_cast<double>(array.size());
    if (const auto limit = number(schema, "minItems"); limit && size < *limit)
      return wrong("must have at least {} items", *limit);
    if (const auto limit = number(schema, "maxItems"); limit && size > *limit)
      return wrong("must have at most {} items", *limit);
    const auto* items = schema.if_contains("items");
    for (std::size_t i = 0; i < array.size(); ++i)
      CORRAL_CHECK(
          inside(fmt::format("[{}]", i), array[i], items != nullptr ? *items : anything()));
    return {};
  }

  Result<void> check_object(const json::object& object, const json::object& schema) {
    const auto* properties = schema.if_contains("properties");
    const auto* others = schema.if_contains("additionalProperties");
    if (const auto* required = schema.if_contains("required"))
      for (const auto& name : required->get_array())
        if (!object.contains(name.get_string()))
          return wrong_member(view(name.get_string()), "is required");
    for (const auto& [key, value] : object) {
      const auto* property =
          properties != nullptr ? properties->get_object().if_contains(key) : nullptr;
      if (property == nullptr && others != nullptr && others->is_bool() && !others->get_bool())
        return wrong_member(key, "is not a known field");
      const json::value& rule = property != nullptr                        ? *property
                                : others != nullptr && others->is_object() ? *others
                                                                           : anything();
      CORRAL_CHECK(inside(path_.empty() ? std::string(key) : "." + std::string(key), value, rule));
    }
    return {};
  }

  std::unexpected<Error> wrong_member(std::string_view name, std::string_view problem) {
    path_ += (path_.empty() ? "" : ".") + std::string(name);
    return wrong("{}", problem);
  }

  Result<void> inside(std::string step, const json::value& value, const json::value& schema) {
    const std::size_t before = path_.size();
    path_ += step;
    auto result = check(value, schema);
    path_.resize(before);
    return result;
  }

  const Schemas& schemas_;
  std::string_view what_;
  std::string path_;
};

// The whole text as a number, or nothing.
template <class T>
std::optional<T> whole(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

Schemas::Schemas(json::object components) : components_(std::move(components)) {
  for (const auto& entry : components_) require_known(entry.value());
}

const json::object& Schemas::resolve(const json::value& schema) const {
  const json::object* at = &schema.as_object();
  while (const auto* reference = at->if_contains("$ref")) {
    const auto name = view(reference->get_string());
    CORRAL_ASSERT(name.starts_with(kRefPrefix));
    const auto* target = components_.if_contains(name.substr(kRefPrefix.size()));
    CORRAL_ASSERT(target != nullptr);
    at = &target->as_object();
  }
  return *at;
}

void Schemas::require_known(const json::value& schema) const {
  CORRAL_ASSERT(schema.is_object());
  for (const auto& [keyword, value] : schema.get_object()) {
    CORRAL_ASSERT(std::ranges::find(kKnown, std::string_view(keyword)) != kKnown.end());
    if (keyword == "$ref") resolve(schema);
    if (keyword == "items" || (keyword == "additionalProperties" && value.is_object()))
      require_known(value);
    if (keyword == "anyOf")
      for (const auto& form : value.get_array()) require_known(form);
    if (keyword == "properties")
      for (const auto& property : value.get_object()) require_known(property.value());
  }
}

Result<void> Schemas::check(const json::value& value, const json::value& schema,
                            std::string_view what) const {
  return Walk(*this, what).check(value, schema);
}

Result<json::value> Schemas::parse_parameter(std::string_view text, const json::value& schema,
                                             std::string_view name) const {
  const std::string what = fmt::format("parameter \"{}\"", name);
  if (!is_utf8(text)) return fail(ErrorCode::invalid, "{} is not UTF-8", what);
  const auto* type = resolve(schema).if_contains("type");
  json::value value = json::string(text);
  if (type != nullptr && type->is_string() && type->get_string() == "integer") {
    const auto number = whole<std::int64_t>(text);
    if (!number)
      return fail(ErrorCode::invalid, "{} must be a whole number, not \"{}\"", what,
                  text.substr(0, 40));
    value = *number;
  } else if (type == nullptr) {
    // One of several forms: a number is one where it looks like one.
    if (const auto number = whole<std::int64_t>(text)) value = *number;
  }
  CORRAL_CHECK(check(value, schema, what));
  return value;
}

}  // namespace corral::edge
