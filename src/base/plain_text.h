// Text of untrusted programs, made safe to print on a person's terminal.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace corral {

// Removes terminal escape sequences (CSI, OSC, DCS and their 8-bit forms), other control
// characters, and the Unicode marks that reorder text; turns carriage returns into line ends and
// bytes that are not UTF-8 into U+FFFD. A state machine over any split of the input, with bounded
// memory: an escape sequence that never ends is swallowed to the end of its line.
class PlainText {
 public:
  // What becomes of a cursor that is moved: nothing, or a line end (a space when it stays in its
  // line), so that what stands apart on the screen stays apart.
  enum class Moves : std::uint8_t { drop, part };
  explicit PlainText(Moves moves = Moves::drop) : moves_(moves) {}

  std::string feed(std::string_view bytes);
  // What is still held back: an unfinished UTF-8 character.
  std::string finish();

 private:
  enum class State : std::uint8_t { text, escape, intermediate, csi, string, string_escape };
  void byte(std::string& out, unsigned char value);
  void character(std::string& out, char32_t code, std::string_view encoded);
  void incomplete(std::string& out);

  Moves moves_;
  State state_ = State::text;
  std::string partial_;  // of a UTF-8 character, at most 3 bytes
  int expected_ = 0;     // its whole length
  bool after_return_ = false;
};

// The whole text at once.
std::string plain_text(std::string_view text);

// The first `max_bytes` of UTF-8 text, cut between characters, with "…" when something is missing.
std::string shorten(std::string_view text, std::size_t max_bytes);

}  // namespace corral
