#include "domain/expression.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <span>

namespace corral::domain {
namespace {

using Node = Expression::Node;
using Kind = Node::Kind;
using Value = Result<json::value>;
using Arguments = std::span<const json::value>;

constexpr int kMaxDepth = 32;
constexpr int kMaxHeight = 128;  // of the tree: operators in a row stand below each other

std::unexpected<Error> wrong(const Node& node, std::string_view what) {
  return fail(ErrorCode::invalid, "column {}: {}", node.column, what);
}

std::string_view type_name(const json::value& value) {
  if (value.is_null()) return "null";
  if (value.is_bool()) return "a boolean";
  if (value.is_number()) return "a number";
  if (value.is_string()) return "a text";
  return value.is_array() ? "a list" : "an object";
}

// ---- functions ----

std::string_view text_of(const json::value& value) { return value.get_string(); }

bool same(const json::value& a, const json::value& b) {
  if (a.is_number() && b.is_number() && (a.is_double() || b.is_double()))
    return a.to_number<double>() == b.to_number<double>();
  return a == b;
}

json::value contains(Arguments args) {
  if (args[0].is_string()) return text_of(args[0]).contains(as_text(args[1]));
  if (args[0].is_array())
    return std::ranges::any_of(args[0].get_array(),
                               [&](const auto& v) { return same(v, args[1]); });
  return args[0].is_object() && args[0].get_object().contains(as_text(args[1]));
}
json::value length(Arguments args) {
  // Signed, as all whole numbers are.
  const auto count = args[0].is_string()   ? args[0].get_string().size()
                     : args[0].is_array()  ? args[0].get_array().size()
                     : args[0].is_object() ? args[0].get_object().size()
                                           : 0;
  return static_cast<std::int64_t>(count);
}
json::value map_letters(const json::value& value, char first, char last, int shift) {
  std::string text(text_of(value));
  for (char& c : text)
    if (c >= first && c <= last) c = static_cast<char>(c + shift);
  return json::value(text);
}
json::value trim(Arguments args) {
  const auto text = text_of(args[0]);
  const auto begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return "";
  return json::value(text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1));
}
std::vector<std::string_view> pieces(std::string_view text, std::string_view separator) {
  std::vector<std::string_view> all;
  if (separator.empty()) return {text};
  for (auto at = text.find(separator); at != std::string_view::npos; at = text.find(separator)) {
    all.push_back(text.substr(0, at));
    text.remove_prefix(at + separator.size());
  }
  all.push_back(text);
  return all;
}
json::value split(Arguments args) {
  json::array out;
  for (const auto piece : pieces(text_of(args[0]), text_of(args[1]))) out.emplace_back(piece);
  return out;
}
json::value join(Arguments args) {
  std::string out;
  for (const auto& item : args[0].get_array()) {
    if (&item != args[0].get_array().begin()) out += text_of(args[1]);
    out += as_text(item);
  }
  return json::value(out);
}
json::value replace(Arguments args) {
  std::string out;
  const auto all = pieces(text_of(args[0]), text_of(args[1]));
  for (std::size_t i = 0; i < all.size() && out.size() <= kMaxExpressionResult; ++i) {
    if (i > 0) out += text_of(args[2]);
    out += all[i];
  }
  return json::value(out);
}
json::value range(Arguments args) {
  json::array out;
  const auto count = std::min(args[0].to_number<double>(), double(kMaxExpressionList) + 1);
  for (std::int64_t i = 0; static_cast<double>(i) < count; ++i) out.emplace_back(i);
  return out;
}

// `parameters`: a letter each: t text, l list, n number, ? anything.
struct Function {
  std::string_view name, parameters;
  json::value (*call)(Arguments);
};

constexpr std::array kFunctions{
    Function{"contains", "??", contains},
    Function{"starts_with", "tt",
             [](Arguments a) -> json::value { return text_of(a[0]).starts_with(text_of(a[1])); }},
    Function{"ends_with", "tt",
             [](Arguments a) -> json::value { return text_of(a[0]).ends_with(text_of(a[1])); }},
    Function{"length", "?", length},
    Function{"lower", "t", [](Arguments a) { return map_letters(a[0], 'A', 'Z', 'a' - 'A'); }},
    Function{"upper", "t", [](Arguments a) { return map_letters(a[0], 'a', 'z', 'A' - 'a'); }},
    Function{"trim", "t", trim},
    Function{"split", "tt", split},
    Function{"join", "lt", join},
    Function{"replace", "ttt", replace},
    Function{"range", "n", range},
    Function{"default", "??",
             [](Arguments a) { return a[0].is_null() || a[0] == json::value("") ? a[1] : a[0]; }},
    Function{"to_json", "?",
             [](Arguments a) -> json::value { return json::value(json::serialize(a[0])); }},
    // from_json can fail, and so stands in Evaluator::call.
    Function{"from_json", "t", nullptr},
};
constexpr std::array<std::string_view, 4> kStatusFunctions{"success", "failure", "always",
                                                           "cancelled"};

bool is_status_function(std::string_view name) {
  return std::ranges::find(kStatusFunctions, name) != kStatusFunctions.end();
}
const Function* find_function(std::string_view name) {
  const auto at = std::ranges::find(kFunctions, name, &Function::name);
  return at == kFunctions.end() ? nullptr : &*at;
}

// ---- parsing: recursive descent, one function a level of binding ----

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<Node> parse() {
    CORRAL_TRY(auto node, binary(0));
    skip_space();
    if (at_ < text_.size()) return unexpected_here("an operator or the end");
    return node;
  }

