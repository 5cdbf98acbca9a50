// What people see: text made safe for a terminal, colours, widths, tables.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace corral::edge::cli {

// Takes out of a stream of text what a terminal would obey: escape and control sequences (ESC, C0,
// C1), and characters that change the direction of text. Line ends become "\n"; malformed UTF-8
// becomes U+FFFD. Sequences and characters may be split anywhere between two calls.
class PrintableFilter {
 public:
  std::string feed(std::string_view bytes);
  // The end: what is incomplete becomes U+FFFD.
  std::string finish();

 private:
  enum class State { text, escape, sequence, string, string_escape };
  void take(std::string_view character, std::string& out);
  State state_ = State::text;
  std::string partial_;  // of a UTF-8 character
  bool after_return_ = false;
};

// The whole of a text. `one_line`: line ends and tabs become blanks.
enum class Lines { keep, one };
std::string printable(std::string_view text, Lines lines = Lines::one);

bool is_utf8(std::string_view bytes);

// Columns that printable text takes: 2 for East Asian wide characters and emoji, 0 for combining
// ones.
std::size_t display_width(std::string_view text);
// At most `width` columns, with "…" for what is left out.
std::string shorten(std::string_view text, std::size_t width);

enum class Style { plain, bold, dim, red, green, yellow, blue, cyan };

// Properties of stdout (or whatever text goes to). Immutable.
struct Screen {
  bool terminal = false;
  bool colour = false;
  std::size_t width = 100;

  // Looks at the descriptor and at NO_COLOR, TERM and COLUMNS. `when`: "auto", "always", "never".
  static Screen of(int fd, std::string_view when);
  std::string paint(Style style, std::string_view text) const;
};

struct Cell {
  std::string text;  // made printable by table()
  Style style = Style::plain;
};
struct Column {
  std::string title;
  enum class Align { left, right } align = Align::left;
  bool flexible = false;  // shortened first when the table does not fit
};
// Titles, then one line a row; fits the screen's width on a terminal, is as wide as it must be
// elsewhere.
std::string table(const Screen& screen, const std::vector<Column>& columns,
                  const std::vector<std::vector<Cell>>& rows);

}  // namespace corral::edge::cli
