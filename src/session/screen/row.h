// One line of a terminal's buffer. Only the cells up to the last one written are stored; all to the
// right of them are erased cells with the attributes `fill`. So blank lines and short ones are
// small, and erasing to the end of the line is one assignment.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>

#include "session/screen/cell.h"

namespace corral::session::screen {

class Row {
 public:
  Row() = default;
  explicit Row(std::uint32_t fill, bool is_wrapped = false) : fill_(fill), wrapped(is_wrapped) {}
  Row(Row&& other) noexcept { swap(other); }
  Row& operator=(Row&& other) noexcept {
    swap(other);
    return *this;
  }
  void swap(Row& other) noexcept {
    std::swap(cells_, other.cells_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    std::swap(fill_, other.fill_);
    std::swap(wrapped, other.wrapped);
  }

  Cell at(std::uint32_t column) const {
    return column < size_ ? cells_[column] : Cell{kNull, fill_};
  }
  std::uint32_t width(std::uint32_t column) const { return at(column).width(); }
  bool has_content(std::uint32_t column) const { return at(column).has_content(); }

  // The stored cells, and what stands to the right of them.
  std::uint32_t size() const { return size_; }
  const Cell* begin() const { return cells_.get(); }
  const Cell* end() const { return cells_.get() + size_; }
  Cell* begin() { return cells_.get(); }
  Cell* end() { return cells_.get() + size_; }
  std::uint32_t fill() const { return fill_; }
  void set_fill(std::uint32_t fill) { fill_ = fill; }
  std::size_t bytes() const { return capacity_ * sizeof(Cell); }

  // Stores the columns before `to`; returns where those from `from` on may be written.
  Cell* open(std::uint32_t from, std::uint32_t to) {
    if (to > capacity_) grow(to);
    while (size_ < from) cells_[size_++] = Cell{kNull, fill_};
    size_ = std::max(size_, to);
    return cells_.get() + from;
  }
  void set(std::uint32_t column, Cell cell) {
    if (column >= size_) {
      if (cell == Cell{kNull, fill_}) return;
      open(column, column + 1);
    }
    cells_[column] = cell;
  }

  // Blank, with `fill` throughout; keeps its memory for the next use.
  void reset(std::uint32_t fill, bool is_wrapped = false) {
    size_ = 0;
    fill_ = fill;
    wrapped = is_wrapped;
  }
  // The columns from `from` on become erased cells.
  void erase_to_end(std::uint32_t from, std::uint32_t fill);

  // The following are those of xterm.js's BufferLine, of the same names.
  void replace(std::uint32_t from, std::uint32_t to, std::uint32_t columns, std::uint32_t fill);
  void insert(std::uint32_t at, std::uint32_t count, std::uint32_t columns, std::uint32_t fill);
  void remove(std::uint32_t at, std::uint32_t count, std::uint32_t columns, std::uint32_t fill);
  // One past the last column that shows something.
  std::uint32_t trimmed_length() const;
  void copy_from(const Row& source, std::uint32_t from, std::uint32_t to, std::uint32_t count,
                 bool backwards);
  // From `columns` to `wanted` columns.
  void resize(std::uint32_t columns, std::uint32_t wanted);
  // Forgets stored cells at the end that are as the rest; gives memory back when much of it is
  // unused.
  void trim();

 private:
  void grow(std::uint32_t wanted);

  std::unique_ptr<Cell[]> cells_;
  std::uint32_t size_ = 0;
  std::uint32_t capacity_ = 0;
  std::uint32_t fill_ = 0;

 public:
  bool wrapped = false;  // goes on from the line above
};

}  // namespace corral::session::screen
