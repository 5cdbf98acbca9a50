#include "session/screen/row.h"

namespace corral::session::screen {

void Row::grow(std::uint32_t wanted) {
  const auto capacity = std::max((wanted + 7) / 8 * 8, capacity_ + capacity_ / 2);
  std::unique_ptr<Cell[]> cells(new Cell[capacity]);
  std::copy_n(cells_.get(), size_, cells.get());
  cells_ = std::move(cells);
  capacity_ = capacity;
}

void Row::erase_to_end(std::uint32_t from, std::uint32_t fill) {
  if (size_ < from && fill != fill_) open(from, from);
  size_ = std::min(size_, from);
  fill_ = fill;
}

void Row::replace(std::uint32_t from, std::uint32_t to, std::uint32_t columns, std::uint32_t fill) {
  if (from > 0 && width(from - 1) == 2) set(from - 1, {kNull, fill});
  if (to < columns && to > 0 && width(to - 1) == 2) set(to, {kNull, fill});
  if (from >= columns || from >= to) return;
  if (to >= columns) return erase_to_end(from, fill);
  if (from >= size_ && fill == fill_) return;
  std::fill_n(open(from, to), to - from, Cell{kNull, fill});
}

void Row::insert(std::uint32_t at, std::uint32_t count, std::uint32_t columns, std::uint32_t fill) {
  at %= columns;
  if (at > 0 && width(at - 1) == 2) set(at - 1, {kNull, fill});
  open(columns, columns);
  count = std::min(count, columns - at);
  std::copy_backward(begin() + at, begin() + columns - count, begin() + columns);
  std::fill_n(begin() + at, count, Cell{kNull, fill});
  if (width(columns - 1) == 2) set(columns - 1, {kNull, fill});
}

void Row::remove(std::uint32_t at, std::uint32_t count, std::uint32_t columns, std::uint32_t fill) {
  at %= columns;
  open(columns, columns);
  count = std::min(count, columns - at);
  std::copy(begin() + at + count, begin() + columns, begin() + at);
  erase_to_end(columns - count, fill);
  if (at > 0 && width(at - 1) == 2) set(at - 1, {kNull, fill});
  if (width(at) == 0 && !has_content(at)) set(at, {kNull, fill});
}

std::uint32_t Row::trimmed_length() const {
  for (auto column = size_; column > 0; --column)
    if (cells_[column - 1].has_content()) return column - 1 + cells_[column - 1].width();
  return 0;
}

void Row::copy_from(const Row& source, std::uint32_t from, std::uint32_t to, std::uint32_t count,
                    bool backwards) {
  for (std::uint32_t done = 0; done < count; ++done) {
    const auto step = backwards ? count - 1 - done : done;
    set(to + step, source.at(from + step));
  }
}

void Row::resize(std::uint32_t columns, std::uint32_t wanted) {
  if (wanted > columns && fill_ != 0) open(columns, columns);
  if (wanted > columns) fill_ = 0;
  size_ = std::min(size_, wanted);
}

void Row::trim() {
  while (size_ > 0 && cells_[size_ - 1] == Cell{kNull, fill_}) --size_;
  if (capacity_ < 2 * size_ + 16) return;
  std::unique_ptr<Cell[]> cells(size_ > 0 ? new Cell[size_] : nullptr);
  std::copy_n(cells_.get(), size_, cells.get());
  cells_ = std::move(cells);
  capacity_ = size_;
}

}  // namespace corral::session::screen
