#include "session/screen/snapshot.h"

#include <algorithm>

#include <fmt/format.h>

#include "session/screen/charset.h"
#include "session/screen/painter.h"

namespace corral::session::screen {

namespace {

class Writer {
 public:
  explicit Writer(const Terminal& terminal) : t_(terminal), painter_(terminal, out_) {}

  std::string write(std::size_t scrollback_lines) {
    // What a full reset leaves as it was is reset by itself.
    out_ =
        "\x1b"
        "c\x1b[20l\x1b[?25h\x1b]104\x1b\\\x1b]110\x1b\\\x1b]111\x1b\\\x1b]112\x1b\\";
    const auto& normal = t_.normal;
    const auto from = normal.base - std::min<std::size_t>(scrollback_lines, normal.base);
    painter_.lines(normal, from, std::min<std::size_t>(normal.lines.size(), normal.base + t_.rows));
    tab_stops(normal);
    saved_cursor(normal);
    if (t_.alternate_active || has_saved(t_.alternate)) {
      margins(normal);
      // Where the cursor was decides what a change of size does to the lines below.
      painter_.go(0, normal.y);
      painter_.pen({});
      out_ += "\x1b[?47h\x1b[H";
      if (t_.alternate_active) {
        painter_.lines(t_.alternate, t_.alternate.base, t_.alternate.base + t_.rows);
        tab_stops(t_.alternate);
      }
      saved_cursor(t_.alternate);
      if (t_.alternate_active)
        margins(t_.alternate);
      else
        out_ += "\x1b[?47l";
    } else {
      margins(normal);
    }
    charsets();
    modes();
    colors();
    cursor();
    out_ += t_.unfinished();
    return std::move(out_);
  }

 private:
  void tab_stops(const Buffer& buffer) {
    const Buffer fresh(t_.columns, 1, 0, 0);
    const auto same = [&](std::uint32_t column) {
      return buffer.tabs[column] == fresh.tabs[column];
    };
    std::uint32_t column = 0;
    while (column < t_.columns && same(column)) ++column;
    if (column == t_.columns) return;
    out_ += "\x1b[3g";
    for (column = 0; column < t_.columns; ++column)
      if (buffer.tabs[column]) out_ += fmt::format("\x1b[{}G\x1bH", column + 1);
  }

  // A row of the screen; the reader has its own history above it.
  std::uint32_t saved_row(const Buffer& buffer) const {
    return std::min(buffer.saved_y - std::min(buffer.base, buffer.saved_y), t_.rows - 1);
  }

  bool has_saved(const Buffer& buffer) const {
    return buffer.saved_x != 0 || saved_row(buffer) > 0 || buffer.saved_foreground != 0 ||
           buffer.saved_background != 0 || buffer.saved_charset != nullptr;
  }

  void saved_cursor(const Buffer& buffer) {
    if (!has_saved(buffer)) return;
    painter_.pen({buffer.saved_foreground, buffer.saved_background & ~kHasExtended, 0, 0});
    designate(0, buffer.saved_charset);
    painter_.go(std::min(buffer.saved_x, t_.columns - 1), saved_row(buffer));
    // That style or link counts is saved, but neither of them.
    const bool extended = (buffer.saved_background & kHasExtended) != 0;
    if (extended) out_ += "\x1b]8;;x\x1b\\";
    out_ +=
        "\x1b"
        "7";
    if (extended) out_ += "\x1b]8;;\x1b\\";
    designate(0, nullptr);
  }

  void margins(const Buffer& buffer) {
    if (buffer.top > 0 || buffer.bottom + 1 < t_.rows)
      out_ += fmt::format("\x1b[{};{}r", buffer.top + 1, buffer.bottom + 1);
  }

  void designate(std::uint32_t slot, CharsetMap set) {
    if (designated_[slot] == set) return;
    designated_[slot] = set;
    out_ += fmt::format("\x1b{}{}", "()*+"[slot], charset_designator(set));
  }

  void charsets() {
    for (std::uint32_t slot = 0; slot < 4; ++slot) designate(slot, t_.charsets[slot]);
    constexpr std::string_view kShifts[] = {"\x0f", "\x0e", "\x1bn", "\x1bo"};
    if (t_.level != 0) out_ += kShifts[t_.level];
    charset_ = t_.charsets[t_.level];
    // A restored cursor brings back a set that is designated no more.
    if (charset_ == t_.charset) return;
    const auto& buffer = t_.active();
    if (buffer.saved_charset != t_.charset) return;
    out_ +=
        "\x1b"
        "8";
    charset_ = t_.charset;
    // The pen was saved with the cursor.
    out_ += "\x1b[m";
    painter_.restored();
  }

