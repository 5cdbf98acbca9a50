// The subset of JSON Schema (2020-12) that the route table uses, as a validator: what the OpenAPI
// document promises is what requests are checked against.
//
// Known: $ref to #/components/schemas, anyOf, type (also a list), enum, minLength, maxLength (code
// points), formats uuid and date-time, minimum, maximum, exclusiveMinimum, items, minItems,
// maxItems, properties, required, additionalProperties. Annotations are passed over: title,
// description, default, examples, and every other format.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "base/json.h"

namespace corral::edge {

class Schemas {
 public:
  // `components`: name → schema. Any other keyword than those above is a bug in the table: it
  // aborts, so that no promise of the document goes unchecked.
  explicit Schemas(json::object components);

  const json::object& components() const { return components_; }

  // `invalid`, with the name and place of the first field that does not fit: `request body:
  // "steps[2].name" must be …`.
  Result<void> check(const json::value& value, const json::value& schema,
                     std::string_view what) const;
  // A parameter's text as the value that its schema asks for, checked.
  Result<json::value> parse_parameter(std::string_view text, const json::value& schema,
                                      std::string_view name) const;

  // Aborts on keywords that check() would not honour.
  void require_known(const json::value& schema) const;
  const json::object& resolve(const json::value& schema) const;

 private:
  json::object components_;
};

}  // namespace corral::edge
