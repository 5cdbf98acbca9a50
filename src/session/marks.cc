#include "session/marks.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace corral::session {
namespace {

// Takes a number off the front.
template <class T>
bool take(std::string_view& text, T& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}
bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<Mark> parse(std::string_view line) {
  Mark mark;
  std::int64_t milliseconds = 0;
  if (!take(line, mark.offset) || !take(line, ' ') || !take(line, milliseconds)) return {};
  mark.time = Time(Duration(milliseconds));
  if (line.empty()) return mark;
  Size size;
  if (!take(line, ' ') || !take(line, size.columns) || !take(line, 'x') || !take(line, size.rows) ||
      !line.empty() || size.columns == 0 || size.rows == 0)
    return {};
  mark.size = size;
  return mark;
}

constexpr std::size_t kLongestMark = 64;  // of the line
constexpr std::uint64_t kMarksAtOnce = 4096;

}  // namespace

std::string to_line(const Mark& mark) {
  auto line = fmt::format("{} {}", mark.offset, mark.time.time_since_epoch().count());
  if (mark.size) line += fmt::format(" {}x{}", mark.size->columns, mark.size->rows);
  return line + "\n";
}

Result<std::vector<Mark>> parse_marks(std::string_view lines) {
  std::vector<Mark> marks;
  while (!lines.empty()) {
    const auto end = lines.find('\n');
    const auto line = lines.substr(0, end);
    const auto mark = end == std::string_view::npos ? std::nullopt : parse(line);
    if (!mark || (!marks.empty() && mark->offset < marks.back().offset))
      return fail(ErrorCode::corrupt, "\"{}\" is no mark of a session", line.substr(0, 100));
    marks.push_back(*mark);
    lines.remove_prefix(end + 1);
  }
  return marks;
}

std::optional<Time> time_of(const std::vector<Mark>& marks, std::uint64_t offset) {
  const auto after = std::ranges::upper_bound(marks, offset, {}, &Mark::offset);
  if (after == marks.begin()) return std::nullopt;
  return std::prev(after)->time;
}

Task<Result<std::optional<Time>>> find_time(Log& marks, std::uint64_t offset) {
  // The last mark at or before the offset begins in [low, high), both of which are beginnings of
  // lines; if there is one.
  std::uint64_t low = 0, high = marks.end();
  while (high - low > kMarksAtOnce) {
    const auto middle = low + (high - low) / 2;
    CORRAL_CO_TRY(const auto bytes, co_await marks.read(middle, kLongestMark * 2));
    const auto begin = bytes.find('\n') + 1;  // 0: none
    const auto end = begin == 0 ? std::string::npos : bytes.find('\n', begin);
    const auto mark =
        end == std::string::npos ? std::nullopt : parse(bytes.substr(begin, end - begin));
    if (!mark)
      co_return fail(ErrorCode::corrupt, "the marks of a session are damaged at byte {}", middle);
    (mark->offset <= offset ? low : high) = middle + begin;
  }
  std::string lines;
  while (low + lines.size() < high) {
    CORRAL_CO_TRY(const auto bytes,
                  co_await marks.read(low + lines.size(), high - low - lines.size()));
    lines += bytes;
  }
  CORRAL_CO_TRY(const auto parsed, parse_marks(lines));
  co_return time_of(parsed, offset);
}

Size size_at(const std::vector<Mark>& marks, std::uint64_t offset) {
  Size size;
  for (const auto& mark : marks) {
    if (mark.offset > offset) break;
    if (mark.size) size = *mark.size;
  }
  return size;
}

}  // namespace corral::session
