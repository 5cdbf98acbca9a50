// Control characters and escape sequences without parameters.
#include <algorithm>

#include "session/screen/charset.h"
#include "session/screen/terminal.h"

namespace corral::session::screen {

Terminal::Terminal(std::uint32_t columns_wide, std::uint32_t rows_high, std::uint32_t scrollback,
                   std::size_t scrollback_bytes)
    : columns(std::clamp(columns_wide, 2u, kMaxColumns)),
      rows(std::clamp(rows_high, 1u, kMaxRows)),
      normal(columns, rows, scrollback, scrollback_bytes),
      alternate(columns, rows, 0, 0) {
  normal.fill_screen(0);
}

void Terminal::resize(std::uint32_t new_columns, std::uint32_t new_rows) {
  new_columns = std::clamp(new_columns, 2u, kMaxColumns);
  new_rows = std::clamp(new_rows, 1u, kMaxRows);
  if (new_columns == columns && new_rows == rows) return;
  columns = new_columns;
  rows = new_rows;
  normal.resize(columns, rows);
  alternate.resize(columns, rows);
}

std::size_t Terminal::bytes() const {
  return sizeof(*this) + normal.lines.bytes() + alternate.lines.bytes() + pools.attributes.bytes() +
         pools.clusters.bytes() + pools.links.bytes() + title.capacity() + replies.capacity() +
         string_payload.capacity();
}

void Terminal::state_replaced() { pen_changed(); }

void Terminal::execute(std::uint32_t code) {
  auto& buffer = active();
  join = 0;
  switch (code) {
    case '\n':
    case '\v':
    case '\f': line_feed(); break;
    case '\r': buffer.x = 0; break;
    case '\b': backspace(); break;
    case '\t':
      if (buffer.x < columns) buffer.x = buffer.next_stop(buffer.x);
      break;
    case 0x0E: select_level(1); break;
    case 0x0F: select_level(0); break;
    case 0x84: index(); break;
    case 0x85:
      buffer.x = 0;
      index();
      break;
    case 0x88: buffer.tabs[buffer.x] = true; break;
    default: break;
  }
}

void Terminal::line_feed() {
  auto& buffer = active();
  if (convert_eol) buffer.x = 0;
  if (buffer.y == buffer.bottom) {
    buffer.scroll(erase_number(), false);
  } else if (buffer.y + 1 < rows) {
    buffer.row(++buffer.y).wrapped = false;
  }
  if (buffer.x >= columns) --buffer.x;
}

void Terminal::backspace() {
  auto& buffer = active();
  if (!modes.reverse_wrap) {
    restrict_cursor();
    if (buffer.x > 0) --buffer.x;
    return;
  }
  restrict_cursor(columns);
  if (buffer.x > 0) {
    --buffer.x;
  } else if (buffer.y > buffer.top && buffer.y <= buffer.bottom && buffer.row(buffer.y).wrapped) {
    buffer.row(buffer.y).wrapped = false;
    --buffer.y;
    buffer.x = columns - 1;
    // A cell left empty by a wide character that did not fit is passed over.
    const auto& row = buffer.row(buffer.y);
    if (row.width(buffer.x) > 0 && !row.has_content(buffer.x)) --buffer.x;
  }
  restrict_cursor();
}

void Terminal::index() {
  auto& buffer = active();
  restrict_cursor();
  if (buffer.y == buffer.bottom)
    buffer.scroll(erase_number(), false);
  else if (buffer.y + 1 < rows)
    ++buffer.y;
  restrict_cursor();
}

void Terminal::reverse_index() {
  auto& buffer = active();
  restrict_cursor();
  if (buffer.y == buffer.top) {
    buffer.lines.rotate(buffer.base + buffer.bottom, buffer.base + buffer.y);
    buffer.row(buffer.y).reset(erase_number());
  } else {
    if (buffer.y > 0) --buffer.y;
    restrict_cursor();
  }
}

void Terminal::select_level(std::uint32_t new_level) {
  level = new_level;
  charset = charsets[level];
}

void Terminal::designate(std::uint32_t slot, CharsetMap set) {
  charsets[slot] = set;
  if (level == slot) charset = set;
}

void Terminal::save_cursor() {
  auto& buffer = active();
  buffer.saved_x = buffer.x;
  buffer.saved_y = buffer.base + buffer.y;
  buffer.saved_foreground = pen.foreground;
  buffer.saved_background = pen.background;
  buffer.saved_charset = charset;
}

void Terminal::restore_cursor() {
  auto& buffer = active();
  buffer.x = buffer.saved_x;
  buffer.y = buffer.saved_y - std::min(buffer.base, buffer.saved_y);
  pen.foreground = buffer.saved_foreground;
  pen.background = buffer.saved_background;
  pen_changed();
  charset = buffer.saved_charset;
  restrict_cursor();
}

void Terminal::alignment_pattern() {
  auto& buffer = active();
  const auto attributes =
      pools.attributes.number(Attributes{pen.foreground, pen.background, 0, 0}.kept());
  set_cursor(0, 0);
  // From the cursor's line on, which the origin mode may have put below the top.
  for (auto y = buffer.y; y < rows; ++y) {
    auto& row = buffer.row(y);
    row.reset(0);
    std::fill_n(row.open(0, columns), columns, Cell{'E' | kNull, attributes});
  }
  set_cursor(0, 0);
}

void Terminal::full_reset() {
  pen = {};
  pen_changed();
  const auto scrollback = normal.scrollback;
  const auto bytes_limit = normal.scrollback_bytes_limit;
  normal = Buffer(columns, rows, scrollback, bytes_limit);
  normal.fill_screen(0);
  alternate = Buffer(columns, rows, 0, 0);
  alternate_active = false;
  charset = nullptr;
  std::fill(std::begin(charsets), std::end(charsets), nullptr);
  level = 0;
  modes = {};
  mouse = Mouse::none;
  mouse_encoding = MouseEncoding::standard;
}

void Terminal::soft_reset() {
  auto& buffer = active();
  cursor_hidden = false;
  buffer.top = 0;
  buffer.bottom = rows - 1;
  pen = {};
  pen_changed();
  modes = {};
  charset = nullptr;
  std::fill(std::begin(charsets), std::end(charsets), nullptr);
  level = 0;
  buffer.saved_x = 0;
  buffer.saved_y = buffer.base;
  buffer.saved_foreground = buffer.saved_background = 0;
  buffer.saved_charset = nullptr;
}

void Terminal::escape_dispatch(std::uint32_t final) {
  auto& buffer = active();
  if (collected == 0) {
    switch (final) {
      case '7': save_cursor(); break;
      case '8': restore_cursor(); break;
      case 'D': index(); break;
      case 'E':
        buffer.x = 0;
        index();
        break;
      case 'H': buffer.tabs[buffer.x] = true; break;
      case 'M': reverse_index(); break;
      case '=': modes.application_keypad = true; break;
      case '>': modes.application_keypad = false; break;
      case 'c': full_reset(); break;
      case 'n':
      case '}': select_level(2); break;
      case 'o':
      case '|': select_level(3); break;
      case '~': select_level(1); break;
      default: break;
    }
    return;
  }
  if (collected == '#' && final == '8') return alignment_pattern();
  if (collected == '%' && (final == '@' || final == 'G')) {
    select_level(0);
    designate(0, nullptr);
    return;
  }
  const std::string_view designators = "()*+-.";
  constexpr std::uint32_t kSlots[] = {0, 1, 2, 3, 1, 2};
  const auto at =
      collected < 0x80 ? designators.find(static_cast<char>(collected)) : std::string_view::npos;
  const auto name = static_cast<char>(final);
  if (at != std::string_view::npos && is_charset(name))
    designate(kSlots[at], screen::charset(name));
}

}  // namespace corral::session::screen
