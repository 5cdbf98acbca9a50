#include "domain/expression.h"

#include <gtest/gtest.h>

namespace corral::domain {
namespace {

Scope scope() {
  Scope made;
  made.values = json::parse(R"({
    "inputs": {"name": "Ann", "count": 3, "none": null, "empty": "", "yes": true, "half": 0.5,
               "list": ["a", "b", "c"], "map": {"k": "v"}, "with space": 7},
    "steps": {"build-it": {"outputs": {"sha": "abc", "files": ["x", "y"]}}},
    "matrix": {}, "run": {"id": "r1"}})")
                    .as_object();
  return made;
}

std::string value_of(std::string_view text) {
  const auto parsed = Expression::parse(text);
  if (!parsed) return "parse: " + parsed.error().message;
  const auto value = parsed->evaluate(scope());
  if (value) return json::serialize(*value);
  EXPECT_EQ(value.error().code, ErrorCode::invalid);
  return "error: " + value.error().message;
}

struct Row {
  std::string_view text, value;
};
void expect_values(const std::vector<Row>& rows) {
  for (const auto& row : rows) EXPECT_EQ(value_of(row.text), row.value) << row.text;
}

TEST(Expression, Literals) {
  expect_values({
      {"1", "1"},
      {" 42\t\r\n", "42"},
      {"9223372036854775807", "9223372036854775807"},
      {"9223372036854775808", "9.223372036854776E18"},
      {"1.5", "1.5E0"},
      {"'it''s'", R"("it's")"},
      {R"("a ""b"" 'c'")", R"("a \"b\" 'c'")"},
      {"''", R"("")"},
      {"true", "true"},
      {"false", "false"},
      {"null", "null"},
      {"[]", "[]"},
      {"[1, 'a', [true]]", R"([1,"a",[true]])"},
  });
}

TEST(Expression, LooksUpWhatThereIsAndNullForWhatThereIsNot) {
  expect_values({
      {"inputs.name", R"("Ann")"},
      {"inputs . name", R"("Ann")"},
      {"inputs['name']", R"("Ann")"},
      {"inputs[\"with space\"]", "7"},
      {"inputs.list[0]", R"("a")"},
      {"inputs.list[-1]", R"("c")"},
      {"inputs.list[3]", "null"},
      {"inputs.list[-4]", "null"},
      {"inputs.list[length(inputs.list) - 1]", R"("c")"},
      {"inputs.nothing", "null"},
      {"inputs.nothing.more.of[1]['it']", "null"},
      {"inputs.name.more", "null"},
      {"nowhere", "null"},
      {"steps.build-it.outputs.files[inputs.count - 2]", R"("y")"},
      {"inputs.map[lower('K')]", R"("v")"},
      {"[1, 2][0]", "1"},
  });
}

TEST(Expression, BindsAsOneExpects) {
  expect_values({
      {"1 + 2 * 3", "7"},
      {"(1 + 2) * 3", "9"},
      {"10 - 4 - 3", "3"},
      {"12 / 3 / 2", "2"},
      {"7 % 4 * 2", "6"},
      {"-2 * -3", "6"},
      {"--2", "2"},
      {"!true || true", "true"},
      {"!(true || true)", "false"},
      {"!!1", "true"},
      {"false && false || true", "true"},
      {"true || false && false", "true"},
      {"1 + 1 == 2 && 3 > 2", "true"},
      {"1 < 2 == true", "true"},
      {"1 != 2 == true", "true"},
      {"2 -1", "1"},
      {"inputs.count -1", "2"},
      {"inputs.count-1", "null"},  // a name with a dash
  });
}

TEST(Expression, NumbersAreExactWhileTheyAreWhole) {
  expect_values({
      {"6 / 2", "3"},
      {"7 / 2", "3.5E0"},
      {"7 % -1", "0"},
      {"7 / -1", "-7"},
      {"-7 % 4", "-3"},
      {"0.5 + 0.25", "7.5E-1"},
      {"0.5 - 1", "-5E-1"},
      {"1.5 * 2", "3E0"},
      {"3 / 1.5", "2E0"},
      {"5.5 % 2", "1.5E0"},
      {"-0.5", "-5E-1"},
      {"1 / 0", "error: column 3: division by zero"},
      {"1 % 0", "error: column 3: division by zero"},
      {"1.5 / 0", "error: column 5: division by zero"},
      {"1.5 % 0", "error: column 5: division by zero"},
      {"9223372036854775807 + 1", "error: column 21: the number is too large"},
      {"-9223372036854775807 - 2", "error: column 22: the number is too large"},
      {"9223372036854775807 * 2", "error: column 21: the number is too large"},
      {"(-9223372036854775807 - 1) / -1", "error: column 28: the number is too large"},
      {"(-9223372036854775807 - 1) % -1", "0"},
      {"-(-9223372036854775807 - 1)", "9.223372036854776E18"},
      {"length('abc') + 1", "4"},
  });
  // 1 with 308 zeros, ten times.
  const auto huge = "1" + std::string(308, '0');
  EXPECT_EQ(value_of(huge + " * 10.0"), "error: column 311: the number is too large");
  EXPECT_TRUE(value_of("1" + std::string(400, '0')).starts_with("parse: column 1: "));
}

TEST(Expression, Compares) {
  expect_values({
      {"1 == 1.0", "true"},
      {"1 != 1.0", "false"},
      {"2 == length('ab')", "true"},
      {"'1' == 1", "false"},
      {"null == inputs.none", "true"},
      {"[1, 2] == [1, 2]", "true"},
      {"inputs.map == inputs.map", "true"},
      {"inputs.map == inputs.list", "false"},
      {"1 < 2", "true"},
      {"2 <= 2", "true"},
      {"1 > 2", "false"},
      {"2 >= 3", "false"},
      {"1 < 1.5", "true"},
      {"1.5 <= 1", "false"},
      {"'a' < 'b'", "true"},
      {"'b' <= 'a'", "false"},
      {"'b' > 'a'", "true"},
      {"'a' >= 'a'", "true"},
      {"'a' + 'b'", R"("ab")"},
  });
}

TEST(Expression, AndAndOrGiveTheValueThatDecides) {
  expect_values({
      {"inputs.empty || 'nobody'", R"("nobody")"},
      {"inputs.name || 'nobody'", R"("Ann")"},
      {"inputs.name && inputs.count", "3"},
      {"inputs.none && 1 / 0", "null"},
      {"inputs.yes || 1 / 0", "true"},
  });
}

TEST(Expression, WrongTypesAreNamedAtTheirColumn) {
  expect_values({
      {"1 + 'a'", "error: column 3: + does not work on a number and a text"},
      {"'a' - 'b'", "error: column 5: - does not work on a text and a text"},
      {"null < 1", "error: column 6: < does not work on null and a number"},
      {"true * []", "error: column 6: * does not work on a boolean and a list"},
      {"inputs > 1", "error: column 8: > does not work on an object and a number"},
      {"1 + -'a'", "error: column 5: - needs a number, not a text"},
      {"inputs.list['a']", "error: column 13: a text cannot be looked up in a list"},
      {"inputs.list[1.5]", "error: column 13: a number cannot be looked up in a list"},
      {"inputs.map[1]", "error: column 12: a number cannot be looked up in an object"},
      {"inputs.name[0]", "error: column 13: a number cannot be looked up in a text"},
      {"1 + lower(2)", "error: column 5: argument 1 of lower() must be a text, not a number"},
      {"join('a', ',')", "error: column 1: argument 1 of join() must be a list, not a text"},
      {"range('3')", "error: column 1: argument 1 of range() must be a number, not a text"},
      {"starts_with('a', null)",
       "error: column 1: argument 2 of starts_with() must be a text, not null"},
      // Wherever it happens.
      {"[1, 1 / 0]", "error: column 7: division by zero"},
      {"(1 / 0).x", "error: column 4: division by zero"},
      {"(1 / 0)[0]", "error: column 4: division by zero"},
      {"inputs[1 / 0]", "error: column 10: division by zero"},
      {"!(1 / 0)", "error: column 5: division by zero"},
      {"1 / 0 + 1", "error: column 3: division by zero"},
      {"1 + 1 / 0", "error: column 7: division by zero"},
      {"length(1 / 0)", "error: column 10: division by zero"},
  });
}

TEST(Expression, Functions) {
  expect_values({
      {"contains('abc', 'b')", "true"},
      {"contains('a1', 1)", "true"},
      {"contains(inputs.list, 'b')", "true"},
      {"contains([1, 2], 2.0)", "true"},
      {"contains(inputs.list, 'z')", "false"},
      {"contains(inputs.map, 'k')", "true"},
      {"contains(inputs.map, 'v')", "false"},
      {"contains(null, 'x')", "false"},
      {"starts_with('abc', 'ab')", "true"},
      {"starts_with('abc', 'b')", "false"},
      {"ends_with('abc', 'bc')", "true"},
      {"ends_with('abc', 'b')", "false"},
      {"length('abc')", "3"},
      {"length(inputs.list)", "3"},
      {"length(inputs.map)", "1"},
      {"length(null)", "0"},
      {"length(12)", "0"},
      {"lower('AbC1_Z')", R"("abc1_z")"},
      {"upper('AbC1_z')", R"("ABC1_Z")"},
      {"trim('  a b\t\n')", R"("a b")"},
      {"trim(' \r\n')", R"("")"},
      {"split('a,b,,c', ',')", R"(["a","b","","c"])"},
      {"split('abc', '')", R"(["abc"])"},
      {"split('', ',')", R"([""])"},
      {"join(inputs.list, ', ')", R"("a, b, c")"},
      {"join([1, null, true, ['x']], '-')", R"("1--true-[\"x\"]")"},
      {"join([], ',')", R"("")"},
      {"replace('a.b.c', '.', '->')", R"("a->b->c")"},
      {"replace('abc', '', 'x')", R"("abc")"},
      {"replace('aaa', 'aa', 'b')", R"("ba")"},
      {"range(3)", "[0,1,2]"},
      {"range(2.5)", "[0,1,2]"},
      {"range(0)", "[]"},
      {"range(-5)", "[]"},
      {"default(inputs.none, 1)", "1"},
      {"default('', 1)", "1"},
      {"default(0, 1)", "0"},
      {"default(false, 1)", "false"},
      {"to_json(inputs.map)", R"("{\"k\":\"v\"}")"},
      {"from_json('{\"a\": [1, null]}').a[0]", "1"},
      {"from_json('[1')",
       "error: column 1: the argument of from_json() is not valid JSON: incomplete JSON"},
  });
}

TEST(Expression, StatusFunctionsSayWhatTheScopeSays) {
  for (const bool yes : {true, false}) {
    Scope given;
    given.success = yes;
    given.failure = !yes;
    given.cancelled = yes;
    const auto say = [&](std::string_view text) {
      return is_true(Expression::parse(text)->evaluate(given).value());
    };
    EXPECT_EQ(say("success()"), yes);
    EXPECT_EQ(say("failure()"), !yes);
    EXPECT_EQ(say("cancelled()"), yes);
    EXPECT_TRUE(say("always()"));
  }
  EXPECT_TRUE(Expression::parse("inputs.x && [failure()][0]")->asks_for_status());
  EXPECT_FALSE(Expression::parse("inputs.success && contains('a', 'b')")->asks_for_status());
}

TEST(Expression, WhatDoesNotParseIsShownWithItsColumn) {
  expect_values({
      {"", "parse: column 1: the expression ends where a value should be"},
      {"1 +", "parse: column 4: the expression ends where a value should be"},
      {"1 + * 2", R"(parse: column 5: "* 2" stands where a value should be)"},
      {"1 2", R"(parse: column 3: "2" stands where an operator or the end should be)"},
      {"(1", "parse: column 3: the expression ends where ) should be"},
      {"[1, 2", "parse: column 6: the expression ends where ] should be"},
      {"[1 2]", R"(parse: column 4: "2]" stands where ] should be)"},
      {"[1,]", R"(parse: column 4: "]" stands where a value should be)"},
      {"inputs[0", "parse: column 9: the expression ends where ] should be"},
      {"inputs.", "parse: column 8: the expression ends where the name of a field should be"},
      {"inputs.1", R"(parse: column 8: "1" stands where the name of a field should be)"},
      {"'a", "parse: column 1: the text that begins here has no end: close it with '"},
      {"1 + \"a", "parse: column 5: the text that begins here has no end: close it with \""},
      {"a = b", R"(parse: column 3: "= b" stands where an operator or the end should be)"},
      {"!= 1", R"(parse: column 1: "!= 1" stands where a value should be)"},
      {"lower('a', 'b')", "parse: column 1: lower() takes 1 argument, not 2"},
      {"1 + split('a')", "parse: column 5: split() takes 2 arguments, not 1"},
      {"success(1)", "parse: column 1: success() takes no argument"},
      {"lower('a'", "parse: column 10: the expression ends where ) should be"},
      {"shell('rm')",
       "parse: column 1: there is no function \"shell\": use one of success, failure, always, "
       "cancelled, contains, starts_with, ends_with, length, lower, upper, trim, split, join, "
       "replace, range, default, to_json, from_json"},
      // A long rest is cut short.
      {"1 ; abcdefghijklmnop",
       R"(parse: column 3: "; abcdefghij" stands where an operator or the end should be)"},
  });
}

TEST(Expression, IsBounded) {
  EXPECT_EQ(value_of(std::string(kMaxExpressionText + 1, ' ')),
            "parse: column 1: the expression has 16385 bytes: at most 16384");
  const auto nested = [](int depth) {
    return std::string(depth, '(') + "1" + std::string(depth, ')');
  };
  EXPECT_EQ(value_of(nested(20)), "1");
  for (const auto& deep : {nested(100), nested(8'000), std::string(16'000, '!') + "1",
                           std::string(16'000, '-') + "1", std::string(16'000, '[')})
    EXPECT_NE(value_of(deep).find("the expression is nested too deeply"), std::string::npos);
  EXPECT_EQ(value_of("length(range(1000))"), "1000");
  EXPECT_EQ(value_of("range(1001)"), "error: column 1: the list has more than 1000 elements");
  EXPECT_EQ(value_of("split(join(range(1000), 'a'), '') == 1 || 1"), "1");
  EXPECT_EQ(value_of("split(join(range(1000), ',') + ',', ',')"),
            "error: column 1: the list has more than 1000 elements");
  const std::string thousand = "replace(join(range(1000), ''), '1', join(range(300), 'abcdefg'))";
  EXPECT_EQ(value_of("length(" + thousand + ") > 300000"), "true");
  EXPECT_EQ(value_of(thousand + " + " + thousand),
            "error: column 66: the result has more than 1048576 bytes");
  EXPECT_EQ(value_of("replace(" + thousand + ", '2', " + thousand + ")"),
            "error: column 1: the result has more than 1048576 bytes");
}

// As long as a text may be, and each operator's left side is what stands before it.
TEST(Expression, ALongChainIsRefusedAndNotTheEndOfTheStack) {
  const auto chain = [](std::string first, std::string_view link) {
    while (first.size() + link.size() <= kMaxExpressionText) first += link;
    return first;
  };
  for (const auto& text : {chain("1", "+1"), chain("a", ".a"), chain("a", "[0]"), chain("1", "||1"),
                           chain("a", "['a']")})
    EXPECT_NE(value_of(text).find("the expression is nested too deeply"), std::string::npos)
        << text.substr(0, 20);
  std::string sum = "1";
  for (int i = 0; i < 60; ++i) sum += " + 1";
  EXPECT_EQ(value_of(sum), "61");
}

TEST(Expression, ReferencesAreThePathsWithoutWhatIsComputed) {
  const auto paths = [](std::string_view text) {
    std::string all;
    for (const auto& path : Expression::parse(text)->references())
      all += fmt::format("{} ", fmt::join(path, "."));
    return all;
  };
  EXPECT_EQ(paths("1 + 'inputs.a'"), "");
  EXPECT_EQ(paths("inputs.a + steps.b.outputs.c"), "inputs.a steps.b.outputs.c ");
  EXPECT_EQ(paths("steps['b']['outputs'].c"), "steps.b.outputs.c ");
  EXPECT_EQ(paths("steps[inputs.which].outputs"), "inputs.which steps ");
  EXPECT_EQ(paths("steps.a.outputs.list[matrix.i].name"), "matrix.i steps.a.outputs.list ");
  EXPECT_EQ(paths("contains(inputs.a, [inputs.b][0]) && !run.id"), "inputs.a inputs.b run.id ");
  EXPECT_EQ(paths("from_json(inputs.a).b.c"), "inputs.a ");
  EXPECT_EQ(paths("inputs"), "inputs ");
}

TEST(Truth, EmptyThingsAreFalse) {
  for (const char* no : {"null", "false", "0", "0.0", "\"\"", "[]", "{}"})
    EXPECT_FALSE(is_true(json::parse(no))) << no;
  for (const char* yes : {"true", "1", "-0.5", "\"0\"", "[0]", "{\"a\":null}"})
    EXPECT_TRUE(is_true(json::parse(yes))) << yes;
}

TEST(Text, OfAValue) {
  EXPECT_EQ(as_text(nullptr), "");
  EXPECT_EQ(as_text("a \"b\""), "a \"b\"");
  EXPECT_EQ(as_text(12), "12");
  EXPECT_EQ(as_text(true), "true");
  EXPECT_EQ(as_text(json::array{1, "a"}), R"([1,"a"])");
  EXPECT_EQ(as_text(json::object{{"a", nullptr}}), R"({"a":null})");
}

// ---- templates ----

std::string filled(std::string_view text) {
  const auto parsed = Template::parse(text);
  if (!parsed) return "parse: " + parsed.error().message;
  const auto value = parsed->evaluate(scope());
  return value ? json::serialize(*value) : "error: " + value.error().message;
}

TEST(Template, OneExpressionKeepsItsTypeAndOthersBecomeText) {
  EXPECT_EQ(filled(""), R"("")");
  EXPECT_EQ(filled("plain {{ }} $ {"), R"("plain {{ }} $ {")");
  EXPECT_EQ(filled("${{ inputs.count }}"), "3");
  EXPECT_EQ(filled("${{inputs.list}}"), R"(["a","b","c"])");
  EXPECT_EQ(filled(" ${{ inputs.count }}"), R"(" 3")");
  EXPECT_EQ(filled("${{ inputs.count }}${{ inputs.none }}"), R"("3")");
  EXPECT_EQ(filled("Hi ${{ inputs.name }}: ${{ inputs.list }}!"),
            R"("Hi Ann: [\"a\",\"b\",\"c\"]!")");
  EXPECT_EQ(Template::parse("${{ inputs.count }}")->text(scope()).value(), "3");
}

TEST(Template, ADollarMoreStandsForTheText) {
  EXPECT_EQ(filled("$${{ inputs.name }}"), R"("${{ inputs.name }}")");
  EXPECT_EQ(filled("a $${{ b ${{ inputs.name }}"), R"("a ${{ b Ann")");
  EXPECT_EQ(filled("$$${{"), R"("$${{")");
  EXPECT_EQ(filled("${{ '$' }}${{ inputs.name }}"), R"("$Ann")");
}

TEST(Template, BracesWithinQuotesDoNotClose) {
  EXPECT_EQ(filled("${{ '}}' }}"), R"("}}")");
  EXPECT_EQ(filled("${{ \"'}}\" }} '"), R"("'}} '")");
  EXPECT_EQ(filled("${{ 'it''s }}' }}"), R"("it's }}")");
}

TEST(Template, TextIsBoundedAsAWhole) {
  Scope big;
  big.values["inputs"] = json::object{{"a", std::string(kMaxExpressionResult / 2, 'x')}};
  const auto text = [&](std::string_view source) { return Template::parse(source)->evaluate(big); };
  EXPECT_TRUE(text("${{ inputs.a }}${{ inputs.a }}"));
  EXPECT_EQ(text("${{ inputs.a }}-${{ inputs.a }}-${{ inputs.a }}").error().message,
            "the text has more than 1048576 bytes");
}

TEST(Template, ErrorsShowTheExpression) {
  EXPECT_EQ(filled("a ${{ inputs.name"),
            R"(parse: "${{ inputs.name" has no end: close it with }})");
  EXPECT_EQ(filled("${{ 'a }}"), R"(parse: "${{ 'a }}" has no end: close it with }})");
  EXPECT_EQ(filled("${{ 1 + }}"),
            "parse: in ${{ 1 + }}: column 6: the expression ends where a value should be");
  EXPECT_EQ(filled("${{ 1 / 0 }}"), "error: in ${{ 1 / 0 }}: column 4: division by zero");
  EXPECT_EQ(filled("a ${{ 1 / 0 }}"), "error: in ${{ 1 / 0 }}: column 4: division by zero");
  EXPECT_EQ(Template::parse("${{").error().code, ErrorCode::invalid);
}

}  // namespace
}  // namespace corral::domain
