#include "edge/http/schema.h"

#include <gtest/gtest.h>

#include "edge/http/components.h"

namespace corral::edge {
namespace {

const Schemas& schemas() {
  static const Schemas all(component_schemas());
  return all;
}

// The message for a StartRun body; empty when it is right.
std::string start_run_error(std::string_view body) {
  const auto value = parse_json(body, "request body").value();
  const auto checked =
      schemas().check(value, schemas().components().at("StartRun"), "request body");
  return checked ? "" : checked.error().message;
}

TEST(Schemas, AcceptWhatIsRight) {
  EXPECT_EQ(start_run_error("{}"), "");
  EXPECT_EQ(start_run_error(R"({"prompt":"x"})"), "");
  EXPECT_EQ(
      start_run_error(
          R"({"prompt":"","agent":"command","command":["a","b"],"budget_usd":1,"priority":-5,"author":{"name":"A"}})"),
      "");
}

TEST(Schemas, NameTheFieldThatIsWrong) {
  EXPECT_EQ(start_run_error("[]"), "request body must be an object");
  EXPECT_EQ(start_run_error(R"({"not_before":"soon"})"),
            "request body: \"not_before\" must be a time as in 2026-11-21T09:00:00Z");
  EXPECT_EQ(start_run_error(R"({"inputs":{"a":[{"b":"\u0000"}]}})"),
            "request body: \"inputs.a[0].b\" must not contain a NUL character");
  EXPECT_EQ(start_run_error(R"({"prompt":1})"), "request body: \"prompt\" must be a string");
  EXPECT_EQ(start_run_error(R"({"prompt":null})"), "request body: \"prompt\" must be a string");
  EXPECT_EQ(start_run_error(R"({"prompt":"x","promt":"x"})"),
            "request body: \"promt\" is not a known field");
  EXPECT_EQ(start_run_error(R"({"prompt":"x","agent":"vim"})"),
            "request body: \"agent\" must be one of "
            "[\"claude\",\"codex\",\"gemini\",\"opencode\",\"command\"]");
  EXPECT_EQ(start_run_error(R"({"prompt":"x","command":["a",2]})"),
            "request body: \"command[1]\" must be a string");
  EXPECT_EQ(start_run_error(R"({"prompt":"x","author":{"nick":"A"}})"),
            "request body: \"author.nick\" is not a known field");
  EXPECT_EQ(start_run_error(R"({"prompt":"x","project":""})"),
            "request body: \"project\" must not be empty");
  EXPECT_EQ(start_run_error(R"({"prompt":"x","priority":1001})"),
            "request body: \"priority\" must be at most 1000");
  EXPECT_EQ(start_run_error(R"({"prompt":"x","priority":1.5})"),
            "request body: \"priority\" must be a whole number");
  EXPECT_EQ(start_run_error(R"({"prompt":"x","budget_usd":0})"),
            "request body: \"budget_usd\" must be greater than 0");
  EXPECT_EQ(start_run_error(R"({"prompt":"a\u0000b"})"),
            "request body: \"prompt\" must not contain a NUL character");
}

TEST(Schemas, CountCharactersNotBytes) {
  const json::value schema = json::parse(R"({"type":"string","maxLength":3})");
  EXPECT_TRUE(schemas().check("äöü", schema, "x"));
  EXPECT_FALSE(schemas().check("äöüß", schema, "x"));
}

TEST(Schemas, CheckWhatIsNotNamedToo) {
  const json::value schema =
      json::parse(R"({"type":"object","additionalProperties":{"type":"integer"}})");
  EXPECT_TRUE(schemas().check(json::object{{"a", 1}}, schema, "x"));
  EXPECT_EQ(schemas().check(json::object{{"a", "1"}}, schema, "x").error().message,
            "x: \"a\" must be a whole number");
}

TEST(Schemas, AllowNullWhereItIsDeclared) {
  const auto& step = schemas().components().at("Step");
  json::value value = json::parse(
      R"({"name":"a","kind":"git","status":"pending","attempt":0,"needs":[],"finally":false,"matrix_of":null,"matrix":{},"reason":null,"wakes_at":null,"summary":null,"outputs":{},"started_at":null,"finished_at":null,"error":null})");
  EXPECT_TRUE(schemas().check(value, step, "step"));
  value.at("error") = json::parse(R"({"code":"invalid","message":"m"})");
  EXPECT_TRUE(schemas().check(value, step, "step"));
  value.at("error") = json::parse(R"({"code":"invalid"})");
  EXPECT_FALSE(schemas().check(value, step, "step"));
}

TEST(Schemas, ReadParametersByTheirType) {
  const json::value integer = json::parse(R"({"type":"integer","minimum":1,"maximum":500})");
  EXPECT_EQ(schemas().parse_parameter("17", integer, "limit").value(), 17);
  for (const char* bad : {"", "x", "1x", " 1", "+1", "1.0", "0", "501", "99999999999999999999"})
    EXPECT_FALSE(schemas().parse_parameter(bad, integer, "limit")) << bad;
  const json::value either = json::parse(
      R"({"anyOf":[{"type":"integer","minimum":0},{"type":"string","enum":["latest"]}]})");
  EXPECT_EQ(schemas().parse_parameter("17", either, "after").value(), 17);
  EXPECT_EQ(schemas().parse_parameter("latest", either, "after").value(), "latest");
  for (const char* bad : {"-1", "last", ""})
    EXPECT_FALSE(schemas().parse_parameter(bad, either, "after")) << bad;
  const json::value uuid = json::parse(R"({"type":"string","format":"uuid"})");
  EXPECT_TRUE(schemas().parse_parameter("0193a5c2-0000-7000-8000-000000000000", uuid, "run"));
  EXPECT_FALSE(schemas().parse_parameter("0193a5c2", uuid, "run"));
  EXPECT_FALSE(schemas().parse_parameter("\xff\xfe", json::parse(R"({"type":"string"})"), "name"));
}

TEST(SchemasDeathTest, RefuseKeywordsThatWouldGoUnchecked) {
  EXPECT_DEATH(Schemas({{"A", json::parse(R"({"type":"string","pattern":"^a"})")}}),
               "assertion failed");
  EXPECT_DEATH(
      Schemas(
          {{"A", json::parse(R"({"type":"array","items":{"$ref":"#/components/schemas/B"}})")}}),
      "assertion failed");
}

}  // namespace
}  // namespace corral::edge
