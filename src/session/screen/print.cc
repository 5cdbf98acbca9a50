// Characters on to the screen.
#include <algorithm>

#include "session/screen/terminal.h"
#include "session/screen/unicode.h"

namespace corral::session::screen {

namespace {

// Pools smaller than this are not worth looking through the screen for.
constexpr std::size_t kCompactAttributes = 4096;
constexpr std::size_t kCompactStringBytes = 256 * 1024;

}  // namespace

std::uint32_t Terminal::pen_number() {
  if (pen_number_ == kUnknown) pen_number_ = pools.attributes.number(pen.kept());
  return pen_number_;
}

std::uint32_t Terminal::erase_number() {
  if (erase_number_ == kUnknown) erase_number_ = pools.attributes.number(pen.erased());
  return erase_number_;
}

// Drops what no cell uses any more, when much has been added since the last time.
void Terminal::compact_when_due() {
  const auto weight = pools.attributes.size() + (pools.clusters.bytes() + pools.links.bytes()) /
                                                    (kCompactStringBytes / kCompactAttributes);
  if (weight <= std::max(compact_at_, kCompactAttributes)) return;
  compact();
  compact_at_ = 2 * (pools.attributes.size() + (pools.clusters.bytes() + pools.links.bytes()) /
                                                   (kCompactStringBytes / kCompactAttributes));
}

void Terminal::compact() {
  Pools fresh;
  Renumbering renumber(pools, fresh);
  for (auto* buffer : {&normal, &alternate}) {
    for (std::size_t index = 0; index < buffer->lines.size(); ++index) {
      auto& row = buffer->lines[index];
      row.set_fill(renumber.attributes(row.fill()));
      for (auto& cell : row) cell = renumber(cell);
    }
  }
  pen.link = renumber.link(pen.link);
  pools = std::move(fresh);
  pen_changed();
}

// The cursor goes to the next line, which goes on from this one.
void Terminal::wrap_line() {
  auto& buffer = active();
  buffer.x = 0;
  if (buffer.y == buffer.bottom) {
    buffer.scroll(erase_number(), true);
    return;
  }
  if (buffer.y + 1 < rows) ++buffer.y;
  buffer.row(buffer.y).wrapped = true;
}

void Terminal::print_ascii(const char* text, std::size_t size) {
  if (charset != nullptr || modes.insert || !modes.wrap) {
    for (std::size_t index = 0; index < size; ++index)
      print(static_cast<unsigned char>(text[index]));
    return;
  }
  auto& buffer = active();
  const auto attributes = pen_number();
  if (buffer.x > 0) {
    auto& row = buffer.row(buffer.y);
    if (buffer.x <= row.size() && row.width(buffer.x - 1) == 2)
      row.set(buffer.x - 1, {kNull, attributes});
  }
  while (size > 0) {
    if (buffer.x >= columns) wrap_line();
    const auto count = static_cast<std::uint32_t>(std::min<std::size_t>(size, columns - buffer.x));
    Cell* const cells = buffer.row(buffer.y).open(buffer.x, buffer.x + count);
    for (std::uint32_t index = 0; index < count; ++index)
      cells[index] = {static_cast<std::uint32_t>(static_cast<unsigned char>(text[index])) | kNull,
                      attributes};
    buffer.x += count;
    text += count;
    size -= count;
  }
  join = 1 << 1;
  clear_right_half();
}

// What was printed may have left the right half of a wide character behind the cursor.
void Terminal::clear_right_half() {
  const auto& buffer = active();
  auto& row = active().row(buffer.y);
  if (buffer.x < row.size() && buffer.x < columns && row.width(buffer.x) == 0 &&
      !row.has_content(buffer.x))
    row.set(buffer.x, {kNull, pen_number()});
}

void Terminal::print(std::uint32_t code) {
  auto& buffer = active();
  const auto attributes = pen_number();
  if (buffer.x > 0 && buffer.row(buffer.y).width(buffer.x - 1) == 2)
    buffer.row(buffer.y).set(buffer.x - 1, {kNull, attributes});
  if (code < 127 && charset != nullptr && charset[code] != 0) code = charset[code];

  auto width = character_width(code);
  const auto width_before = join >> 1;
  const bool joins = width == 0 && width_before > 0;
  if (joins) width = width_before;
  join = width << 1 | (joins ? 1 : 0);

  if (joins && buffer.x > 0) {
    // On to the character before the cursor.
    auto& row = buffer.row(buffer.y);
    const auto at = buffer.x - (row.width(buffer.x - 1) > 0 || buffer.x < 2 ? 1 : 2);
    auto cell = row.at(at);
    if (cell.has_content()) {
      auto cluster = pools.text(cell);
      append_utf8(cluster, code);
      if (cluster.size() <= kMaxClusterBytes && pools.clusters.size() < kMaxClusters)
        cell.content = pools.clusters.number(cluster) | kCombined;
    } else {
      cell.content = code;
    }
    cell.content = (cell.content & kContentMask) | width << kWidthShift;
    row.set(at, cell);
    return;
  }
  if (buffer.x + width > columns) {
    if (modes.wrap) {
      auto& before = buffer.row(buffer.y);
      while (buffer.x < columns) before.set(buffer.x++, {kNull, attributes});
      wrap_line();
    } else {
      buffer.x = columns - 1;
      if (width == 2) return clear_right_half();
    }
  }
  auto& row = buffer.row(buffer.y);
  if (modes.insert) {
    row.insert(buffer.x, width, columns, attributes);
    if (row.width(columns - 1) == 2) row.set(columns - 1, {kNull, attributes});
  }
  if (buffer.x < columns) row.set(buffer.x++, {code | width << kWidthShift, attributes});
  if (width == 2) row.set(buffer.x++, {kSecondHalf, attributes});
  clear_right_half();
}

}  // namespace corral::session::screen
