// Reflow of wrapped lines when the terminal's width changes: xterm.js's Buffer._reflowLarger,
// Buffer._reflowSmaller and BufferReflow.ts, in the same steps, since where the lines and the
// cursor end up depends on each of them.
#include <algorithm>

#include "session/screen/buffer.h"

namespace corral::session::screen {

// How many cells of a line of a group belong to its text.
std::uint32_t Buffer::wrapped_length(const std::vector<Row*>& group, std::size_t index) const {
  if (index + 1 == group.size()) return group[index]->trimmed_length();
  // A wide character that did not fit left an erased cell behind.
  const bool ends_in_null =
      !group[index]->has_content(columns - 1) && group[index]->width(columns - 1) == 1;
  if (ends_in_null && group[index + 1]->width(0) == 2) return columns - 1;
  return columns;
}

void Buffer::reflow_larger(std::uint32_t new_columns, std::uint32_t new_rows) {
  std::vector<bool> removed(lines.size(), false);
  std::uint32_t count_removed = 0;
  for (std::size_t at = 0; at + 1 < lines.size(); ++at) {
    auto end = at + 1;
    while (end < lines.size() && lines[end].wrapped) ++end;
    if (end == at + 1) continue;
    const auto first = at;
    at = end - 1;
    // The program will repaint the line with the cursor itself.
    if (base + y >= first && base + y < end) continue;
    std::vector<Row*> group;
    for (auto index = first; index < end; ++index) group.push_back(&lines[index]);

    std::size_t to = 0;
    auto to_column = wrapped_length(group, 0);
    std::size_t from = 1;
    std::uint32_t from_column = 0;
    while (from < group.size() && to < group.size()) {
      const auto from_length = std::max(wrapped_length(group, from), from_column);
      const auto count = std::min(from_length - from_column, new_columns - to_column);
      group[to]->copy_from(*group[from], from_column, to_column, count, false);
      to_column += count;
      if (to_column == new_columns) ++to, to_column = 0;
      from_column += count;
      if (from_column == from_length) ++from, from_column = 0;
      // A wide character does not begin in the last column.
      if (to_column == 0 && to > 0 && to < group.size() &&
          group[to - 1]->width(new_columns - 1) == 2) {
        group[to]->copy_from(*group[to - 1], new_columns - 1, to_column++, 1, false);
        group[to - 1]->set(new_columns - 1, Cell{});
      }
    }
    if (to < group.size()) group[to]->replace(to_column, new_columns, new_columns, 0);
    for (auto index = group.size() - 1; index > 0; --index) {
      if (index <= to && group[index]->trimmed_length() > 0) break;
      removed[first + index] = true;
      ++count_removed;
    }
  }
  if (count_removed == 0) return;
  std::vector<Row> kept;
  auto all = lines.take();
  for (std::size_t index = 0; index < all.size(); ++index)
    if (!removed[index]) kept.push_back(std::move(all[index]));
  lines.assign(std::move(kept));

  for (auto count = count_removed; count > 0; --count) {
    if (base > 0) {
      --base;
      continue;
    }
    if (y > 0) --y;
    if (lines.size() < new_rows) lines.push(Row(0));
  }
  saved_y -= std::min(saved_y, count_removed);
}

std::vector<std::uint32_t> Buffer::smaller_lengths(const std::vector<Row*>& group,
                                                   std::uint32_t new_columns) const {
  std::uint32_t needed = 0;
  for (std::size_t index = 0; index < group.size(); ++index) needed += wrapped_length(group, index);
  std::vector<std::uint32_t> lengths;
  std::uint32_t column = 0;
  std::size_t line = 0;
  for (std::uint32_t available = 0; available < needed;) {
    if (needed - available < new_columns) {
      lengths.push_back(needed - available);
      break;
    }
    column += new_columns;
    if (const auto length = wrapped_length(group, line); column > length) {
      column -= length;
      ++line;
    }
    const bool ends_with_wide =
        line < group.size() && column > 0 && group[line]->width(column - 1) == 2;
    if (ends_with_wide) --column;
    lengths.push_back(ends_with_wide ? new_columns - 1 : new_columns);
    available += lengths.back();
  }
  return lengths;
}

void Buffer::reflow_smaller(std::uint32_t new_columns, std::uint32_t new_rows) {
  struct Insertion {
    std::size_t start;
    std::vector<Row> rows;
  };
  std::vector<Insertion> insertions;
  const std::size_t bound = new_rows + scrollback;
  std::uint32_t inserted = 0;
  for (auto at = lines.size(); at-- > 0;) {
    auto& last = lines[at];
    if (!last.wrapped && last.trimmed_length() <= new_columns) continue;
    const auto end = at + 1;
    while (lines[at].wrapped && at > 0) --at;
    if (base + y >= at && base + y < end) continue;
    std::vector<Row*> group;
    for (auto index = at; index < end; ++index) group.push_back(&lines[index]);
    const auto last_length = group.back()->trimmed_length();
    const auto old_size = group.size();
    const auto lengths = smaller_lengths(group, new_columns);
    const auto add =
        lengths.size() > old_size ? static_cast<std::uint32_t>(lengths.size() - old_size) : 0;
    std::int64_t trimmed = add;
    if (base == 0 && y + 1 != lines.size())
      trimmed += static_cast<std::int64_t>(y) - static_cast<std::int64_t>(bound);
    else
      trimmed += static_cast<std::int64_t>(lines.size()) - static_cast<std::int64_t>(bound);
    trimmed = std::max<std::int64_t>(trimmed, 0);

    if (add > 0) {
      Insertion insertion{end + inserted, {}};
      for (std::uint32_t count = 0; count < add; ++count) insertion.rows.push_back(Row(0, true));
      insertions.push_back(std::move(insertion));
      for (auto& row : insertions.back().rows) group.push_back(&row);
      inserted += add;
    }

    // Backwards, so that it can be done in place.
    std::size_t to = lengths.size();
    std::uint32_t to_column = 0;
    const auto previous_to = [&] {
      if (to > 0)
        to_column = lengths[--to];
      else
        to = group.size();
    };
    previous_to();
    if (to_column == 0) previous_to();
    auto from = old_size - 1;
    auto from_column = last_length;
    while (to < group.size()) {
      const auto count = std::min(from_column, to_column);
      group[to]->copy_from(*group[from], from_column - count, to_column - count, count, true);
      to_column -= count;
      if (to_column == 0) previous_to();
      from_column -= count;
      if (from_column > 0) continue;
      if (from == 0) break;
      from_column = wrapped_length(group, --from);
    }
    // Where a wide character went on to the next line.
    for (std::size_t index = 0; index < lengths.size(); ++index)
      if (lengths[index] < new_columns) group[index]->set(lengths[index], Cell{});

    for (auto count = static_cast<std::int64_t>(add) - trimmed; count > 0; --count) {
      if (base > 0) {
        if (base + new_rows < std::min(bound, lines.size() + inserted)) ++base;
      } else if (y + 1 < new_rows) {
        ++y;
        lines.pop();
      } else {
        ++base;
      }
    }
    saved_y = std::min(saved_y + add, base + new_rows - 1);
  }
  if (insertions.empty()) return;

  auto old = lines.take();
  std::vector<Row> all(std::min(bound, old.size() + inserted));
  auto next = insertions.begin();
  std::uint32_t placed = 0;
  auto source = old.size();  // one past the next of the old lines
  for (auto at = all.size(); at > 0;) {
    if (next != insertions.end() && next->start + 1 > source + placed) {
      for (auto row = next->rows.rbegin(); row != next->rows.rend() && at > 0; ++row)
        all[--at] = std::move(*row);
      placed += static_cast<std::uint32_t>(next->rows.size());
      ++next;
    } else {
      all[--at] = std::move(old[--source]);
    }
  }
  lines.assign(std::move(all));
}

}  // namespace corral::session::screen
