#include "session/screen/screen.h"

#include <random>

#include <gtest/gtest.h>

#include "base/json.h"

namespace corral::session {
namespace {

Screen screen_of(std::string_view bytes, std::uint32_t columns = 20, std::uint32_t rows = 4) {
  Screen screen(columns, rows);
  screen.feed(bytes);
  return screen;
}

std::string text_of(std::string_view bytes, std::uint32_t columns = 20, std::uint32_t rows = 4) {
  return screen_of(bytes, columns, rows).text();
}

std::string replies_to(std::string_view bytes) {
  auto screen = screen_of(bytes);
  return screen.take_replies();
}

// A program's output as it might be, with much that is not plain.
std::string random_output(std::mt19937& random, int actions) {
  const auto pick = [&](int most) {
    return static_cast<int>(random() % static_cast<unsigned>(most));
  };
  const char* const kPieces[] = {"plain text ",
                                 "\r\n",
                                 "\n",
                                 "\t",
                                 "\b",
                                 "\x1b[m",
                                 "\x1b[1;31m",
                                 "\x1b[48;2;10;20;30m",
                                 "\x1b[4:3m",
                                 "\x1b[58:5:9m",
                                 "\xe4\xb8\x96\xe7\x95\x8c",
                                 "e\xcc\x81",
                                 "\xf0\x9f\x98\x80",
                                 "\x1b[H",
                                 "\x1b[3;5H",
                                 "\x1b[K",
                                 "\x1b[1K",
                                 "\x1b[J",
                                 "\x1b[2J",
                                 "\x1b[3J",
                                 "\x1b[2L",
                                 "\x1b[M",
                                 "\x1b[3P",
                                 "\x1b[2@",
                                 "\x1b[4X",
                                 "\x1b[2;3r",
                                 "\x1b[r",
                                 "\x1bM",
                                 "\x1b"
                                 "7",
                                 "\x1b"
                                 "8",
                                 "\x1b[?1049h",
                                 "\x1b[?1049l",
                                 "\x1b[?47h",
                                 "\x1b[?47l",
                                 "\x1b[?6h",
                                 "\x1b[?6l",
                                 "\x1b[?7l",
                                 "\x1b[?7h",
                                 "\x1b[4h",
                                 "\x1b[4l",
                                 "\x1b(0",
                                 "\x1b(B",
                                 "\x0e",
                                 "\x0f",
                                 "\x1b]0;title\x07",
                                 "\x1b]8;id=1;http://localhost/\x1b\\",
                                 "\x1b]8;;\x1b\\",
                                 "\x1b]4;3;#123\x07",
                                 "\x1b[?2004h",
                                 "\x1b[?1000h",
                                 "\x1b[?1006h",
                                 "\x1b[?25l",
                                 "\x1b[3 q",
                                 "\x1bH",
                                 "\x1b[3g",
                                 "\x1b[5b",
                                 "\x1b[2S",
                                 "\x1b[T",
                                 "\x1b#8",
                                 "\x1b[!p",
                                 "\xff",
                                 "\xe2\x82",
                                 "\x1b[38;5;1",
                                 "\x1bP$q",
                                 "\x1b]11;",
                                 "\x1b_x",
                                 "\x1b[?1;2",
                                 "\xcc\x81",
                                 "\x1b[1\"q",
                                 "\x1b[?K",
                                 "\x1b[ @",
                                 "\x1b[2 A",
                                 "\x1b['}",
                                 "\x1b['~"};
  std::string output;
  for (int action = 0; action < actions; ++action) {
    switch (pick(4)) {
      case 0:
        output +=
            std::string(static_cast<std::size_t>(pick(30)), static_cast<char>('a' + pick(26)));
        break;
      case 1:
        output += "\x1b[" + std::to_string(pick(6)) + ";" + std::to_string(pick(25)) + "H";
        break;
      default: output += kPieces[pick(static_cast<int>(std::size(kPieces)))]; break;
    }
  }
  return output;
}

TEST(Screen, ShowsTextAndWrapsIt) {
  EXPECT_EQ(text_of("one\r\ntwo"), "one\ntwo\n\n\n");
  EXPECT_EQ(text_of("abcdefgh", 5), "abcde\nfgh\n\n\n");
  const auto screen = screen_of("abcde", 5);
  EXPECT_EQ(screen.cursor().column, 5u);  // and wraps only when more comes
  EXPECT_EQ(screen.cursor().row, 0u);
}

TEST(Screen, KeepsLinesThatScrolledOffUpToItsBounds) {
  Screen screen(10, 2, {.scrollback_lines = 3});
  for (int line = 0; line < 9; ++line) screen.feed(std::to_string(line) + "\r\n");
  EXPECT_EQ(screen.scrollback_lines(), 3u);
  EXPECT_EQ(screen.text(), "8\n\n");
  Screen small(1000, 2, {.scrollback_lines = 1000, .scrollback_bytes = 100'000});
  for (int line = 0; line < 500; ++line) small.feed(std::string(900, 'x') + "\r\n");
  EXPECT_LT(small.memory_bytes(), 250'000u);
  EXPECT_GT(small.scrollback_lines(), 5u);
}

TEST(Screen, TakesLittleMemory) {
  Screen idle(80, 24);
  idle.feed("$ ls\r\nREADME.md src\r\n$ ");
  EXPECT_LT(idle.memory_bytes(), 20'000u);
  Screen full(80, 24);
  for (int line = 0; line < 5000; ++line) full.feed(std::string(80, 'x') + "\r\n");
  EXPECT_LT(full.memory_bytes(), 2'000'000u);
  // True colours that differ from cell to cell, and characters that combine without end.
  Screen colours(80, 24, {.scrollback_lines = 100});
  for (int step = 0; step < 300'000; ++step)
    colours.feed("\x1b[38;2;" + std::to_string(step % 256) + ";" +
                 std::to_string(step / 256 % 256) + ";" + std::to_string(step % 7) +
                 "mx\xcc\x81\xcc\x82");
  EXPECT_LT(colours.memory_bytes(), 6'000'000u);
}

TEST(Screen, DecodesCharactersAcrossSplits) {
  Screen screen(20, 2);
  for (const char byte : std::string_view("\xe4\xb8\x96\xf0\x9f\x98\x80 e\xcc\x81"))
    screen.feed({&byte, 1});
  EXPECT_EQ(screen.text(), "\xe4\xb8\x96\xf0\x9f\x98\x80 e\xcc\x81\n\n");
  EXPECT_EQ(screen.cursor().column, 5u);  // 2 for the ideograph, 1 for the emoji (Unicode 6)
  EXPECT_EQ(text_of("a\xff\xc0\xe4\xb8"
                    "b\xed\xa0\x80"
                    "c"),
            "abc\n\n\n\n");
}

TEST(Screen, AnswersQueriesOnce) {
  Screen screen(20, 4);
  screen.feed("ab\x1b[6n");
  EXPECT_EQ(screen.take_replies(), "\x1b[1;3R");
  EXPECT_EQ(screen.take_replies(), "");
  EXPECT_EQ(replies_to("\x1b[c\x1b[>c\x1b[5n"), "\x1b[?1;2c\x1b[>0;276;0c\x1b[0n");
  EXPECT_EQ(replies_to("\x1b]11;?\x07\x1b]11;#123456\x07\x1b]11;?\x07"),
            "\x1b]11;rgb:0000/0000/0000\x1b\\\x1b]11;rgb:1212/3434/5656\x1b\\");
  EXPECT_EQ(replies_to("\x1b]4;1;?\x07\x1b]10;?;?\x07"),
            "\x1b]4;1;rgb:cccc/0000/0000\x1b\\\x1b]10;rgb:ffff/ffff/ffff\x1b\\\x1b]11;rgb:0000/"
            "0000/0000\x1b\\");
  EXPECT_EQ(replies_to("\x1b[?2004h\x1b[?2004$p\x1b[?9999$p\x1b[4$p"),
            "\x1b[?2004;1$y\x1b[?9999;0$y\x1b[4;2$y");
  EXPECT_EQ(replies_to("\x1b[2;3r\x1bP$qr\x1b\\\x1bP$qx\x1b\\"),
            "\x1bP1$r2;3r\x1b\\\x1bP0$r\x1b\\");
  Screen flooded(20, 4);
  for (int count = 0; count < 100'000; ++count) flooded.feed("\x1b[c");
  EXPECT_LE(flooded.take_replies().size(), 64u * 1024);
}

TEST(Screen, KnowsWhatCallersAskFor) {
  auto screen =
      screen_of("\x1b]2;vim\x07\x1b[?1049h\x1b[?2004h\x1b[?1002h\x1b[?1h\x1b[?1004h\x1b[?25l");
  EXPECT_EQ(screen.title(), "vim");
  EXPECT_TRUE(screen.alternate_screen());
  EXPECT_TRUE(screen.bracketed_paste());
  EXPECT_TRUE(screen.application_cursor());
  EXPECT_TRUE(screen.focus_reports());
  EXPECT_EQ(screen.mouse_reports(), MouseReports::drag);
  EXPECT_FALSE(screen.cursor().visible);
  screen.feed(
      "\x1b"
      "c");
  EXPECT_FALSE(screen.alternate_screen());
  EXPECT_EQ(screen.mouse_reports(), MouseReports::none);
}

TEST(Screen, LaysWrappedLinesOutAnewWhenItsWidthChanges) {
  Screen screen(10, 4);
  screen.feed("0123456789abcdef\r\nnext\r\n");
  screen.resize(6, 4);
  EXPECT_EQ(screen.text(), "6789ab\ncdef\nnext\n\n");
  EXPECT_EQ(screen.scrollback_lines(), 1u);
  screen.resize(20, 4);
  EXPECT_EQ(screen.text(), "0123456789abcdef\nnext\n\n\n");
  screen.resize(0, 0);
  EXPECT_EQ(screen.columns(), 2u);
  EXPECT_EQ(screen.rows(), 1u);
}

TEST(Screen, JsonNamesColoursAttributesAndLinks) {
  const auto screen = screen_of(
      "\x1b[1;31mbold\x1b[0;4:3;58;5;9;38;2;1;2;3mcurly\x1b[m "
      "\x1b]8;;http://localhost/\x1b\\link\x1b]8;;\x1b\\");
  const auto value = parse_json(screen.json(), "screen");
  ASSERT_TRUE(value);
  const auto& spans = value->at("lines").at(0).at("spans").as_array();
  ASSERT_EQ(spans.size(), 4u);
  EXPECT_EQ(json::serialize(spans[0]), R"({"text":"bold","columns":4,"foreground":1,"bold":true})");
  EXPECT_EQ(
      json::serialize(spans[1]),
      R"({"text":"curly","columns":5,"foreground":"#010203","underline":"curly","underline_color":9})");
  EXPECT_EQ(json::serialize(spans[2]), R"({"text":" ","columns":1})");
  EXPECT_EQ(json::serialize(spans[3]), R"({"text":"link","columns":4,"link":"http://localhost/"})");
  EXPECT_EQ(value->at("cursor").at("column").as_int64(), 14);
}

TEST(Screen, RefusesWhatIsNoCheckpoint) {
  EXPECT_EQ(Screen::restore("").error().code, ErrorCode::corrupt);
  EXPECT_EQ(Screen::restore("CRSC is not enough").error().code, ErrorCode::corrupt);
  const auto saved = screen_of("some text\x1b[31mand colour").save();
  for (std::size_t at = 0; at < saved.size(); ++at) {
    auto damaged = saved;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    EXPECT_FALSE(Screen::restore(damaged)) << at;
    EXPECT_FALSE(Screen::restore(std::string_view(saved).substr(0, at))) << at;
  }
}

TEST(Screen, ASnapshotBringsBackTheStateItWasTakenIn) {
  const std::string_view outputs[] = {
      "plain\r\ntext",
      "\x1b[1;4:2;38;5;200mstyled\x1b[44m \x1b[K\r\n\x1b[mnext",
      "0123456789",
      "012345678\xe4\xb8\x96",
      "\x1b[31m0123456789abcdef\x1b[10D\x1b[1P",
      "e\xcc",
      "\x1b[38;2;1",
      "\x1b]0;half a tit",
      "\x1bP$q",
      "\x1b_half",
      "main\x1b[?1049halternate\x1b[2;3r\x1b[?6h\x1b[2;2H\x1b[7m",
      "\x1b(0lqk\x1b"
      "7\x1b(B",
      "a\tb\x1b[3g\x1b[4G\x1bH",
      "\x1b[5;5Habc\x1b[?7l\x1b[4h\x1b[?1h\x1b=\x1b[?2026h\x1b[?1003h\x1b[?1006h\x1b[5 q\x1b[?25l",
      "\x1b]4;1;#102030\x07\x1b]10;#fff\x07\x1b]8;id=7;http://localhost/a;b\x1b\\linked",
      "one\r\ntwo\r\nthree\r\nfour\r\nfive wrapped around\r\nsix\r\n",
      "\x1b[?1047h\x1b[42m\x1b[2J\x1b[H\x1b"
      "7x",
  };
  for (const auto output : outputs) {
    const auto original = screen_of(output, 10, 4);
    const auto snapshot = original.snapshot(100);
    Screen again(10, 4);
    again.feed("whatever was \x1b[35mthere\x1b[?1049h\x1b[?7l\x1b]0;before\x07\x1b]half");
    again.feed(snapshot);
    EXPECT_EQ(again.snapshot(100), snapshot) << output;
    EXPECT_EQ(again.text(), original.text()) << output;
    EXPECT_EQ(again.json(), original.json()) << output;
  }
}

TEST(Screen, ASnapshotOfAnythingIsThatOfItsOwnResult) {
  std::mt19937 random(7);
  for (int round = 0; round < 400; ++round) {
    Screen screen(2 + random() % 30, 1 + random() % 8, {.scrollback_lines = 20});
    screen.feed(random_output(random, 1 + static_cast<int>(random() % 80)));
    if (round % 3 == 0) screen.resize(2 + random() % 30, 1 + random() % 8);
    const auto snapshot = screen.snapshot(20);
    Screen again(screen.columns(), screen.rows(), {.scrollback_lines = 20});
    again.feed(snapshot);
    ASSERT_EQ(again.snapshot(20), snapshot) << round;
    ASSERT_EQ(again.text(), screen.text()) << round;
  }
}

TEST(Screen, IsTheSameHoweverItsInputIsSplit) {
  std::mt19937 random(11);
  for (int round = 0; round < 200; ++round) {
    const auto output = random_output(random, 60);
    const std::uint32_t columns = 2 + random() % 30;
    const auto whole = screen_of(output, columns, 6);
    Screen split(columns, 6);
    for (std::size_t at = 0; at < output.size();) {
      const auto size = 1 + random() % 9;
      split.feed(std::string_view(output).substr(at, size));
      at += size;
    }
    ASSERT_EQ(split.save(), whole.save()) << round;
  }
}

TEST(Screen, GoesOnFromACheckpointAsIfNothingHadBeen) {
  std::mt19937 random(13);
  for (int round = 0; round < 200; ++round) {
    Screen screen(2 + random() % 30, 1 + random() % 8, {.scrollback_lines = 20});
    screen.feed(random_output(random, 60));
    if (round % 3 == 0) screen.resize(2 + random() % 30, 1 + random() % 8);
    const auto saved = screen.save();
    auto restored = Screen::restore(saved);
    ASSERT_TRUE(restored) << restored.error().message;
    ASSERT_EQ(restored->save(), saved) << round;
    const auto more = random_output(random, 60);
    screen.feed(more);
    restored->feed(more);
    ASSERT_EQ(restored->save(), screen.save()) << round;
    EXPECT_EQ(restored->take_replies(), screen.take_replies());
  }
}

}  // namespace
}  // namespace corral::session
