#include "edge/cli/screen.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include <sys/ioctl.h>
#include <unistd.h>

namespace corral::edge::cli {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";

unsigned char byte_at(std::string_view text, std::size_t i) {
  return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
}

// Bytes that the character's lead byte announces; 0 when it cannot lead.
std::size_t announced_length(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return 2;
  if (lead >= 0xe0 && lead <= 0xef) return 3;
  if (lead >= 0xf0 && lead <= 0xf4) return 4;
  return 0;
}

// Whether the bytes so far may still become a well-formed character.
bool well_formed_so_far(std::string_view text) {
  const auto lead = byte_at(text, 0);
  for (std::size_t i = 1; i < text.size(); ++i)
    if ((byte_at(text, i) & 0xc0) != 0x80) return false;
  if (text.size() < 2) return true;
  const auto second = byte_at(text, 1);
  return !((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) ||
           (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f));
}

std::uint32_t code_point(std::string_view character) {
  const auto lead = byte_at(character, 0);
  if (character.size() == 1) return lead;
  std::uint32_t value = character.size() == 2   ? lead & 0x1f
                        : character.size() == 3 ? lead & 0x0f
                                                : lead & 0x07;
  for (std::size_t i = 1; i < character.size(); ++i)
    value = value << 6 | (byte_at(character, i) & 0x3f);
  return value;
}

// Marks, embeddings, overrides and isolates of the bidirectional algorithm: they can make text read
// as something else.
bool changes_direction(std::uint32_t point) {
  return point == 0x061c || point == 0x200e || point == 0x200f ||
         (point >= 0x202a && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
}

bool is_combining(std::uint32_t point) {
  return (point >= 0x0300 && point <= 0x036f) || (point >= 0x200b && point <= 0x200d) ||
         (point >= 0x20d0 && point <= 0x20ff) || (point >= 0xfe00 && point <= 0xfe0f) ||
         point == 0xfeff;
}

bool is_wide(std::uint32_t point) {
  return (point >= 0x1100 && point <= 0x115f) || (point >= 0x2e80 && point <= 0x303e) ||
         (point >= 0x3041 && point <= 0xa4cf) || (point >= 0xac00 && point <= 0xd7a3) ||
         (point >= 0xf900 && point <= 0xfaff) || (point >= 0xfe30 && point <= 0xfe6f) ||
         (point >= 0xff00 && point <= 0xff60) || (point >= 0xffe0 && point <= 0xffe6) ||
         (point >= 0x1f300 && point <= 0x1f64f) || (point >= 0x1f900 && point <= 0x1f9ff) ||
         (point >= 0x20000 && point <= 0x3fffd);
}

// The length of the well-formed character at the front; printable text has no other.
std::size_t character_length(std::string_view text) {
  const auto length = announced_length(byte_at(text, 0));
  return std::min(std::max<std::size_t>(length, 1), text.size());
}

std::size_t columns_of(std::string_view character) {
  const auto point = code_point(character);
  return is_combining(point) ? 0 : is_wide(point) ? 2 : 1;
}

}  // namespace

std::string PrintableFilter::feed(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (!partial_.empty()) {
      partial_ += c;
      if (well_formed_so_far(partial_)) {
        if (partial_.size() == announced_length(byte_at(partial_, 0))) {
          take(partial_, out);
          partial_.clear();
        }
        continue;
      }
      // What came before is malformed; the byte itself may begin something.
      partial_.clear();
      take(kReplacement, out);
    }
    const auto length = announced_length(byte);
    if (length == 1)
      take(std::string_view(&c, 1), out);
    else if (length == 0)
      take(kReplacement, out);
    else
      partial_ = c;
  }
  return out;
}

std::string PrintableFilter::finish() {
  std::string out;
  if (!partial_.empty()) take(kReplacement, out);
  partial_.clear();
  state_ = State::text;
  after_return_ = false;
  return out;
}

void PrintableFilter::take(std::string_view character, std::string& out) {
  const auto point = code_point(character);
  const bool line_end = point == '\n';
  switch (state_) {
    case State::escape:
      if (point == '[') {
        state_ = State::sequence;
        return;
      }
      if (point == ']' || point == 'P' || point == 'X' || point == '^' || point == '_') {
        state_ = State::string;
        return;
      }
      if (point >= 0x20 && point <= 0x2f) return;  // intermediate bytes: one more follows
      state_ = State::text;
      if (!line_end) return;
      break;
    case State::sequence:
      if (point >= 0x20 && point <= 0x3f) return;
      state_ = State::text;
      if (!line_end) return;
      break;
    case State::string:
    case State::string_escape:
      // Ends with BEL or ESC \; a line end ends it too, or an unfinished one would swallow all that
      // follows.
      if (point == 0x07 || (state_ == State::string_escape && point == '\\')) {
        state_ = State::text;
        return;
      }
      if (!line_end) {
        state_ = point == 0x1b ? State::string_escape : State::string;
        return;
      }
      state_ = State::text;
      break;
    case State::text: break;
  }
  const bool second_of_pair = after_return_ && line_end;
  after_return_ = point == '\r';
  if (second_of_pair) return;
  if (point == 0x1b) {
    state_ = State::escape;
    return;
  }
  if (point == 0x9b) {
    state_ = State::sequence;
    return;
  }
  if (point == 0x9d || point == 0x90 || point == 0x98 || point == 0x9e || point == 0x9f) {
    state_ = State::string;
    return;
  }
  if (line_end || point == '\r') {
    out += '\n';
    return;
  }
  if (point == '\t') {
    out += '\t';
    return;
  }
  if (point < 0x20 || (point >= 0x7f && point <= 0x9f) || changes_direction(point)) return;
  out += character;
}

