// The language in which a workflow's texts refer to its inputs and to what other steps gave:
// ${{ … }} (docs/expressions.md). Pure, without loops or definitions: evaluating ends, and its
// result is bounded (kMaxExpressionResult).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace corral::domain {

inline constexpr std::size_t kMaxExpressionText = 16u << 10;
inline constexpr std::size_t kMaxExpressionResult = 1u << 20;  // bytes of a text
inline constexpr std::size_t kMaxExpressionList = 1'000;       // elements of a list

// What an expression sees.
struct Scope {
  json::object values;  // "inputs", "steps", "matrix", "run"
  // What success(), failure() and cancelled() say; always() is true.
  bool success = true, failure = false, cancelled = false;
};

// null, false, 0, "", [] and {} are false; everything else is true.
bool is_true(const json::value& value);
// A text as it is, null as nothing, anything else as JSON.
std::string as_text(const json::value& value);

// Whether a text is not what it says: it is computed when the step runs.
bool has_expression(std::string_view text);

class Expression {
 public:
  // `invalid`, with the column (from 1), what is wrong and the remedy.
  static Result<Expression> parse(std::string_view text);
  // `invalid` for a wrong type or a result that is too large. A field that is not there is null.
  Result<json::value> evaluate(const Scope& scope) const;

  // What it refers to, as paths without what is computed: {"steps", "build", "outputs", "sha"}.
  std::vector<std::vector<std::string>> references() const;
  // Whether it calls success(), failure(), always() or cancelled().
  bool asks_for_status() const;

  struct Node {
    enum class Kind { literal, name, field, index, call, list, unary, binary };
    Kind kind = Kind::literal;
    std::size_t column = 1;
    json::value literal;
    std::string name;  // of a name, field or function; an operator
    std::vector<Node> children;
    int height = 1;  // of the tree from here
  };

 private:
  explicit Expression(Node root) : root_(std::move(root)) {}
  Node root_;
};

// Text with ${{ … }} in it. "$${{" stands for the text "${{".
class Template {
 public:
  static Result<Template> parse(std::string_view text);
  // The value of a text that is one expression and nothing else, with its type; otherwise text.
  Result<json::value> evaluate(const Scope& scope) const;
  Result<std::string> text(const Scope& scope) const;

  struct Part {
    std::string text;
    std::vector<Expression> expression;  // one, or none: `text` is it
  };
  const std::vector<Part>& parts() const { return parts_; }

 private:
  std::vector<Part> parts_;
};

}  // namespace corral::domain
