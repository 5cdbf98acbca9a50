#include "engine/yaml_json.h"

#include <charconv>
#include <cmath>

namespace corral::engine {
namespace {

constexpr int kMaxDepth = 32;

std::unexpected<Error> wrong(const YAML::Node& at, std::string_view what) {
  return fail(ErrorCode::invalid, "{}:{}: {}", at.Mark().line + 1, at.Mark().column + 1, what);
}

json::value scalar(const YAML::Node& node) {
  const std::string& text = node.Scalar();
  // "!" is the tag of a quoted scalar, "?" of a plain one.
  if (node.Tag() != "?") return json::value(text);
  if (text.empty() || text == "~" || text == "null") return nullptr;
  if (text == "true" || text == "false") return text == "true";
  const char* const end = text.data() + text.size();
  std::int64_t whole = 0;
  if (const auto [at, error] = std::from_chars(text.data(), end, whole);
      error == std::errc() && at == end)
    return whole;
  double real = 0;
  const bool numeric = text.find_first_not_of("0123456789+-.eE") == std::string::npos;
  if (const auto [at, error] = std::from_chars(text.data(), end, real);
      numeric && error == std::errc() && at == end && std::isfinite(real))
    return real;
  return json::value(text);
}

}  // namespace

Result<json::value> json_of(const YAML::Node& node, int depth) {
  if (depth > kMaxDepth) return wrong(node, "it is nested too deeply");
  if (!node.IsDefined() || node.IsNull()) return nullptr;
  if (node.IsScalar()) return scalar(node);
  if (node.IsSequence()) {
    json::array list;
    for (const auto& item : node) {
      CORRAL_TRY(auto value, json_of(item, depth + 1));
      list.push_back(std::move(value));
    }
    return list;
  }
  json::object object;
  for (const auto& entry : node) {
    if (!entry.first.IsScalar()) return wrong(entry.first, "a key must be a text");
    CORRAL_TRY(auto value, json_of(entry.second, depth + 1));
    if (!object.emplace(entry.first.Scalar(), std::move(value)).second)
      return wrong(entry.first, fmt::format("\"{}\" is given twice", entry.first.Scalar()));
  }
  return object;
}

}  // namespace corral::engine
