// Writes lines of cells as bytes that a terminal turns back into the same cells. The terminal that
// reads them is taken to be in its initial modes, with its whole height as scroll region.
#pragma once

#include <string>
#include <vector>

#include "session/screen/terminal.h"

namespace corral::session::screen {

// The cells of a row as a viewer can be shown them: what no sequence of bytes brings about (half a
// wide character, for one) is replaced by the next best.
std::vector<Cell> showable(const Terminal& terminal, const Row& row);

class Painter {
 public:
  Painter(const Terminal& terminal, std::string& out) : terminal_(terminal), out_(out) {}

  // Lines `from` up to `to` of the buffer, beginning in the first column of the line of the cursor.
  void lines(const Buffer& buffer, std::size_t from, std::size_t to);
  // Colours, attributes and link for what comes next.
  void pen(const Attributes& attributes);
  // The same for the terminal's own, with what only shows once other attributes are set.
  void current_pen();
  // The reader's attributes were reset by a sequence of another's.
  void restored();
  void go(std::uint32_t column, std::uint32_t row);
  // What a cell needs to come about by printing; empty when it cannot be printed.
  std::string printable(Cell cell) const;

 private:
  void row(const std::vector<Cell>& cells, std::uint32_t assumed_fill);
  void odd_blanks(const std::vector<Cell>& cells, std::uint32_t from, std::uint32_t to);
  void odd_blank_from_left(std::uint32_t column, const Attributes& attributes);
  void wrap(const std::vector<Cell>& above, const std::vector<Cell>& below);
  void column(std::uint32_t column);
  void print(Cell cell);
  const Attributes& attributes(Cell cell) const {
    return terminal_.pools.attributes[cell.attributes];
  }

  const Terminal& terminal_;
  std::string& out_;
  Attributes pen_;          // what the reading terminal's is
  std::uint32_t at_ = 0;    // its cursor's column
  bool scratched_ = false;  // the cell at the cursor holds something that must go
};

}  // namespace corral::session::screen
