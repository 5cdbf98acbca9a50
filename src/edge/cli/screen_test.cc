#include "edge/cli/screen.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "edge/cli/render.h"

namespace corral::edge::cli {
namespace {

TEST(Printable, TakesOutWhatATerminalWouldObey) {
  EXPECT_EQ(printable("a\x1b[31mred\x1b[0m b"), "ared b");
  EXPECT_EQ(printable("title\x1b]0;owned\x07!"), "title!");
  EXPECT_EQ(printable("clip\x1b]52;c;aGk=\x1b\\!"), "clip!");
  EXPECT_EQ(printable("\x1bP+q544e\x1b\\x\x1b_apc\x1b\\y"), "xy");
  EXPECT_EQ(printable("\x1b(Bx\x1b=y"), "xy");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31mx\xc2\x9d"
                      "0;t\x07y"),
            "xy");  // C1 as UTF-8
  EXPECT_EQ(printable(std::string_view("bell\a back\b nul\0 del\x7f", 20)), "bell back nul del");
  EXPECT_EQ(printable("ab\xe2\x80\xae"
                      "cd\xe2\x81\xa6"),
            "abcd");  // overrides of direction
  EXPECT_EQ(printable("\x9b\xff|\xe2\x82"), "\xef\xbf\xbd\xef\xbf\xbd|\xef\xbf\xbd");
  EXPECT_EQ(printable("naïve – 日本 😀"), "naïve – 日本 😀");
}

TEST(Printable, EndsAnUnfinishedStringAtTheLine) {
  EXPECT_EQ(printable("\x1b]0;never ends\nnext", Lines::keep), "\nnext");
  EXPECT_EQ(printable("50%\r100%\r\ndone", Lines::keep), "50%\n100%\ndone");
}

TEST(Printable, DoesNotDependOnWhereTheStreamIsCut) {
  const std::string text =
      "a\x1b[1;31mb\x1b]0;t\x07"
      "c\xe2\x82\xac\r\nd\xc2\x9b"
      "2Je\xf0\x9f\x98\x80\x1b]8;;x\x1b\\f\xff";
  const auto whole = printable(text, Lines::keep);
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    PrintableFilter filter;
    EXPECT_EQ(filter.feed(text.substr(0, cut)) + filter.feed(text.substr(cut)) + filter.finish(),
              whole)
        << cut;
  }
  PrintableFilter filter;
  std::string byte_by_byte;
  for (const char c : text) byte_by_byte += filter.feed(std::string_view(&c, 1));
  EXPECT_EQ(byte_by_byte + filter.finish(), whole);
}

TEST(Width, CountsColumnsAndShortens) {
  EXPECT_EQ(display_width("abc"), 3u);
  EXPECT_EQ(display_width("日本"), 4u);
  EXPECT_EQ(display_width("e\xcc\x81"), 1u);
  EXPECT_EQ(shorten("abcdef", 4), "abc…");
  EXPECT_EQ(shorten("日本語", 4), "日…");
  EXPECT_EQ(shorten("abc", 3), "abc");
  EXPECT_TRUE(is_utf8("é日😀"));
  for (const char* bad : {"\xff", "\xc0\x80", "\xed\xa0\x80", "\xe2\x82", "\xf5\x80\x80\x80"})
    EXPECT_FALSE(is_utf8(bad));
}

TEST(Table, FitsTheTerminalAndIsWholeElsewhere) {
  const std::vector<Column> columns{
      {"ID"}, {"PROMPT", Column::Align::left, true}, {"N", Column::Align::right}};
  const std::vector<std::vector<Cell>> rows{
      {{"1"}, {"a very long prompt that goes on and on and on and on"}, {"12"}},
      {{"22"}, {"short\x1b[2J"}, {"3"}}};
  const auto narrow = table({.terminal = true, .colour = false, .width = 40}, columns, rows);
  EXPECT_EQ(narrow,
            "ID  PROMPT                             N\n"
            "1   a very long prompt that goes on…  12\n"
            "22  short                              3\n");
  EXPECT_THAT(table({}, columns, rows), ::testing::HasSubstr("on and on and on and on  12\n"));
}

TEST(Paint, ColoursOnlyWhereColoursAre) {
  EXPECT_EQ((Screen{.colour = false}.paint(Style::red, "x")), "x");
  EXPECT_EQ((Screen{.colour = true}.paint(Style::red, "x")), "\x1b[31mx\x1b[0m");
}

TEST(Render, WritesFiguresForPeople) {
  EXPECT_EQ(money(0), "$0.00");
  EXPECT_EQ(money(0.0123), "$0.0123");
  EXPECT_EQ(money(0.00001), "<$0.0001");
  EXPECT_EQ(money(12.5), "$12.50");
  EXPECT_EQ(count(1234567), "1,234,567");
  EXPECT_EQ(count(-1234), "-1,234");
  EXPECT_EQ(count(999), "999");
  EXPECT_EQ(duration_text(Duration(820)), "820 ms");
  EXPECT_EQ(duration_text(Duration(59'999)), "59.9 s");
  EXPECT_EQ(duration_text(Duration(185'000)), "3 min 5 s");
  EXPECT_EQ(duration_text(Duration(7'440'000)), "2 h 4 min");
  EXPECT_EQ(ago("2026-11-21T09:00:00.000Z", *time_from_rfc3339("2026-11-21T09:05:10.000Z")),
            "5 min ago");
}

TEST(Render, ShowsARunWithoutObeyingIt) {
  const auto run =
      parse_json(
          R"({"id":"0199abcd-1234-7000-8000-000000000000","project":{"id":"p","name":"thing\u001b[2J"},"agent":"claude","prompt":"do\nit","checks":"","status":"running","waiting":true,
    "branch":"corral/x","base_branch":"main","commit":null,"diff_stat":{"files":1,"insertions":12,"deletions":3},"cost_usd":0.5,"usage":{"calls":2,"input_tokens":1000,"output_tokens":5},
    "isolation":"reduced","created_by":"user:admin","created_at":"2026-11-21T09:00:00.000Z","started_at":"2026-11-21T09:00:00.000Z","finished_at":null,"error":null,"summary":"\u001b]0;x\u0007done",
    "approvals":[{"id":"a1","tool":"Bash","input":{"command":"rm -rf /\u001b[8m"},"text":""}],"steps":[{"name":"agent","kind":"agent","status":"waiting","attempt":1,"started_at":null,"finished_at":null,
    "error":{"code":"invalid","message":"bad"}}]})",
          "run")
          .value();
  const auto now = *time_from_rfc3339("2026-11-21T09:00:30.000Z");
  const auto text =
      render_run({}, run, now) + render_runs({}, {run}, now) + render_result({}, run, "/home/me/x");
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  for (const char* words :
       {"waiting", "1 file, +12 −3", "$0.5000 (2 model calls, 1,000 tokens in, 5 out)",
        "corral runs approve 0199abcd-1234", "rm -rf /", "30.0 s", "reduced", "done", "bad",
        "30 s ago"})
    EXPECT_THAT(text, ::testing::HasSubstr(words));
}

}  // namespace
}  // namespace corral::edge::cli