  void modes() {
    const auto& modes = t_.modes;
    const auto set = [&](bool on, std::string_view sequence) {
      if (on) out_ += sequence;
    };
    set(modes.application_cursor, "\x1b[?1h");
    set(modes.application_keypad, "\x1b=");
    set(modes.bracketed_paste, "\x1b[?2004h");
    set(modes.reverse_wrap, "\x1b[?45h");
    set(modes.send_focus, "\x1b[?1004h");
    set(t_.convert_eol, "\x1b[20h");
    if (t_.blink_option) out_ += *t_.blink_option ? "\x1b[?12h" : "\x1b[?12l";
    set(t_.cursor_hidden, "\x1b[?25l");
    constexpr std::string_view kMouse[] = {"", "\x1b[?9h", "\x1b[?1000h", "\x1b[?1002h",
                                           "\x1b[?1003h"};
    out_ += kMouse[static_cast<std::size_t>(t_.mouse)];
    set(t_.mouse_encoding == MouseEncoding::sgr, "\x1b[?1006h");
    set(t_.mouse_encoding == MouseEncoding::sgr_pixels, "\x1b[?1016h");
    if (modes.cursor_blink) {
      // Above 6, the parity alone counts.
      const auto style =
          modes.cursor_style == Style::unset ? 8 : 2 * static_cast<int>(modes.cursor_style);
      out_ += fmt::format("\x1b[{} q", *modes.cursor_blink ? style - 1 : style);
    }
    set(modes.origin, "\x1b[?6h");
    set(modes.synchronized, "\x1b[?2026h");
  }

  void colors() {
    for (const auto& [number, color] : t_.colors) {
      const auto name = number < 256 ? fmt::format("4;{}", number)
                                     : fmt::format("{}", 10 + (number - kForegroundColor));
      out_ += fmt::format("\x1b]{};#{:06x}\x1b\\", name, color);
    }
    out_ += "\x1b]0;" + t_.title + "\x1b\\";
  }

  // The character that, printed with the character set in use, becomes the cell's; empty if none.
  std::string source(Cell cell) const {
    auto text = painter_.printable(cell);
    const auto code = static_cast<unsigned char>(text.empty() ? 0 : text[0]);
    if (charset_ == nullptr || code >= 127 || charset_[code] == 0) return text;
    for (char ascii = 0x20; ascii < 127; ++ascii) {
      if (charset_[static_cast<std::size_t>(ascii)] != code) continue;
      text[0] = ascii;
      return text;
    }
    return {};
  }

  void place(std::uint32_t x, std::uint32_t y) {
    painter_.go(x, y - (t_.modes.origin ? t_.active().top : 0));
  }

  // Last, since what moves it must come before: with the character before it printed again where
  // that decides what the next one does (it wraps, it joins, it is repeated).
  void cursor() {
    const auto& buffer = t_.active();
    const auto x = std::min(buffer.x, t_.columns);
    const auto y = buffer.y;
    const bool outside = t_.modes.origin && (y < buffer.top || y > buffer.bottom);
    const auto cells = showable(t_, buffer.row(y));
    auto lead = x;
    if (lead > 0) --lead;
    if (lead > 0 && cells[lead].width() == 0 && !cells[lead].has_content()) --lead;
    const auto last = cells[lead];
    const auto text = last.width() > 0 && x > 0 && !outside ? source(last) : std::string();

    bool joins =
        t_.join != 0 && !text.empty() && t_.join >> 1 == last.width() && x == lead + last.width();
    if (joins) {
      // Only a character in the pen's own attributes was printed just before.
      joins = t_.pools.attributes[last.attributes] == t_.pen.kept();
    }
    if (joins) {
      insert_and_wrap();
      place(lead, y);
      painter_.current_pen();
      // In insert mode the character is taken out before it is put in again.
      if (t_.modes.insert) out_ += fmt::format("\x1b[{}P", last.width());
      out_ += text;
      return;
    }
    if (x < t_.columns && !outside) {
      place(x, y);
    } else if (!text.empty() && x == t_.columns) {
      place(lead, y);
      painter_.pen(t_.pools.attributes[last.attributes]);
      out_ += text;
    } else if (!t_.alternate_active) {
      // Where nothing can be printed to that end, the other screen lends the place: the cursor is
      // the same on both.
      painter_.pen({});
      out_ += "\x1b[?47h";
      painter_.go(std::min(x, t_.columns - 1), y);
      if (x == t_.columns) out_ += ' ';
      out_ += "\x1b[?47l";
    } else {
      place(std::min(x, t_.columns - 1), std::clamp(y, buffer.top, buffer.bottom));
    }
    insert_and_wrap();
    painter_.current_pen();
    // What was printed for the cursor's sake must not be joined or repeated.
    out_ += "\x1b[m";
    painter_.restored();
    painter_.current_pen();
  }

  void insert_and_wrap() {
    if (t_.modes.insert) out_ += "\x1b[4h";
    if (!t_.modes.wrap) out_ += "\x1b[?7l";
  }

  const Terminal& t_;
  std::string out_;
  Painter painter_;
  CharsetMap designated_[4] = {};
  CharsetMap charset_ = nullptr;  // in use at the reader's
};

}  // namespace

std::string snapshot(const Terminal& terminal, std::size_t scrollback_lines) {
  return Writer(terminal).write(scrollback_lines);
}

}  // namespace corral::session::screen