 private:
  struct Level {
    std::span<const std::string_view> operators;
  };
  static constexpr std::array<std::string_view, 1> kOr{"||"}, kAnd{"&&"};
  static constexpr std::array<std::string_view, 2> kEqual{"==", "!="}, kSum{"+", "-"};
  static constexpr std::array<std::string_view, 4> kOrder{"<=", ">=", "<", ">"};
  static constexpr std::array<std::string_view, 3> kProduct{"*", "/", "%"};
  static constexpr std::array<Level, 6> kLevels{Level{kOr},    Level{kAnd}, Level{kEqual},
                                                Level{kOrder}, Level{kSum}, Level{kProduct}};

  void skip_space() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r'))
      ++at_;
  }
  bool take(std::string_view token) {
    skip_space();
    if (!text_.substr(at_).starts_with(token)) return false;
    at_ += token.size();
    return true;
  }
  std::unexpected<Error> unexpected_here(std::string_view wanted) {
    skip_space();
    if (at_ >= text_.size())
      return fail(ErrorCode::invalid, "column {}: the expression ends where {} should be", at_ + 1,
                  wanted);
    return fail(ErrorCode::invalid, "column {}: \"{}\" stands where {} should be", at_ + 1,
                text_.substr(at_, 12), wanted);
  }
  Node node(Kind kind, std::string name = {}) const {
    return {.kind = kind,
            .column = at_ + 1,
            .literal = nullptr,
            .name = std::move(name),
            .children = {}};
  }

  Result<Node> binary(std::size_t level) {
    if (level == kLevels.size()) return unary();
    if (++depth_ > kMaxDepth * static_cast<int>(kLevels.size())) return too_deep(at_ + 1);
    CORRAL_TRY(auto left, binary(level + 1));
    for (;;) {
      skip_space();
      const auto found = std::ranges::find_if(
          kLevels[level].operators, [&](auto op) { return text_.substr(at_).starts_with(op); });
      if (found == kLevels[level].operators.end()) break;
      Node joined = node(Kind::binary, std::string(*found));
      at_ += found->size();
      CORRAL_TRY(auto right, binary(level + 1));
      CORRAL_CHECK(adopt(joined, std::move(left)));
      CORRAL_CHECK(adopt(joined, std::move(right)));
      left = std::move(joined);
    }
    --depth_;
    return left;
  }

  Result<Node> unary() {
    skip_space();
    if (at_ < text_.size() && (text_[at_] == '!' || text_[at_] == '-') &&
        !text_.substr(at_).starts_with("!=")) {
      Node result = node(Kind::unary, std::string(1, text_[at_]));
      ++at_;
      if (++depth_ > kMaxDepth * static_cast<int>(kLevels.size())) return too_deep(at_ + 1);
      CORRAL_TRY(auto operand, unary());
      --depth_;
      CORRAL_CHECK(adopt(result, std::move(operand)));
      return result;
    }
    return postfix();
  }

  Result<Node> postfix() {
    CORRAL_TRY(auto value, primary());
    for (;;) {
      if (take(".")) {
        Node access = node(Kind::field);
        CORRAL_TRY(access.name, word("the name of a field"));
        CORRAL_CHECK(adopt(access, std::move(value)));
        value = std::move(access);
      } else if (take("[")) {
        Node access = node(Kind::index);
        CORRAL_TRY(auto index, binary(0));
        if (!take("]")) return unexpected_here("]");
        CORRAL_CHECK(adopt(access, std::move(value)));
        CORRAL_CHECK(adopt(access, std::move(index)));
        value = std::move(access);
      } else {
        return value;
      }
    }
  }

  // Names of steps have dashes in them; a subtraction has a space before its minus.
  Result<std::string> word(std::string_view wanted) {
    skip_space();
    const auto begin = at_;
    const auto letter = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    };
    while (at_ < text_.size() &&
           (letter(text_[at_]) ||
            (at_ > begin && (text_[at_] == '-' || (text_[at_] >= '0' && text_[at_] <= '9')))))
      ++at_;
    if (at_ == begin) return unexpected_here(wanted);
    return std::string(text_.substr(begin, at_ - begin));
  }

  Result<void> items(Node& node, std::string_view close) {
    if (take(close)) return {};
    do {
      CORRAL_TRY(auto item, binary(0));
      CORRAL_CHECK(adopt(node, std::move(item)));
    } while (take(","));
    if (!take(close)) return unexpected_here(close);
    return {};
  }

  // What walks the tree calls itself as often as it is high.
  static Result<void> adopt(Node& parent, Node child) {
    if (child.height >= kMaxHeight) return too_deep(parent.column);
    parent.height = std::max(parent.height, child.height + 1);
    parent.children.push_back(std::move(child));
    return {};
  }
  static std::unexpected<Error> too_deep(std::size_t column) {
    return fail(ErrorCode::invalid, "column {}: the expression is nested too deeply", column);
  }

  Result<Node> primary() {
    skip_space();
    Node result = node(Kind::literal);
    const char c = at_ < text_.size() ? text_[at_] : '\0';
    if (c == '\'' || c == '"') {
      CORRAL_TRY(result.literal, quoted(c));
      return result;
    }
    if (c >= '0' && c <= '9') {
      CORRAL_TRY(result.literal, number());
      return result;
    }
    if (take("(")) {
      CORRAL_TRY(auto inner, binary(0));
      if (!take(")")) return unexpected_here(")");
      return inner;
    }
    if (take("[")) {
      result.kind = Kind::list;
      CORRAL_CHECK(items(result, "]"));
      return result;
    }
    CORRAL_TRY(result.name, word("a value"));
    if (take("(")) return call(std::move(result));
    if (result.name == "true" || result.name == "false")
      result.literal = result.name == "true";
    else if (result.name != "null")
      result.kind = Kind::name;
    return result;
  }

  Result<Node> call(Node result) {
    result.kind = Kind::call;
    CORRAL_CHECK(items(result, ")"));
    const auto given = result.children.size();
    if (is_status_function(result.name)) {
      if (given != 0) return wrong(result, fmt::format("{}() takes no argument", result.name));
      return result;
    }
    const auto* function = find_function(result.name);
    if (function == nullptr) {
      std::vector<std::string_view> names(kStatusFunctions.begin(), kStatusFunctions.end());
      for (const auto& known : kFunctions) names.push_back(known.name);
      return wrong(result, fmt::format("there is no function \"{}\": use one of {}", result.name,
                                       fmt::join(names, ", ")));
    }
    if (given != function->parameters.size())
      return wrong(result, fmt::format("{}() takes {} argument{}, not {}", result.name,
                                       function->parameters.size(),
                                       function->parameters.size() == 1 ? "" : "s", given));
    return result;
  }

  // A quote within is doubled, as in SQL and YAML.
  Result<json::value> quoted(char quote) {
    const auto begin = at_++;
    std::string out;
    for (;; ++at_) {
      if (at_ >= text_.size())
        return fail(ErrorCode::invalid,
                    "column {}: the text that begins here has no end: close it with {}", begin + 1,
                    quote);
      if (text_[at_] == quote) {
        if (at_ + 1 >= text_.size() || text_[at_ + 1] != quote) break;
        ++at_;
      }
      out += text_[at_];
    }
    ++at_;
    return json::value(out);
  }

  Result<json::value> number() {
    const auto* begin = text_.data() + at_;
    const auto* end = text_.data() + text_.size();
    std::int64_t whole = 0;
    double real = 0;
    const auto as_whole = std::from_chars(begin, end, whole);
    const auto as_real = std::from_chars(begin, end, real, std::chars_format::fixed);
    const bool fits = as_whole.ec == std::errc() && as_whole.ptr == as_real.ptr;
    if (!fits && (as_real.ec != std::errc() || !std::isfinite(real)))
      return unexpected_here("a number");
    at_ += static_cast<std::size_t>((fits ? as_whole.ptr : as_real.ptr) - begin);
    return fits ? json::value(whole) : json::value(real);
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

// ---- evaluating ----

class Evaluator {
 public:
  explicit Evaluator(const Scope& scope) : scope_(scope) {}

  Value operator()(const Node& node) const {
    CORRAL_TRY(auto value, plain(node));
    // What is only looked up is as large as it was given.
    if (node.kind != Kind::call && node.kind != Kind::binary && node.kind != Kind::list)
      return value;
    if (value.is_string() && value.get_string().size() > kMaxExpressionResult)
      return wrong(node, fmt::format("the result has more than {} bytes", kMaxExpressionResult));
    if (value.is_array() && value.get_array().size() > kMaxExpressionList)
      return wrong(node, fmt::format("the list has more than {} elements", kMaxExpressionList));
    return value;
  }

 private:
  Value plain(const Node& node) const {
    switch (node.kind) {
      case Kind::literal: return node.literal;
      case Kind::name: return member(json::value(scope_.values), node.name);
      case Kind::field: {
        CORRAL_TRY(const auto object, (*this)(node.children[0]));
        return member(object, node.name);
      }
      case Kind::index: return index(node);
      case Kind::call: return call(node);
      case Kind::list: {
        CORRAL_TRY(auto all, values(node));
        return json::array(all.begin(), all.end());
      }
      case Kind::unary: return unary(node);
      case Kind::binary: return binary(node);
    }
    return nullptr;
  }

  Result<std::vector<json::value>> values(const Node& node) const {
    std::vector<json::value> all;
    for (const auto& child : node.children) {
      CORRAL_TRY(auto value, (*this)(child));
      all.push_back(std::move(value));
    }
    return all;
  }

  static json::value member(const json::value& object, std::string_view name) {
    const auto* value = object.is_object() ? object.get_object().if_contains(name) : nullptr;
    return value == nullptr ? json::value(nullptr) : *value;
  }

  Value index(const Node& node) const {
    CORRAL_TRY(const auto whole, (*this)(node.children[0]));
    CORRAL_TRY(const auto key, (*this)(node.children[1]));
    if (whole.is_null()) return nullptr;
    if (whole.is_object() && key.is_string()) return member(whole, key.get_string());
    if (!whole.is_array() || !key.is_int64())
      return wrong(node,
                   fmt::format("{} cannot be looked up in {}", type_name(key), type_name(whole)));
    const auto& list = whole.get_array();
    const auto at = key.get_int64() < 0 ? key.get_int64() + static_cast<std::int64_t>(list.size())
                                        : key.get_int64();
    return at >= 0 && at < static_cast<std::int64_t>(list.size())
               ? list[static_cast<std::size_t>(at)]
               : json::value(nullptr);
  }

  Value call(const Node& node) const {
    if (node.name == "success") return scope_.success;
    if (node.name == "failure") return scope_.failure;
    if (node.name == "cancelled") return scope_.cancelled;
    if (node.name == "always") return true;
    const auto& function = *find_function(node.name);
    CORRAL_TRY(const auto args, values(node));
    for (std::size_t i = 0; i < args.size(); ++i) {
      const char wanted = function.parameters[i];
      const bool fits = wanted == '?' || (wanted == 't' && args[i].is_string()) ||
                        (wanted == 'l' && args[i].is_array()) ||
                        (wanted == 'n' && args[i].is_number());
      if (!fits)
        return wrong(node, fmt::format("argument {} of {}() must be {}, not {}", i + 1, node.name,
                                       wanted == 't'   ? "a text"
                                       : wanted == 'l' ? "a list"
                                                       : "a number",
                                       type_name(args[i])));
    }
    if (node.name != "from_json") return function.call(args);
    auto parsed = parse_json(text_of(args[0]), "the argument of from_json()");
    if (!parsed) return wrong(node, parsed.error().message);
    return parsed;
  }

  Value unary(const Node& node) const {
    CORRAL_TRY(const auto value, (*this)(node.children[0]));
    if (node.name == "!") return !is_true(value);
    if (!value.is_number())
      return wrong(node, fmt::format("- needs a number, not {}", type_name(value)));
    if (value.is_int64() && value.get_int64() != std::numeric_limits<std::int64_t>::min())
      return -value.get_int64();
    return -value.to_number<double>();
  }

  Value binary(const Node& node) const {
    CORRAL_TRY(auto left, (*this)(node.children[0]));
    // The value that decides, as in JavaScript: `inputs.name || 'nobody'`.
    if (node.name == "||")
      return is_true(left) ? Value(std::move(left)) : (*this)(node.children[1]);
    if (node.name == "&&")
      return is_true(left) ? (*this)(node.children[1]) : Value(std::move(left));
    CORRAL_TRY(const auto right, (*this)(node.children[1]));
    if (node.name == "==") return same(left, right);
    if (node.name == "!=") return !same(left, right);
    if (left.is_string() && right.is_string()) {
      if (node.name == "+")
        return json::value(std::string(text_of(left)) + std::string(text_of(right)));
      if (const auto order = ordered(node.name, text_of(left) <=> text_of(right))) return *order;
    }
    if (left.is_number() && right.is_number()) {
      if (left.is_int64() && right.is_int64())
        return whole(node, left.get_int64(), right.get_int64());
      return real(node, left.to_number<double>(), right.to_number<double>());
    }
    return wrong(node, fmt::format("{} does not work on {} and {}", node.name, type_name(left),
                                   type_name(right)));
  }

  static std::optional<bool> ordered(std::string_view op, std::partial_ordering order) {
    if (op == "<") return order < 0;
    if (op == "<=") return order <= 0;
    if (op == ">") return order > 0;
    if (op == ">=") return order >= 0;
    return std::nullopt;
  }

  static Value whole(const Node& node, std::int64_t a, std::int64_t b) {
    if (const auto order = ordered(node.name, a <=> b)) return *order;
    std::int64_t out = 0;
    bool over = false;
    if (node.name == "+")
      over = __builtin_add_overflow(a, b, &out);
    else if (node.name == "-")
      over = __builtin_sub_overflow(a, b, &out);
    else if (node.name == "*")
      over = __builtin_mul_overflow(a, b, &out);
    else if (b == 0)
      return wrong(node, "division by zero");
    else if (b == -1)
      over = node.name == "/" &&
             __builtin_sub_overflow(std::int64_t{0}, a, &out);  // the one quotient that may not fit
    else if (node.name == "/")
      return a % b == 0 ? json::value(a / b)
                        : json::value(static_cast<double>(a) / static_cast<double>(b));
    else
      out = a % b;
    if (over) return wrong(node, "the number is too large");
    return out;
  }
  static Value real(const Node& node, double a, double b) {
    if (const auto order = ordered(node.name, a <=> b)) return *order;
    if (b == 0 && (node.name == "/" || node.name == "%")) return wrong(node, "division by zero");
    const double out = node.name == "+"   ? a + b
                       : node.name == "-" ? a - b
                       : node.name == "*" ? a * b
                       : node.name == "/" ? a / b
                                          : std::fmod(a, b);
    if (!std::isfinite(out)) return wrong(node, "the number is too large");
    return out;
  }

  const Scope& scope_;
};

void collect(const Node& node, std::vector<std::vector<std::string>>& paths) {
  // A path ends where something is computed: what follows is looked at by itself.
  std::vector<std::string> path;
  const Node* at = &node;
  for (;; at = &at->children[0]) {
    if (at->kind == Kind::field)
      path.push_back(at->name);
    else if (at->kind == Kind::index && at->children[1].kind == Kind::literal &&
             at->children[1].literal.is_string())
      path.emplace_back(at->children[1].literal.get_string());
    else if (at->kind == Kind::index)
      path.clear(), collect(at->children[1], paths);
    else
      break;
  }
  if (at->kind == Kind::name) {
    path.push_back(at->name);
    std::ranges::reverse(path);
    paths.push_back(std::move(path));
    return;
  }
  for (const auto& child : at->children) collect(child, paths);
}

bool calls_status(const Node& node) {
  return (node.kind == Kind::call && is_status_function(node.name)) ||
         std::ranges::any_of(node.children, calls_status);
}

}  // namespace

