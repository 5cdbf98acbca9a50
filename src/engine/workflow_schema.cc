#include "engine/workflow_yaml.h"

namespace corral::engine {
namespace {

json::object type(std::string_view name) { return {{"type", name}}; }
json::object described(json::object schema, std::string_view text) {
  schema["description"] = text;
  return schema;
}
json::object list_of(json::object item) { return {{"type", "array"}, {"items", std::move(item)}}; }
json::object map_of(json::object value) {
  return {{"type", "object"}, {"additionalProperties", std::move(value)}};
}
json::object any_of(json::array schemas) { return {{"anyOf", std::move(schemas)}}; }
json::object one_of(std::span<const std::string_view> values) {
  json::array all;
  for (const auto value : values) all.emplace_back(value);
  return {{"enum", std::move(all)}};
}

json::object expression() { return {{"type", "string"}, {"pattern", R"(\$\{\{)"}}; }

json::object schema_of(domain::FieldType field) {
  using enum domain::FieldType;
  switch (field) {
    case text: return type("string");
    case texts: return list_of(type("string"));
    case text_or_texts: return any_of({type("string"), list_of(type("string"))});
    case map: return any_of({type("object"), expression()});
    case number: return any_of({type("number"), expression()});
    case boolean: return any_of({type("boolean"), expression()});
    case any: break;
  }
  return {};
}

json::object duration() {
  return {{"type", json::array{"string", "integer"}},
          {"pattern", "^[0-9]+(ms|s|m|h)?$"},
          {"description", "500ms, 90s, 15m or 2h"}};
}

json::object common_step() {
  const json::object text = type("string");
  return {
      {"name", {{"type", "string"}, {"pattern", "^[a-z0-9][a-z0-9-]{0,31}$"}}},
      {"if",
       described(text, "an expression; without one the step runs when what it needs went well")},
      {"needs",
       described(any_of({text, list_of(text)}),
                 "the steps that end before this one begins; without it, the step before")},
      {"matrix", described(map_of(any_of({list_of({}), expression()})),
                           "a step for each combination of these lists")},
      {"max_parallel", {{"type", "integer"}, {"minimum", 1}}},
      {"outputs", map_of(one_of(domain::kValueTypes))},
      {"timeout", duration()},
      {"retry",
       {{"type", "object"},
        {"additionalProperties", false},
        {"properties",
         {{"attempts", {{"type", "integer"}, {"minimum", 1}, {"maximum", 10}}},
          {"backoff", duration()},
          {"on", any_of({text, list_of(text)})}}}}},
      {"continue_on_error", type("boolean")}};
}

json::object step_schema(const domain::KindRules& rules) {
  auto properties = common_step();
  properties["kind"] = json::object{{"const", rules.name}};
  json::array required{"name", "kind"};
  for (const auto& field : rules.fields) {
    properties[field.name] = described(schema_of(field.type), field.description);
    if (field.need == domain::FieldRule::Need::required) required.emplace_back(field.name);
  }
  return {{"title", rules.name},
          {"description", rules.description},
          {"type", "object"},
          {"additionalProperties", false},
          {"required", std::move(required)},
          {"properties", std::move(properties)}};
}

}  // namespace

json::value workflow_schema(std::span<const domain::KindRules> kinds) {
  json::array steps;
  for (const auto& rules : kinds) steps.emplace_back(step_schema(rules));
  const json::object text = type("string");
  const json::object step_list = list_of({{"oneOf", std::move(steps)}});
  const json::object input = any_of({one_of(domain::kValueTypes),
                                     {{"type", "object"},
                                      {"additionalProperties", false},
                                      {"properties",
                                       {{"type", one_of(domain::kValueTypes)},
                                        {"description", text},
                                        {"required", type("boolean")},
                                        {"default", json::object{}},
                                        {"options", list_of(text)}}}}});
  return json::object{
      {"$schema", "https://json-schema.org/draft/2020-12/schema"},
      {"title", "Corral workflow"},
      {"type", "object"},
      {"additionalProperties", false},
      {"required", {"name", "steps"}},
      {"properties",
       {{"name", {{"type", "string"}, {"pattern", "^[a-z0-9][a-z0-9-]{0,63}$"}}},
        {"version", {{"type", "integer"}, {"minimum", 1}}},
        {"description", text},
        {"inputs", map_of(input)},
        {"outputs", map_of(text)},
        {"concurrency",
         any_of({text,
                 {{"type", "object"},
                  {"additionalProperties", false},
                  {"properties",
                   {{"group", text}, {"limit", {{"type", "integer"}, {"minimum", 1}}}}}}})},
        {"schedule", any_of({text,
                             {{"type", "object"},
                              {"additionalProperties", false},
                              {"properties", {{"cron", text}, {"timezone", text}}}}})},
        {"priority", {{"type", "integer"}, {"minimum", -1000}, {"maximum", 1000}}},
        {"timeout", duration()},
        {"steps", step_list},
        {"finally", step_list}}}};
}

}  // namespace corral::engine
