// A terminal's screen, the main or the alternate one: its lines with those that have scrolled off,
// its cursor, margins and tab stops. The rules are those of xterm.js's Buffer and BufferService.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "session/screen/cell.h"
#include "session/screen/row.h"

namespace corral::session::screen {

// A ring of lines: adding at the end and removing at the front cost nothing.
class Lines {
 public:
  std::size_t size() const { return size_; }
  Row& operator[](std::size_t index) { return rows_[place(index)]; }
  const Row& operator[](std::size_t index) const { return rows_[place(index)]; }
  void push(Row row);
  void pop() { --size_; }
  void pop_front();
  // Puts a row in at `index`; those from there on move by one.
  void insert(std::size_t index, Row row);
  // Moves the row at `from` to `to`; those between move by one. What is at `from` comes out at
  // `to`.
  void rotate(std::size_t from, std::size_t to);
  // All rows in order, leaving none; and the inverse.
  std::vector<Row> take();
  void assign(std::vector<Row> rows);
  std::size_t bytes() const;

 private:
  std::size_t place(std::size_t index) const {
    const auto at = first_ + index;
    return at < rows_.size() ? at : at - rows_.size();
  }
  std::vector<Row> rows_;
  std::size_t first_ = 0;
  std::size_t size_ = 0;
};

using CharsetMap = const char16_t*;  // by ASCII code; see charset.h; null: ASCII itself

struct Buffer {
  // `scrollback`: how many lines that scrolled off are kept; 0 for the alternate screen.
  Buffer(std::uint32_t columns_wide, std::uint32_t rows_high, std::uint32_t scrollback_lines,
         std::size_t scrollback_bytes_bound);

  Row& row(std::uint32_t y_on_screen) { return lines[base + y_on_screen]; }
  const Row& row(std::uint32_t y_on_screen) const { return lines[base + y_on_screen]; }
  // Blank rows, as many as the screen is high, when there are none.
  void fill_screen(std::uint32_t fill);
  // As when made, but for the saved cursor.
  void clear();
  // The line at the top margin goes, into the scrollback when the margin is at the top, and a blank
  // one comes in at the bottom margin.
  void scroll(std::uint32_t fill, bool wrapped);
  void drop_scrollback();
  void resize(std::uint32_t new_columns, std::uint32_t new_rows);
  void set_tab_stops(std::uint32_t from);
  std::uint32_t next_stop(std::uint32_t from) const;
  std::uint32_t previous_stop(std::uint32_t from) const;

  std::uint32_t columns;
  std::uint32_t rows;
  std::uint32_t scrollback;
  std::size_t scrollback_bytes_limit;
  Lines lines;
  std::uint32_t base = 0;  // the index of the screen's first line
  std::uint32_t x = 0;     // up to `columns`: then the next character goes to the next line
  std::uint32_t y = 0;
  std::uint32_t top = 0;  // margins, both inclusive
  std::uint32_t bottom;
  std::vector<bool> tabs;  // columns + 1 of them
  std::uint32_t saved_x = 0;
  std::uint32_t saved_y =
      0;  // an index of `lines`, as in xterm.js: it stays while the lines scroll
  std::uint32_t saved_foreground = 0;
  std::uint32_t saved_background = 0;
  CharsetMap saved_charset = nullptr;

 private:
  void trim_front(std::size_t count);
  void reflow_larger(std::uint32_t new_columns, std::uint32_t new_rows);
  void reflow_smaller(std::uint32_t new_columns, std::uint32_t new_rows);
  std::uint32_t wrapped_length(const std::vector<Row*>& group, std::size_t index) const;
  std::vector<std::uint32_t> smaller_lengths(const std::vector<Row*>& group,
                                             std::uint32_t new_columns) const;

 public:
  std::size_t scrolled_off_bytes = 0;  // what the lines before `base` take
  void count_bytes();
};

}  // namespace corral::session::screen
