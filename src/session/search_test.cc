// Text in what a terminal was sent.
#include "session/search.h"

#include <random>

#include <gtest/gtest.h>

#include "base/files.h"
#include "base/testing/temporary_folder.h"
#include "ports/contract/run_task.h"
#include "session/marks.h"

namespace corral::session {
namespace {

using ports::contract::run_task;

class SearchTest : public testing::Test {
 protected:
  SearchTest() {
    logs_ = make_file_log_store(folder_.path(), pool_, asio::system_executor(), 50'000);
    log_ = run_task(logs_->open("log", LogStore::Open::create)).value();
  }

  void print(std::string_view bytes) {
    ASSERT_TRUE(run_task(log_->append("out", log_->end(), std::string(bytes))));
  }
  MatchPage page(Search search) { return run_task(search_log(*log_, std::move(search))).value(); }
  // All pages.
  std::vector<Match> find(Search search) {
    std::vector<Match> all;
    for (;;) {
      auto found = page(search);
      all.insert(all.end(), found.matches.begin(), found.matches.end());
      if (!found.next) return all;
      EXPECT_GT(found.next->offset, search.from.offset) << "a page goes on";
      search.from = *found.next;
    }
  }
  ErrorCode refusal(Search search) {
    return run_task(search_log(*log_, std::move(search))).error().code;
  }

  TemporaryFolder folder_;
  BlockingPool pool_{2};
  std::unique_ptr<LogStore> logs_;
  std::shared_ptr<Log> log_;
};

TEST_F(SearchTest, FindsTextAsItIsReadWithTheLinesPlace) {
  print("one\r\n\x1b[1;32mtw\x1b[0mo words\r\nthree\n");
  EXPECT_EQ(find({.text = "two words"}), (std::vector<Match>{{5, "two words"}}));
  EXPECT_EQ(find({.text = "e"}), (std::vector<Match>{{0, "one"}, {27, "three"}}));
  EXPECT_TRUE(find({.text = "Three"}).empty());
  EXPECT_EQ(find({.text = "THREE", .letters = Case::ignore}).size(), 1u);
  EXPECT_TRUE(find({.text = "32m"}).empty()) << "of an escape sequence";
  print("a prompt without end");
  EXPECT_EQ(find({.text = "prompt"}).size(), 1u);
}

TEST_F(SearchTest, WhatStandsApartOnTheScreenIsNotOneWord) {
  print("left\x1b[5;20Hright\x1b[10Cfurther\x1b[2Kstays\rover");
  const auto found = find({.text = "t"});
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].line, "left");
  EXPECT_EQ(found[1].line, "right furtherstays");
  EXPECT_TRUE(find({.text = "leftright"}).empty());
  EXPECT_EQ(find({.text = "over"}).at(0).offset, 38u);
}

TEST_F(SearchTest, PagesGoOnWhereTheLastOneEndedAlsoOverCompressedSegments) {
  std::string text;
  std::vector<std::uint64_t> places;
  std::mt19937 dice(5);
  while (text.size() < 150'000) {
    if (dice() % 7 == 0) places.push_back(text.size());
    text += fmt::format("{} \x1b[3{}mline\x1b[0m {}\n", dice() % 1000, dice() % 8,
                        !places.empty() && places.back() == text.size() ? "needle" : "hay");
  }
  for (std::size_t at = 0; at < text.size(); at += 20'000) print(text.substr(at, 20'000));
  for (int round = 0; round < 2; ++round) {
    for (const std::size_t limit : {5u, 70u, 500u})
      for (const std::uint64_t most : {1000u, 70'000u, 1'000'000u}) {
        const auto found = find({.text = "needle", .limit = limit, .most_bytes = most});
        ASSERT_EQ(found.size(), places.size()) << limit << ' ' << most;
        for (std::size_t i = 0; i < places.size(); ++i) ASSERT_EQ(found[i].offset, places[i]);
      }
    ASSERT_TRUE(run_task(logs_->compress(Duration(0))));
  }
}

TEST_F(SearchTest, FindsTextInALineWithoutEndOnceAlsoWhereItIsCut) {
  const std::string needle = "needle-in-a-long-line";
  for (const std::size_t before :
       {kLongestLine - needle.size(), kLongestLine - 10, kLongestLine - 1, kLongestLine,
        2 * kLongestLine - 30, 2 * kLongestLine}) {
    const auto begin = log_->end();
    print(std::string(before, 'x') + needle + std::string(1000, 'y') + "\n");
    const auto found = find({.text = needle, .from = {begin}});
    ASSERT_EQ(found.size(), 1u) << before;
    EXPECT_LT(found[0].line.size(), 600u) << "what is around it";
    EXPECT_NE(found[0].line.find(needle), std::string::npos);
    EXPECT_TRUE(found[0].line.starts_with("…"));
  }
}

TEST_F(SearchTest, ALineThatIsReadInPartsIsCutBetweenCharactersAndEachPartIsAMatch) {
  std::string line;
  while (line.size() < 5 * kLongestLine) line += "äö€ ";
  print(line + "\n");
  const auto all = find({.text = "€"});
  EXPECT_GT(all.size(), 4u);
  EXPECT_LT(all.size(), 9u);
  for (const auto& match : all) EXPECT_EQ(match.line.find("\xEF\xBF\xBD"), std::string::npos);
  EXPECT_EQ(find({.text = "€", .limit = 1}), all) << "page by page the same";
}

TEST_F(SearchTest, WhatSpansTwoPartsOfALineIsFoundOnceWhereverAPageEnds) {
  std::mt19937 dice(8);
  std::string line;
  std::size_t count = 0;
  while (line.size() < 40 * kLongestLine) {
    line += std::string(kLongestLine + dice() % kLongestLine, 'x') + "\x1b[1mnee\x1b[0mdle";
    ++count;
  }
  print(line);
  for (const std::size_t limit : {1u, 2u, 500u})
    for (const std::uint64_t most : {1000u, 200'000u, 10'000'000u})
      EXPECT_EQ(find({.text = "needle", .limit = limit, .most_bytes = most}).size(), count)
          << limit << ' ' << most;
}

TEST_F(SearchTest, BytesThatAreNoTextDoNoHarm) {
  std::mt19937 dice(9);
  std::string noise(300'000, '\0');
  for (auto& byte : noise) byte = static_cast<char>(dice());
  print(std::string(100'000, '\x80') + noise + "\nneedle\n");
  EXPECT_EQ(find({.text = "needle", .limit = 1, .most_bytes = 50'000}).size(), 1u);
  EXPECT_GT(find({.text = "\xEF\xBF\xBD"}).size(), 10u);
}

TEST_F(SearchTest, EndsInAStreamOfNothingButEscapeSequences) {
  std::string text;
  while (text.size() < 100'000)
    text +=
        "\x1b]0;a title\x07\x1b[38;5;1m\xc2\x9b"
        "5;5H";
  print(text + "needle");
  EXPECT_EQ(find({.text = "needle", .most_bytes = 10'000}).size(), 1u);
  EXPECT_TRUE(find({.text = "title", .limit = 1}).empty());
}

TEST_F(SearchTest, RefusesWhatCannotBeFound) {
  print("text");
  for (const std::string bad : {"", "two\nlines", "\x1b[m", "\xff", "\r"})
    EXPECT_EQ(refusal({.text = bad}), ErrorCode::invalid) << bad;
  EXPECT_EQ(refusal({.text = std::string(kMaxSearchText + 1, 'x')}), ErrorCode::invalid);
  EXPECT_EQ(refusal({.text = "x", .from = {5}}), ErrorCode::invalid);
  EXPECT_TRUE(find({.text = "x", .from = {4}}).empty());
}

TEST_F(SearchTest, FindsAMarksTimeWithoutReadingThemAll) {
  EXPECT_EQ(run_task(find_time(*log_, 5)).value(), std::nullopt) << "no marks";
  std::string lines;
  std::vector<Mark> marks;
  std::mt19937 dice(3);
  std::uint64_t offset = 10;
  for (int i = 0; i < 3000; ++i) {
    marks.push_back({offset, Time(Duration(1'795'000'000'000 + i * 100)), std::nullopt});
    if (dice() % 5 == 0) marks.back().size = Size{80, 24};
    lines += to_line(marks.back());
    offset += dice() % 3 * (dice() % 2000);
  }
  print(lines);
  for (int i = 0; i < 500; ++i) {
    const std::uint64_t at = dice() % (offset + 100);
    ASSERT_EQ(run_task(find_time(*log_, at)).value(), time_of(marks, at)) << at;
  }
  EXPECT_EQ(run_task(find_time(*log_, 9)).value(), std::nullopt) << "before the first";
  print(std::string(lines.size(), 'x') + "\n");
  EXPECT_EQ(run_task(find_time(*log_, offset)).error().code, ErrorCode::corrupt);
}

}  // namespace
}  // namespace corral::session
