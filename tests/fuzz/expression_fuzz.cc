// Expressions and templates: any text is refused with a column, or gives a bounded value or an
// error, the same each time; and what refers to nothing is worth the same everywhere.
#include "domain/expression.h"

namespace {

using namespace corral;

const domain::Scope& scope() {
  static const domain::Scope made = [] {
    domain::Scope filled;
    filled.values =
        json::parse(R"({"inputs": {"a": "x", "n": 3, "list": [1, "b", null], "map": {"k": 0.5}},
                        "steps": {"s": {"outputs": {"o": ["p", "q"]}, "status": "failed"}},
                        "matrix": {"m": true}, "run": {"id": "r"}})")
            .as_object();
    filled.failure = true;
    filled.success = false;
    return filled;
  }();
  return made;
}

void check_value(const json::value& value) {
  (void)domain::is_true(value);
  if (value.is_string()) CORRAL_ASSERT(value.get_string().size() <= domain::kMaxExpressionResult);
  if (value.is_array()) CORRAL_ASSERT(value.get_array().size() <= domain::kMaxExpressionList);
}

void check_expression(std::string_view text) {
  const auto parsed = domain::Expression::parse(text);
  if (!parsed) {
    CORRAL_ASSERT(parsed.error().code == ErrorCode::invalid);
    CORRAL_ASSERT(parsed.error().message.starts_with("column "));
    CORRAL_ASSERT(std::stoul(parsed.error().message.substr(7)) <= text.size() + 1);
    return;
  }
  const auto value = parsed->evaluate(scope()), again = parsed->evaluate(scope());
  CORRAL_ASSERT(value.has_value() == again.has_value());
  if (value) {
    check_value(*value);
    CORRAL_ASSERT(*value == *again);
  } else {
    CORRAL_ASSERT(value.error().code == ErrorCode::invalid);
    CORRAL_ASSERT(value.error().message.starts_with("column "));
  }
  const auto paths = parsed->references();
  for (const auto& path : paths) CORRAL_ASSERT(!path.empty() && !path[0].empty());
  if (!paths.empty() || parsed->asks_for_status()) return;
  const auto elsewhere = parsed->evaluate({});
  CORRAL_ASSERT(elsewhere.has_value() == value.has_value());
  if (value) CORRAL_ASSERT(*elsewhere == *value);
}

void check_template(std::string_view text) {
  const auto parsed = domain::Template::parse(text);
  if (!parsed) {
    CORRAL_ASSERT(parsed.error().code == ErrorCode::invalid && text.contains("${{"));
    return;
  }
  const auto value = parsed->evaluate(scope());
  const auto filled = parsed->text(scope());
  CORRAL_ASSERT(value.has_value() == filled.has_value());
  if (value) CORRAL_ASSERT(domain::as_text(*value) == *filled);
  if (!text.contains("${{")) CORRAL_ASSERT(*filled == text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_expression(text);
  check_template(text);
  return 0;
}
