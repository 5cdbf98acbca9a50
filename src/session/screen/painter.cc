#include "session/screen/painter.h"

#include <algorithm>

#include <fmt/format.h>

#include "session/screen/unicode.h"

namespace corral::session::screen {

namespace {

// Any wide character.
constexpr std::string_view kWide = "\u3042";

bool is_second_half(Cell cell) { return cell.width() == 0 && !cell.has_content(); }

void append_color(std::string& into, std::uint32_t color, int base) {
  const auto number = color & 0xFF;
  switch (color & kColorMode) {
    case kColor16:
      if (base == 50)
        into += fmt::format(";58;5;{}", number);
      else
        into += fmt::format(";{}", number < 8 ? static_cast<unsigned>(base) + number
                                              : static_cast<unsigned>(base) + 52 + number);
      break;
    case kColor256: into += fmt::format(";{};5;{}", base + 8, number); break;
    case kColorRgb:
      into +=
          fmt::format(";{};2;{};{};{}", base + 8, color >> 16 & 0xFF, color >> 8 & 0xFF, number);
      break;
    default: break;
  }
}

}  // namespace

void Painter::pen(const Attributes& wanted) {
  const auto next = wanted.kept();
  if (next == pen_) return;
  auto rest = next;
  rest.link = pen_.link;
  rest.update_extended();
  if (rest != pen_) {
    std::string codes;
    const auto flag = [&](bool set, int code) {
      if (set) codes += fmt::format(";{}", code);
    };
    flag((next.foreground & kBold) != 0, 1);
    flag((next.background & kDim) != 0, 2);
    flag((next.background & kItalic) != 0, 3);
    if ((next.foreground & kUnderline) != 0) {
      const auto style = next.extended >> kStyleShift & 7;
      codes += style == 1 ? ";4" : fmt::format(";4:{}", style);
    }
    flag((next.foreground & kBlink) != 0, 5);
    flag((next.foreground & kInverse) != 0, 7);
    flag((next.foreground & kInvisible) != 0, 8);
    flag((next.foreground & kStrikethrough) != 0, 9);
    flag((next.background & kOverline) != 0, 53);
    append_color(codes, next.foreground, 30);
    append_color(codes, next.background, 40);
    append_color(codes, next.extended, 50);
    out_ += codes.empty() ? "\x1b[m" : "\x1b[0" + codes + "m";
    if ((next.background & kProtected) != 0) out_ += "\x1b[1\"q";
  }
  if (next.link != pen_.link) {
    const std::string_view link = terminal_.pools.links[next.link];
    const auto end = std::min(link.find('\n'), link.size());
    out_ += "\x1b]8;";
    if (end > 0) out_.append("id=").append(link.substr(0, end));
    out_ += ';';
    if (next.link != 0) out_ += link.substr(end + 1);
    out_ += "\x1b\\";
  }
  pen_ = next;
}

void Painter::current_pen() {
  pen(terminal_.pen);
  // An underline's colour stays while nothing is underlined.
  const auto color = terminal_.pen.extended & kColorMask;
  if (color == (pen_.extended & kColorMask) || color == 0) return;
  std::string codes;
  append_color(codes, color, 50);
  out_ += "\x1b[" + codes.substr(1) + "m";
}

void Painter::restored() {
  pen_ = {0, 0, 0, pen_.link};
  pen_.update_extended();
}

void Painter::go(std::uint32_t to_column, std::uint32_t to_row) {
  out_ += fmt::format("\x1b[{};{}H", to_row + 1, to_column + 1);
  at_ = to_column;
}

void Painter::column(std::uint32_t to) {
  if (at_ == to) return;
  out_ += to == 0 ? std::string("\r") : fmt::format("\x1b[{}G", to + 1);
  at_ = to;
}

std::string Painter::printable(Cell cell) const { return terminal_.pools.text(cell); }

void Painter::print(Cell cell) {
  pen(attributes(cell));
  // A combining character that stands alone must not join what was printed before it.
  if (cell.width() == 0) out_ += fmt::format("\x1b[{}G", at_ + 1);
  out_ += printable(cell);
  at_ += std::max(cell.width(), 1u);
}

std::vector<Cell> showable(const Terminal& terminal, const Row& row) {
  const auto columns = terminal.columns;
  std::vector<Cell> cells(columns, Cell{kNull, row.fill()});
  std::copy_n(row.begin(), std::min(row.size(), columns), cells.begin());
  for (std::uint32_t column = 0; column < columns; ++column) {
    auto& cell = cells[column];
    if (!cell.has_content()) {
      cell.content = kNull;  // a right half without its left one
      continue;
    }
    // By printing, a character takes its own width; a combining one alone is a cell of none.
    const auto text = terminal.pools.text(cell);
    std::size_t size = 0;
    const auto width = character_width(take_utf8(text, size));
    if (width != cell.width() || (width == 0 && size < text.size())) cell.content = kNull;
    if (cell.width() != 2) continue;
    if (column + 1 < columns && is_second_half(cells[column + 1])) {
      cells[++column] = {kSecondHalf, cell.attributes};
    } else {
      cell.content = kNull;  // a left half without its right one
    }
  }
  // With every cell blank in a way that takes printing next to it there is no next to it.
  const bool all_odd = std::all_of(cells.begin(), cells.end(), [&](Cell cell) {
    return !cell.has_content() && cell.width() == 1 &&
           !terminal.pools.attributes[cell.attributes].only_background();
  });
  if (all_odd) cells.assign(columns, Cell{});
  return cells;
}

// A blank cell with more than a background: what is left of a wide character when its other half is
// printed over, in the attributes of that. Here the half to the left is, and needs to be painted
// after.
void Painter::odd_blank_from_left(std::uint32_t at, const Attributes& wanted) {
  column(at - 1);
  out_ += kWide;
  at_ += 2;
  column(at - 1);
  pen(wanted);
  out_ += ' ';
  at_ = at;
}

void Painter::odd_blanks(const std::vector<Cell>& cells, std::uint32_t from, std::uint32_t to) {
  if (to < cells.size()) {
    // By the half to the right, which is painted next anyway.
    for (; from < to; ++from) {
      column(from);
      out_ += kWide;
      at_ += 2;
      column(from + 1);
      pen(attributes(cells[from]));
      out_ += ' ';
      at_ = from + 2;
    }
    column(to);
    scratched_ = true;
    return;
  }
  // The line ends here, so what is to the left of them has to come after them.
  for (auto at = to - 1; at >= from; --at) odd_blank_from_left(at, attributes(cells[at]));
  const auto lead = is_second_half(cells[from - 1]) ? from - 2 : from - 1;
  column(lead);
  if (cells[lead].has_content()) {
    print(cells[lead]);
  } else {
    pen(attributes(cells[lead]));
    out_ += "\x1b[X";
  }
  column(to - 1);
}

void Painter::row(const std::vector<Cell>& cells, std::uint32_t assumed_fill) {
  const auto columns = static_cast<std::uint32_t>(cells.size());
  std::uint32_t from = 0;
  while (from < columns) {
    const auto cell = cells[from];
    auto to = from + 1;
    if (cell.has_content()) {
      column(from);
      print(cell);
      scratched_ = false;
      from += std::max(cell.width(), 1u);
      continue;
    }
    const bool plain = attributes(cell).only_background();
    const auto same = [&](Cell other) {
      if (other.has_content() || other.width() != 1) return false;
      return plain ? other.attributes == cell.attributes : !attributes(other).only_background();
    };
    while (to < columns && same(cells[to])) ++to;
    if (!plain) {
      odd_blanks(cells, from, to);
    } else if (cell.attributes != assumed_fill) {
      column(from);
      pen(attributes(cell));
      out_ += fmt::format("\x1b[{}X", to - from);
      scratched_ = false;
    } else if (scratched_) {
      column(from);
      pen(attributes(cell));
      out_ += "\x1b[X";
      scratched_ = false;
    }
    from = to;
  }
}

// From the end of a line on to the next, which is thereby marked as going on from it.
void Painter::wrap(const std::vector<Cell>& above, const std::vector<Cell>& below) {
  const auto columns = static_cast<std::uint32_t>(above.size());
  const auto first = below[0];
  const bool at_end = at_ == columns;
  if (at_end && first.has_content() && first.width() > 0 &&
      (attributes(first).background & kColorMask) == 0) {
    pen(attributes(first));
    out_ += printable(first);
    at_ = first.width();
    column(0);
    return;
  }
  // By a character that is taken away again.
  pen({});
  if (!at_end) {
    column(columns - 1);
    out_ += ' ';
  }
  out_ += ' ';
  at_ = 1;
  if (!at_end) {
    out_ += "\x1b[A";
    at_ = 1;
    const auto last = above[columns - 1];
    if (is_second_half(last)) {
      column(columns - 2);
      print(above[columns - 2]);
    } else if (last.has_content()) {
      column(columns - 1);
      print(last);
    } else if (attributes(last).only_background()) {
      column(columns - 1);
      pen(attributes(last));
      out_ += "\x1b[X";
    } else {
      auto from = columns - 1;
      while (!above[from - 1].has_content() && above[from - 1].width() == 1 &&
             !attributes(above[from - 1]).only_background())
        --from;
      odd_blanks(above, from, columns);
    }
    column(0);
    out_ += "\x1b[B";
  }
  column(0);
  scratched_ = true;
}

void Painter::lines(const Buffer& buffer, std::size_t from, std::size_t to) {
  at_ = 0;
  scratched_ = false;
  std::vector<Cell> above;
  for (auto index = from; index < to; ++index) {
    const auto& line = buffer.lines[index];
    auto cells = showable(terminal_, line);
    if (index > from) {
      // On a terminal of one row what scrolled off is out of reach for wrap().
      if (line.wrapped && terminal_.rows > 1) {
        wrap(above, cells);
      } else {
        if ((pen_.background & kColorMask) != 0) pen({});
        out_ += "\r\n";
        at_ = 0;
        scratched_ = false;
      }
    }
    row(cells, 0);
    above = std::move(cells);
  }
}

}  // namespace corral::session::screen
