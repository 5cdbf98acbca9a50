#include "session/screen/buffer.h"

#include <algorithm>

namespace corral::session::screen {

namespace {

constexpr std::uint32_t kTabWidth = 8;
// What a row costs besides its cells: itself and the allocator's share.
constexpr std::size_t kRowBytes = sizeof(Row) + 16;

}  // namespace

void Lines::push(Row row) {
  if (size_ == rows_.size()) {
    std::rotate(rows_.begin(), rows_.begin() + static_cast<std::ptrdiff_t>(first_), rows_.end());
    first_ = 0;
    rows_.resize(std::max<std::size_t>(8, rows_.size() + rows_.size() / 2));
  }
  rows_[place(size_++)] = std::move(row);
}

void Lines::pop_front() {
  first_ = first_ + 1 < rows_.size() ? first_ + 1 : 0;
  --size_;
}

void Lines::rotate(std::size_t from, std::size_t to) {
  for (; from < to; ++from) (*this)[from].swap((*this)[from + 1]);
  for (; from > to; --from) (*this)[from].swap((*this)[from - 1]);
}

void Lines::insert(std::size_t index, Row row) {
  push(std::move(row));
  rotate(size_ - 1, index);
}

std::vector<Row> Lines::take() {
  std::vector<Row> rows;
  rows.reserve(size_);
  for (std::size_t index = 0; index < size_; ++index) rows.push_back(std::move((*this)[index]));
  *this = {};
  return rows;
}

void Lines::assign(std::vector<Row> rows) {
  rows_ = std::move(rows);
  first_ = 0;
  size_ = rows_.size();
}

std::size_t Lines::bytes() const {
  auto bytes = rows_.capacity() * sizeof(Row);
  for (const auto& row : rows_) bytes += row.bytes() + 16;
  return bytes;
}

Buffer::Buffer(std::uint32_t columns_wide, std::uint32_t rows_high, std::uint32_t scrollback_lines,
               std::size_t scrollback_bytes_bound)
    : columns(columns_wide),
      rows(rows_high),
      scrollback(scrollback_lines),
      scrollback_bytes_limit(scrollback_bytes_bound),
      bottom(rows_high - 1),
      tabs(columns_wide + 1) {
  set_tab_stops(0);
}

void Buffer::fill_screen(std::uint32_t fill) {
  if (lines.size() > 0) return;
  for (std::uint32_t count = 0; count < rows; ++count) lines.push(Row(fill));
}

void Buffer::clear() {
  base = x = y = 0;
  lines = {};
  scrolled_off_bytes = 0;
  top = 0;
  bottom = rows - 1;
  tabs.assign(columns + 1, false);
  set_tab_stops(0);
}

void Buffer::count_bytes() {
  scrolled_off_bytes = 0;
  for (std::uint32_t index = 0; index < base; ++index)
    scrolled_off_bytes += lines[index].bytes() + kRowBytes;
}

void Buffer::trim_front(std::size_t count) {
  for (; count > 0; --count) {
    const auto bytes = lines[0].bytes() + kRowBytes;
    scrolled_off_bytes -= std::min(bytes, scrolled_off_bytes);
    lines.pop_front();
  }
}

void Buffer::drop_scrollback() {
  if (lines.size() <= rows) return;
  const auto count = lines.size() - rows;
  std::vector<Row> kept;
  for (auto index = count; index < lines.size(); ++index) kept.push_back(std::move(lines[index]));
  lines.assign(std::move(kept));
  base -= std::min<std::uint32_t>(base, static_cast<std::uint32_t>(count));
  count_bytes();
}

void Buffer::scroll(std::uint32_t fill, bool wrapped) {
  if (top > 0) {
    lines.rotate(base + top, base + bottom);
    row(bottom).reset(fill, wrapped);
    return;
  }
  const bool full = lines.size() == rows + scrollback;
  if (full && bottom + 1 == rows) {
    // The oldest line's memory serves the new one.
    if (scrollback > 0) {
      scrolled_off_bytes -= std::min(scrolled_off_bytes, lines[0].bytes() + kRowBytes);
      scrolled_off_bytes += lines[base].bytes() + kRowBytes;
    }
    Row fresh = std::move(lines[0]);
    fresh.reset(fill, wrapped);
    lines.pop_front();
    lines.push(std::move(fresh));
    return;
  }
  scrolled_off_bytes += lines[base].bytes() + kRowBytes;
  lines.insert(base + bottom + 1, Row(fill, wrapped));
  ++base;
  if (full) {
    trim_front(1);
    --base;
  }
  while (scrolled_off_bytes > scrollback_bytes_limit && base > 0) {
    trim_front(1);
    --base;
    if (saved_y > 0) --saved_y;
  }
}

void Buffer::set_tab_stops(std::uint32_t from) {
  if (from > 0 && !tabs[from]) from = previous_stop(from);
  for (; from < columns; from += kTabWidth) tabs[from] = true;
}

std::uint32_t Buffer::next_stop(std::uint32_t from) const {
  while (++from < columns && !tabs[from]) {
  }
  return std::min(from, columns - 1);
}

std::uint32_t Buffer::previous_stop(std::uint32_t from) const {
  while (from > 0 && --from > 0 && !tabs[from]) {
  }
  return std::min(from, columns - 1);
}

void Buffer::resize(std::uint32_t new_columns, std::uint32_t new_rows) {
  if (lines.size() > 0) {
    if (columns < new_columns)
      for (std::size_t index = 0; index < lines.size(); ++index)
        lines[index].resize(columns, new_columns);

    std::uint32_t add_to_y = 0;
    for (auto count = rows; count < new_rows; ++count) {
      if (lines.size() >= new_rows + base) continue;
      if (base > 0 && lines.size() <= base + y + add_to_y + 1) {
        // There is room above and nothing below: the screen moves up.
        --base;
        ++add_to_y;
      } else {
        lines.push(Row(0));
      }
    }
    for (auto count = rows; count > new_rows; --count) {
      if (lines.size() <= new_rows + base) continue;
      if (lines.size() > base + y + 1)
        lines.pop();  // a blank line below the cursor
      else
        ++base;
    }
    const std::size_t bound = new_rows + scrollback;
    if (lines.size() > bound) {
      const auto count = static_cast<std::uint32_t>(lines.size() - bound);
      trim_front(count);
      base -= std::min(base, count);
      saved_y -= std::min(saved_y, count);
    }
    x = std::min(x, new_columns - 1);
    y = std::min(y, new_rows - 1) + add_to_y;
    top = 0;
  }
  saved_x = std::min(saved_x, new_columns - 1);
  bottom = new_rows - 1;

  if (scrollback > 0 && new_columns > columns) reflow_larger(new_columns, new_rows);
  if (scrollback > 0 && new_columns < columns) reflow_smaller(new_columns, new_rows);
  for (std::size_t index = 0; index < lines.size(); ++index) {
    if (new_columns < columns) lines[index].resize(columns, new_columns);
    if (new_columns != columns) lines[index].trim();
  }
  columns = new_columns;
  rows = new_rows;
  // Reflow leaves the screen whole but in odd cases, which are put right here.
  if (lines.size() > 0) {
    while (lines.size() < std::size_t{base} + rows) lines.push(Row(0));
    base = static_cast<std::uint32_t>(lines.size()) - rows;
    y = std::min(y, rows - 1);
  }
  tabs.resize(new_columns + 1);
  set_tab_stops(new_columns);
  count_bytes();
}

}  // namespace corral::session::screen