bool is_true(const json::value& value) {
  if (value.is_bool()) return value.get_bool();
  if (value.is_number()) return value.to_number<double>() != 0;
  if (value.is_string()) return !value.get_string().empty();
  if (value.is_array()) return !value.get_array().empty();
  return value.is_object() && !value.get_object().empty();
}

bool has_expression(std::string_view text) { return text.contains("${{"); }

std::string as_text(const json::value& value) {
  if (value.is_null()) return {};
  // Not as JSON writes them: 0.5 rather than 5E-1.
  if (value.is_double()) return fmt::format("{}", value.get_double());
  return value.is_string() ? std::string(value.get_string()) : json::serialize(value);
}

Result<Expression> Expression::parse(std::string_view text) {
  if (text.size() > kMaxExpressionText)
    return fail(ErrorCode::invalid, "column 1: the expression has {} bytes: at most {}",
                text.size(), kMaxExpressionText);
  CORRAL_TRY(auto root, Parser(text).parse());
  return Expression(std::move(root));
}

Result<json::value> Expression::evaluate(const Scope& scope) const {
  return Evaluator(scope)(root_);
}

std::vector<std::vector<std::string>> Expression::references() const {
  std::vector<std::vector<std::string>> paths;
  collect(root_, paths);
  return paths;
}

