// Text in a log of what a terminal was sent, found line by line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/plain_text.h"
#include "session/log_store.h"

namespace corral::session {

enum class Case { exact, ignore };  // ignore: of the letters a to z

// A place in a log where a line begins, or goes on that is too long to be held as a whole: of that,
// so many characters were looked through already.
struct Place {
  std::uint64_t offset = 0;
  std::size_t known = 0;  // in bytes of plain text
  bool operator==(const Place&) const = default;
};

struct Search {
  std::string text;  // 1 to kMaxSearchText bytes, plain text of one line
  Case letters = Case::exact;
  Place from{};            // the log's beginning, or where a page says that it goes on
  std::size_t limit = 50;  // at most so many matches
  std::uint64_t most_bytes = 32u << 20;  // of the log, looked through for one page
};
inline constexpr std::size_t kMaxSearchText = 1024;

struct Match {
  std::uint64_t offset = 0;  // in the log, where the line begins
  std::string line;  // what can be read of it: no escape sequences; of a long one what is around
  bool operator==(const Match&) const = default;
};

struct MatchPage {
  std::vector<Match> matches;  // in order, one for each line
  std::optional<Place> next;   // where to go on; none: the log was looked through
};

// A line ends at a line feed, at a carriage return, and where the cursor is moved away from it.
// What a log that is not closed ends with is a line, too. Reads the log a piece at a time.
// `invalid` for a text that cannot be in a line, and past the end of the log.
Task<Result<MatchPage>> search_log(Log& log, Search search);

// Cuts bytes into lines of plain text that know where they began. One that is too long comes in
// parts, each with at least `overlap` bytes of the one before. Memory: kLongestLine.
inline constexpr std::size_t kLongestLine = 16u << 10;
class LineReader {
 public:
  LineReader(Place from, std::size_t overlap) : at_(from.offset), begin_(from), overlap_(overlap) {}

  struct Line {
    Place begin;
    std::string text;
  };
  // Appends the lines that end in `bytes`.
  void feed(std::string_view bytes, std::vector<Line>& lines);
  // The line that has begun, if any.
  std::optional<Line> rest();
  // Where the line begins that has not ended.
  Place begin() const { return text_.empty() ? Place{at_, 0} : begin_; }

 private:
  void take(std::string_view plain, std::vector<Line>& lines);
  void cut(std::vector<Line>& lines);

  // Of the line, so many bytes were there when the log's byte at that offset came.
  struct Mark {
    std::size_t bytes;
    std::uint64_t offset;
  };
  PlainText filter_{PlainText::Moves::part};
  std::uint64_t at_;  // of the byte that comes next
  Place begin_;       // of the line
  std::size_t overlap_;
  std::string text_;  // of the line so far
  std::vector<Mark> marks_;
};

}  // namespace corral::session
