#include "session/search.h"

#include <algorithm>

#include "base/utf8.h"

namespace corral::session {
namespace {

constexpr std::size_t kReadBytes = 64u << 10;
constexpr std::size_t kPieceBytes = 1024;            // of the log, which are at most so many
constexpr std::size_t kPieceText = 3 * kPieceBytes;  // of text: each may become U+FFFD
constexpr std::size_t kShownBytes = 500, kShownBefore = 100;  // of a long line, around the match

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
std::string lowered(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), lower);
  return out;
}

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// The line, or of a long one what is around `at`, cut between characters.
std::string shown(const std::string& line, std::size_t at) {
  if (line.size() <= kShownBytes) return line;
  std::size_t begin = at - std::min(at, kShownBefore);
  while (begin < at && continues(line[begin])) ++begin;
  // One that was cut may begin and end in the middle of a character.
  return to_valid_utf8((begin > 0 ? "…" : "") +
                       shorten(std::string_view(line).substr(begin), kShownBytes));
}

class Finder {
 public:
  explicit Finder(const Search& search)
      : letters_(search.letters),
        wanted_(letters_ == Case::ignore ? lowered(search.text) : search.text) {}

  std::optional<Match> in(const LineReader::Line& line) const {
    // What ends in the known part was found there.
    const auto known = line.begin.known;
    const auto from = known - std::min(known, wanted_.size() - 1);
    const auto at = letters_ == Case::ignore ? lowered(line.text).find(wanted_, from)
                                             : line.text.find(wanted_, from);
    if (at == std::string::npos) return std::nullopt;
    return Match{line.begin.offset, shown(line.text, at)};
  }

 private:
  Case letters_;
  std::string wanted_;
};

Result<void> check(const Log& log, const Search& search) {
  if (search.text.empty() || search.text.size() > kMaxSearchText)
    return fail(ErrorCode::invalid, "a text to search for has 1 to {} bytes, not {}",
                kMaxSearchText, search.text.size());
  if (plain_text(search.text) != search.text || search.text.contains('\n'))
    return fail(ErrorCode::invalid,
                "a text to search for is of one line, without control characters");
  if (search.from.offset > log.end() || search.from.known > kLongestLine)
    return fail(ErrorCode::invalid, "offset {} is past the end of the log ({} bytes)",
                search.from.offset, log.end());
  return {};
}

}  // namespace

void LineReader::take(std::string_view plain, std::vector<Line>& lines) {
  for (;;) {
    const auto end = plain.find('\n');
    if (const auto piece = plain.substr(0, end); !piece.empty()) {
      if (text_.empty() && begin_.offset < at_) begin_ = {at_, 0};
      text_ += piece;
    }
    if (end == std::string_view::npos) return;
    plain.remove_prefix(end + 1);
    if (auto line = rest()) lines.push_back(*std::move(line));
  }
}

// Goes on with the line at one of the marks, as somebody would who begins to read there.
void LineReader::cut(std::vector<Line>& lines) {
  const auto beyond = std::ranges::upper_bound(marks_, text_.size() - overlap_, {}, &Mark::bytes);
  // There is none where no character began: then the line goes on here.
  const Mark mark = beyond == marks_.begin() || std::prev(beyond)->bytes == 0
                        ? Mark{text_.size(), at_}
                        : *std::prev(beyond);
  lines.push_back({begin_, text_});
  text_.erase(0, mark.bytes);
  begin_ = {mark.offset, text_.size()};
  marks_.clear();
}

void LineReader::feed(std::string_view bytes, std::vector<Line>& lines) {
  // Piece by piece, as a line may end with each of these (C2 begins the C1 controls).
  while (!bytes.empty()) {
    auto size = std::min({bytes.find_first_of("\n\r\x1b\xc2", 1), bytes.size(), kPieceBytes});
    // So that a line begins behind its predecessor's end.
    if (bytes.front() == '\n' || bytes.front() == '\r') size = 1;
    // A piece begins with a character.
    while (size > kPieceBytes - 4 && size < bytes.size() && continues(bytes[size])) --size;
    if (text_.size() + kPieceText > kLongestLine) cut(lines);
    if (!continues(bytes.front())) {
      if (!marks_.empty() && marks_.back().bytes == text_.size()) marks_.pop_back();
      marks_.push_back({text_.size(), at_});
    }
    take(filter_.feed(bytes.substr(0, size)), lines);
    at_ += size;
    bytes.remove_prefix(size);
  }
}

std::optional<LineReader::Line> LineReader::rest() {
  marks_.clear();
  if (text_.empty()) return std::nullopt;
  return Line{begin_, std::exchange(text_, {})};
}

Task<Result<MatchPage>> search_log(Log& log, Search search) {
  CORRAL_CO_CHECK(check(log, search));
  const Finder finder(search);
  LineReader reader(search.from, search.text.size() - 1);
  const auto first = search.from.offset;
  MatchPage page;
  const auto end = log.end();
  std::vector<LineReader::Line> lines;
  for (auto offset = first; offset < end;) {
    if (offset - first >= search.most_bytes) {
      // As nothing but escape sequences may have come, the line may be the one that it began with.
      page.next = reader.begin().offset > first ? reader.begin() : Place{offset, 0};
      co_return page;
    }
    CORRAL_CO_TRY(const auto bytes,
                  co_await log.read(offset, std::min<std::uint64_t>(kReadBytes, end - offset)));
    if (bytes.empty()) break;
    offset += bytes.size();
    lines.clear();
    reader.feed(bytes, lines);
    if (offset >= end)
      if (auto rest = reader.rest()) lines.push_back(*std::move(rest));
    for (const auto& line : lines) {
      auto match = finder.in(line);
      if (!match) continue;
      if (page.matches.size() == search.limit) {
        page.next = line.begin;
        co_return page;
      }
      page.matches.push_back(*std::move(match));
    }
  }
  co_return page;
}

}  // namespace corral::session
