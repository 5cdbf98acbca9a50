// Control sequences: the cursor, erasing, inserting, deleting, scrolling.
#include <algorithm>

#include "session/screen/terminal.h"

namespace corral::session::screen {

void Terminal::csi_dispatch(std::uint32_t final) {
  auto& buffer = active();
  const auto count = params.count(0, 1);
  if (collected == 0) {
    switch (final) {
      case '@':
        restrict_cursor();
        buffer.row(buffer.y).insert(buffer.x, count, columns, erase_number());
        break;
      case 'A': cursor_up(); break;
      case 'B': cursor_down(); break;
      case 'C':
      case 'a': move_cursor(count, 0); break;
      case 'D': move_cursor(-std::int64_t{count}, 0); break;
      case 'E':
        cursor_down();
        buffer.x = 0;
        break;
      case 'F':
        cursor_up();
        buffer.x = 0;
        break;
      case 'G':
      case '`': set_cursor(count - 1, buffer.y); break;
      case 'H':
      case 'f': set_cursor(params.count(1, 1) - 1, count - 1); break;
      case 'I':
        for (auto left = std::min(count, columns); left > 0 && buffer.x < columns; --left)
          buffer.x = buffer.next_stop(buffer.x);
        break;
      case 'J': erase_in_display(Protection::ignored); break;
      case 'K': erase_in_line(Protection::ignored); break;
      case 'L': insert_lines(); break;
      case 'M': delete_lines(); break;
      case 'P':
        restrict_cursor();
        buffer.row(buffer.y).remove(buffer.x, count, columns, erase_number());
        break;
      case 'S': scroll_up(); break;
      case 'T': scroll_down(); break;
      case 'X':
        restrict_cursor();
        buffer.row(buffer.y).replace(buffer.x, buffer.x + std::min(count, columns), columns,
                                     erase_number());
        break;
      case 'Z':
        if (buffer.x >= columns) break;
        for (auto left = std::min(count, columns); left > 0; --left)
          buffer.x = buffer.previous_stop(buffer.x);
        break;
      case 'b': repeat_character(); break;
      case 'c':
        if (params[0] == 0) reply("\x1b[?1;2c");
        break;
      case 'd': set_cursor(buffer.x, count - 1); break;
      case 'e': move_cursor(0, count); break;
      case 'g':
        if (params[0] == 0) buffer.tabs[buffer.x] = false;
        if (params[0] == 3) buffer.tabs.assign(columns + 1, false);
        break;
      case 'h': set_modes(true); break;
      case 'l': set_modes(false); break;
      case 'm': character_attributes(); break;
      case 'n': device_status(false); break;
      case 'r': set_scroll_region(); break;
      case 's': save_cursor(); break;
      case 'u': restore_cursor(); break;
      default: break;
    }
    return;
  }
  switch (collected << 8 | final) {
    case ' ' << 8 | '@': shift_columns(false, false); break;
    case ' ' << 8 | 'A': shift_columns(true, false); break;
    case '\'' << 8 | '}': shift_columns(true, true); break;
    case '\'' << 8 | '~': shift_columns(false, true); break;
    case '?' << 8 | 'J': erase_in_display(Protection::respected); break;
    case '?' << 8 | 'K': erase_in_line(Protection::respected); break;
    case '>' << 8 | 'c':
      if (params[0] == 0) reply("\x1b[>0;276;0c");
      break;
    case '?' << 8 | 'h': set_private_modes(true); break;
    case '?' << 8 | 'l': set_private_modes(false); break;
    case '?' << 8 | 'n': device_status(true); break;
    case '!' << 8 | 'p': soft_reset(); break;
    case ' ' << 8 | 'q': set_cursor_style(); break;
    case '"' << 8 | 'q':
      if (params[0] == 1) pen.background |= kProtected;
      if (params[0] == 0 || params[0] == 2) pen.background &= ~kProtected;
      pen_changed();
      break;
    case '$' << 8 | 'p': request_mode(false); break;
    case '?' << 16 | '$' << 8 | 'p': request_mode(true); break;
    default: break;
  }
}

void Terminal::restrict_cursor(std::uint32_t last_column) {
  auto& buffer = active();
  buffer.x = std::min(buffer.x, last_column);
  buffer.y = modes.origin ? std::min(buffer.bottom, std::max(buffer.top, buffer.y))
                          : std::min(buffer.y, rows - 1);
}

void Terminal::set_cursor(std::int64_t x, std::int64_t y) {
  auto& buffer = active();
  if (modes.origin) y += buffer.top;
  buffer.x = static_cast<std::uint32_t>(std::clamp<std::int64_t>(x, 0, columns - 1));
  buffer.y = static_cast<std::uint32_t>(std::clamp<std::int64_t>(y, 0, rows - 1));
  restrict_cursor();
}

// As in xterm.js, a movement under origin mode counts the margin twice.
void Terminal::move_cursor(std::int64_t x, std::int64_t y) {
  restrict_cursor();
  set_cursor(active().x + x, active().y + y);
}

void Terminal::cursor_up() {
  auto& buffer = active();
  auto count = params.count(0, 1);
  if (buffer.y >= buffer.top) count = std::min(count, buffer.y - buffer.top);
  move_cursor(0, -std::int64_t{count});
}

void Terminal::cursor_down() {
  auto& buffer = active();
  auto count = params.count(0, 1);
  if (buffer.y <= buffer.bottom) count = std::min(count, buffer.bottom - buffer.y);
  move_cursor(0, count);
}

void Terminal::erase_in_row(std::uint32_t y, std::uint32_t from, std::uint32_t to,
                            bool clear_wrapped, Protection protection) {
  auto& row = active().row(y);
  const auto fill = erase_number();
  if (clear_wrapped) row.wrapped = false;
  if (protection == Protection::ignored) return row.replace(from, to, columns, fill);
  const auto guarded = [&](std::uint32_t column) {
    return (pools.attributes[row.at(column).attributes].background & kProtected) != 0;
  };
  if (from > 0 && row.width(from - 1) == 2 && !guarded(from - 1)) row.set(from - 1, {kNull, fill});
  if (to < columns && row.width(to - 1) == 2 && !guarded(to)) row.set(to, {kNull, fill});
  for (; from < std::min(to, columns); ++from)
    if (!guarded(from)) row.set(from, {kNull, fill});
}

void Terminal::reset_row(std::uint32_t y, Protection protection) {
  auto& row = active().row(y);
  if (protection == Protection::ignored) return row.reset(erase_number());
  for (std::uint32_t column = 0; column < columns; ++column)
    if ((pools.attributes[row.at(column).attributes].background & kProtected) == 0)
      row.set(column, {kNull, erase_number()});
  row.wrapped = false;
}

void Terminal::erase_in_display(Protection protection) {
  auto& buffer = active();
  restrict_cursor(columns);
  const auto y = buffer.y;
  switch (params[0]) {
    case 0:
      erase_in_row(y, buffer.x, columns, buffer.x == 0, protection);
      for (auto each = y + 1; each < rows; ++each) reset_row(each, protection);
      break;
    case 1:
      erase_in_row(y, 0, buffer.x + 1, true, protection);
      // xterm.js takes the line after this one from the top of the scrollback.
      if (buffer.x + 1 >= columns && y + 1 < buffer.lines.size())
        buffer.lines[y + 1].wrapped = false;
      for (std::uint32_t each = 0; each < y; ++each) reset_row(each, protection);
      break;
    case 2:
      for (std::uint32_t each = 0; each < rows; ++each) reset_row(each, protection);
      break;
    case 3: buffer.drop_scrollback(); break;
    default: break;
  }
}

void Terminal::erase_in_line(Protection protection) {
  auto& buffer = active();
  restrict_cursor(columns);
  switch (params[0]) {
    case 0: erase_in_row(buffer.y, buffer.x, columns, buffer.x == 0, protection); break;
    case 1: erase_in_row(buffer.y, 0, buffer.x + 1, false, protection); break;
    case 2: erase_in_row(buffer.y, 0, columns, true, protection); break;
    default: break;
  }
}

void Terminal::insert_lines() {
  auto& buffer = active();
  restrict_cursor();
  if (buffer.y > buffer.bottom || buffer.y < buffer.top) return;
  for (auto left = std::min(params.count(0, 1), rows); left > 0; --left) {
    buffer.lines.rotate(buffer.base + buffer.bottom, buffer.base + buffer.y);
    buffer.row(buffer.y).reset(erase_number());
  }
  buffer.x = 0;
}

void Terminal::delete_lines() {
  auto& buffer = active();
  restrict_cursor();
  if (buffer.y > buffer.bottom || buffer.y < buffer.top) return;
  for (auto left = std::min(params.count(0, 1), rows); left > 0; --left) {
    buffer.lines.rotate(buffer.base + buffer.y, buffer.base + buffer.bottom);
    buffer.row(buffer.bottom).reset(erase_number());
  }
  buffer.x = 0;
}

void Terminal::scroll_up() {
  auto& buffer = active();
  for (auto left = std::min(params.count(0, 1), rows); left > 0; --left) {
    buffer.lines.rotate(buffer.base + buffer.top, buffer.base + buffer.bottom);
    buffer.row(buffer.bottom).reset(erase_number());
  }
}

void Terminal::scroll_down() {
  auto& buffer = active();
  for (auto left = std::min(params.count(0, 1), rows); left > 0; --left) {
    buffer.lines.rotate(buffer.base + buffer.bottom, buffer.base + buffer.top);
    buffer.row(buffer.top).reset(0);
  }
}

void Terminal::shift_columns(bool insert, bool at_cursor) {
  auto& buffer = active();
  if (buffer.y > buffer.bottom || buffer.y < buffer.top) return;
  const auto at = at_cursor ? buffer.x : 0;
  const auto count = params.count(0, 1);
  for (auto y = buffer.top; y <= buffer.bottom; ++y) {
    auto& row = buffer.row(y);
    if (insert)
      row.insert(at, count, columns, erase_number());
    else
      row.remove(at, count, columns, erase_number());
    row.wrapped = false;
  }
}

void Terminal::repeat_character() {
  if (join == 0) return;
  auto& buffer = active();
  const auto width = join >> 1;
  if (buffer.x < width) return;
  const auto text = pools.text(buffer.row(buffer.y).at(buffer.x - width));
  // Each a character of its own; what would only scroll by is left out.
  auto left = std::min<std::size_t>(params.count(0, 1), std::size_t{columns} * (rows + 1));
  for (; left > 0 && !text.empty(); --left) {
    for (std::size_t at = 0; at < text.size();) print(take_utf8(text, at));
  }
}

void Terminal::set_scroll_region() {
  auto& buffer = active();
  const auto top = params.count(0, 1);
  auto bottom = params.count(1, rows);
  if (bottom > rows) bottom = rows;
  if (bottom <= top) return;
  buffer.top = top - 1;
  buffer.bottom = bottom - 1;
  set_cursor(0, 0);
}

void Terminal::set_cursor_style() {
  const auto style = params[0];
  if (style == 0) {
    modes.cursor_style = Style::unset;
    modes.cursor_blink.reset();
    return;
  }
  if (style <= 6) modes.cursor_style = static_cast<Style>((style + 1) / 2);
  modes.cursor_blink = style % 2 == 1;
}

}  // namespace corral::session::screen