std::string printable(std::string_view text, Lines lines) {
  PrintableFilter filter;
  auto result = filter.feed(text) + filter.finish();
  if (lines == Lines::one)
    std::ranges::replace_if(result, [](char c) { return c == '\n' || c == '\t'; }, ' ');
  return result;
}

bool is_utf8(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto length = announced_length(byte_at(bytes, 0));
    if (length == 0 || length > bytes.size() || !well_formed_so_far(bytes.substr(0, length)))
      return false;
    bytes.remove_prefix(length);
  }
  return true;
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const auto length = character_length(text);
    width += columns_of(text.substr(0, length));
    text.remove_prefix(length);
  }
  return width;
}

std::string shorten(std::string_view text, std::size_t width) {
  if (display_width(text) <= width) return std::string(text);
  if (width == 0) return {};
  std::string result;
  std::size_t used = 0;
  while (!text.empty()) {
    const auto length = character_length(text);
    const auto columns = columns_of(text.substr(0, length));
    if (used + columns > width - 1) break;
    used += columns;
    result += text.substr(0, length);
    text.remove_prefix(length);
  }
  return result + "…";
}

Screen Screen::of(int fd, std::string_view when) {
  Screen screen;
  screen.terminal = ::isatty(fd) == 1;
  const char* no_colour = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  const bool able = screen.terminal && (no_colour == nullptr || *no_colour == '\0') &&
                    term != nullptr && std::string_view(term) != "dumb";
  screen.colour = when == "always" || (when != "never" && able);
  winsize size{};
  if (screen.terminal && ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    screen.width = size.ws_col;
  if (const char* columns = std::getenv("COLUMNS"); columns != nullptr && std::atoi(columns) > 0)
    screen.width = static_cast<std::size_t>(std::atoi(columns));
  screen.width = std::max<std::size_t>(screen.width, 40);
  return screen;
}

std::string Screen::paint(Style style, std::string_view text) const {
  if (!colour || style == Style::plain || text.empty()) return std::string(text);
  const char* code = "";
  switch (style) {
    case Style::plain: break;
    case Style::bold: code = "1"; break;
    case Style::dim: code = "2"; break;
    case Style::red: code = "31"; break;
    case Style::green: code = "32"; break;
    case Style::yellow: code = "33"; break;
    case Style::blue: code = "34"; break;
    case Style::cyan: code = "36"; break;
  }
  return std::string("\x1b[") + code + "m" + std::string(text) + "\x1b[0m";
}

std::string table(const Screen& screen, const std::vector<Column>& columns,
                  const std::vector<std::vector<Cell>>& rows) {
  constexpr std::size_t kGap = 2, kLeast = 8;
  std::vector<std::vector<Cell>> cells;
  std::vector<Cell> titles;
  titles.reserve(columns.size());
  for (const auto& column : columns) titles.push_back({column.title, Style::dim});
  cells.push_back(std::move(titles));
  for (const auto& row : rows) {
    cells.push_back(row);
    for (auto& cell : cells.back()) cell.text = printable(cell.text);
  }
  std::vector<std::size_t> widths(columns.size(), 0);
  std::size_t total = kGap * (columns.size() - 1);
  for (std::size_t i = 0; i < columns.size(); ++i) {
    for (const auto& row : cells) widths[i] = std::max(widths[i], display_width(row[i].text));
    total += widths[i];
  }
  // The widest flexible column gives way first, until it fits or none can give more.
  while (screen.terminal && total > screen.width) {
    std::size_t widest = columns.size();
    for (std::size_t i = 0; i < columns.size(); ++i)
      if (columns[i].flexible && widths[i] > kLeast &&
          (widest == columns.size() || widths[i] > widths[widest]))
        widest = i;
    if (widest == columns.size()) break;
    --widths[widest];
    --total;
  }
  std::string out;
  for (const auto& row : cells) {
    std::string line;
    std::size_t pending = 0;  // blanks that are written only when something follows
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const auto text = shorten(row[i].text, widths[i]);
      const auto fill = widths[i] - display_width(text);
      const bool right = columns[i].align == Column::Align::right;
      line += std::string(text.empty() ? 0 : pending + (right ? fill : 0), ' ');
      line += screen.paint(row[i].style, text);
      pending = text.empty() ? pending + widths[i] + kGap : (right ? 0 : fill) + kGap;
    }
    out += line + "\n";
  }
  return out;
}

}  // namespace corral::edge::cli
