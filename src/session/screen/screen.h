// The screen of a session's terminal, kept by the server: what a viewer who comes later must see,
// and the one who answers what programs ask their terminal. It makes of a program's output what
// xterm.js 6 makes of it (docs/decisions/0010-screen.md; README.md names the differences).
//
// Pure state: no I/O, no clock, no thread of its own; to be used by one thread at a time. Memory is
// bounded by the size, the scrollback and the byte bound, whatever is fed.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

namespace corral::session {

namespace screen {
class Terminal;
}

struct ScreenLimits {
  std::uint32_t scrollback_lines = 2'000;  // at most 100,000
  // Of the lines that scrolled off; the oldest go first. Wide terminals reach it before the lines.
  std::size_t scrollback_bytes = 16u << 20;
};

enum class MouseReports : std::uint8_t { none, press, press_and_release, drag, motion };

class Screen {
 public:
  // Sizes are brought within 2-2,000 columns and 1-1,000 rows.
  Screen(std::uint32_t columns, std::uint32_t rows, ScreenLimits limits = {});
  ~Screen();
  Screen(Screen&&) noexcept;
  Screen& operator=(Screen&&) noexcept;

  // What the program printed, in any split.
  void feed(std::string_view bytes);
  // What the terminal answers to the queries in what was fed, to be sent to the program, once. At
  // most 64 KiB are kept; viewers' terminals must not answer too.
  std::string take_replies();
  // The main screen's wrapped lines are laid out anew, as xterm.js does it. The program must be
  // told by other means.
  void resize(std::uint32_t columns, std::uint32_t rows);

  // Bytes that make an xterm.js of the same size show and be what this is, whatever it showed
  // before, with the last `scrollback_lines` lines of history. The program's further output, fed
  // behind them, goes on without a seam, even from the middle of a sequence or character.
  std::string snapshot(std::size_t scrollback_lines) const;

  // The visible rows, each ended by a line feed, trailing blanks left out.
  std::string text() const;
  // Rows with colours and attributes, as JSON; the shape is in README.md.
  std::string json() const;

  // The whole state, to go on from after a restart of the server.
  std::string save() const;
  // `corrupt` for anything that save() did not write, `unsupported` for another version of it.
  static Result<Screen> restore(std::string_view saved);

  std::uint32_t columns() const;
  std::uint32_t rows() const;
  std::string_view title() const;
  struct Cursor {
    std::uint32_t column = 0;  // from 0; `columns` when the next character goes to the next line
    std::uint32_t row = 0;
    bool visible = true;
  };
  Cursor cursor() const;
  bool alternate_screen() const;
  bool bracketed_paste() const;
  bool application_cursor() const;
  bool focus_reports() const;
  MouseReports mouse_reports() const;
  // Lines above the visible rows.
  std::size_t scrollback_lines() const;
  // About what this takes.
  std::size_t memory_bytes() const;

 private:
  explicit Screen(std::unique_ptr<screen::Terminal> terminal);
  std::unique_ptr<screen::Terminal> terminal_;  // never null, but after a move
};

}  // namespace corral::session