bool Expression::asks_for_status() const { return calls_status(root_); }

Result<Template> Template::parse(std::string_view text) {
  Template result;
  std::string plain;
  while (!text.empty()) {
    const auto open = text.find("${{");
    plain += text.substr(0, open);
    if (open == std::string_view::npos) break;
    text.remove_prefix(open + 3);
    if (plain.ends_with('$')) {
      plain += "{{";
      continue;
    }
    // A }} within quotes does not close.
    std::size_t close = 0;
    for (char quote = '\0'; close < text.size(); ++close) {
      if (quote == '\0' && text.substr(close).starts_with("}}")) break;
      if (quote != '\0' ? text[close] == quote : text[close] == '\'' || text[close] == '"')
        quote = quote == '\0' ? text[close] : '\0';
    }
    if (close >= text.size())
      return fail(ErrorCode::invalid, "\"${{{{{}\" has no end: close it with }}}}",
                  text.substr(0, 20));
    auto expression = Expression::parse(text.substr(0, close));
    if (!expression)
      return fail(ErrorCode::invalid, "in ${{{{{}}}}}: {}", text.substr(0, close),
                  expression.error().message);
    if (!plain.empty()) result.parts_.push_back({std::exchange(plain, {}), {}});
    result.parts_.push_back({std::string(text.substr(0, close)), {*std::move(expression)}});
    text.remove_prefix(close + 2);
  }
  if (!plain.empty() || result.parts_.empty()) result.parts_.push_back({std::move(plain), {}});
  return result;
}

Result<json::value> Template::evaluate(const Scope& scope) const {
  if (parts_.size() == 1 && !parts_[0].expression.empty()) {
    auto value = parts_[0].expression[0].evaluate(scope);
    if (!value)
      return fail(ErrorCode::invalid, "in ${{{{{}}}}}: {}", parts_[0].text, value.error().message);
    return value;
  }
  CORRAL_TRY(auto text, this->text(scope));
  return json::value(text);
}

Result<std::string> Template::text(const Scope& scope) const {
  std::string out;
  for (const auto& part : parts_) {
    if (out.size() > kMaxExpressionResult)
      return fail(ErrorCode::invalid, "the text has more than {} bytes", kMaxExpressionResult);
    if (part.expression.empty()) {
      out += part.text;
      continue;
    }
    auto value = part.expression[0].evaluate(scope);
    if (!value)
      return fail(ErrorCode::invalid, "in ${{{{{}}}}}: {}", part.text, value.error().message);
    out += as_text(*value);
  }
  return out;
}

}  // namespace corral::domain
