#include "edge/cli/query_filter.h"

#include <gtest/gtest.h>

namespace corral::edge::cli {
namespace {

std::string filtered(std::string_view bytes) {
  QueryFilter whole;
  const auto once = whole.feed(bytes);
  // Whatever the split, the same.
  QueryFilter piecewise;
  std::string pieces;
  for (const char c : bytes) pieces += piecewise.feed(std::string_view(&c, 1));
  EXPECT_EQ(once, pieces);
  return once;
}

TEST(QueryFilter, PassesOnWhatShowsSomething) {
  for (const std::string_view text :
       {"plain text\r\n", "\x1b[31;1mred\x1b[0m", "\x1b[2J\x1b[H", "\x1b[?1049h\x1b[?25l",
        "\x1b]0;title\x07", "\x1b]8;;https://a.example\x1b\\link\x1b]8;;\x1b\\", "\x1b(B\x1b)0",
        "\x1b[!p", "\x1b[4 q", "\x1b[8;24;80t", "\x1b[22;0t", "ünï 漢字"})
    EXPECT_EQ(filtered(text), text);
}

TEST(QueryFilter, TakesOutWhatTheTerminalWouldAnswer) {
  for (const std::string_view query :
       {"\x1b[c",          "\x1b[0c",        "\x1b[>c",        "\x1b[>0c",
        "\x1b[=c",         "\x1b[5n",        "\x1b[6n",        "\x1b[?6n",
        "\x1b[?996n",      "\x1b[?2026$p",   "\x1b[4$p",       "\x1b[>q",
        "\x1b[>0q",        "\x1b[?u",        "\x1b[14t",       "\x1b[18t",
        "\x1b[x",          "\x1bZ",          "\x05",           "\x1b]10;?\x07",
        "\x1b]11;?\x1b\\", "\x1b]4;1;?\x07", "\x1bP$qm\x1b\\", "\x1bP+q544e\x1b\\"})
    EXPECT_EQ(filtered("a" + std::string(query) + "b"), "ab") << query.substr(1);
}

TEST(QueryFilter, HoldsBackOnlyWhatIsNotWhole) {
  QueryFilter filter;
  EXPECT_EQ(filter.feed("a\x1b["), "a");
  EXPECT_EQ(filter.feed("3"), "");
  EXPECT_EQ(filter.feed("1mb"), "\x1b[31mb");
  EXPECT_EQ(filter.feed("\x1b[1\x1b[6n\x1b[2mc"), "\x1b[1\x1b[2mc");
  const std::string image = "\x1bP" + std::string(10'000, 'x') + "\x1b\\";
  EXPECT_EQ(filter.feed(image), image);
}

}  // namespace
}  // namespace corral::edge::cli
