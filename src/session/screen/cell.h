// What one cell of a terminal's screen holds. The layout of `content`, `foreground` and
// `background` is that of xterm.js (common/buffer/Constants.ts), whose behaviour this room
// reproduces.
#pragma once

#include <cstdint>

namespace corral::session::screen {

// Cell::content: a code point (or, with kCombined, the number of a cluster in Pools), and a width.
inline constexpr std::uint32_t kCodePointMask = 0x1FFFFF;
inline constexpr std::uint32_t kCombined = 1u << 21;
inline constexpr std::uint32_t kContentMask = kCodePointMask | kCombined;  // 0: shows nothing
inline constexpr int kWidthShift = 22;
inline constexpr std::uint32_t kNull = 1u << kWidthShift;  // an erased cell
inline constexpr std::uint32_t kSecondHalf = 0;            // the right half of a wide character

// Attributes::foreground, background and extended: a colour in the low 26 bits.
inline constexpr std::uint32_t kColorMode = 0x3000000;
inline constexpr std::uint32_t kColor16 = 0x1000000;
inline constexpr std::uint32_t kColor256 = 0x2000000;
inline constexpr std::uint32_t kColorRgb = 0x3000000;
inline constexpr std::uint32_t kRgbMask = 0xFFFFFF;
inline constexpr std::uint32_t kColorMask = kColorMode | kRgbMask;
// Flags of foreground
inline constexpr std::uint32_t kInverse = 0x4000000;
inline constexpr std::uint32_t kBold = 0x8000000;
inline constexpr std::uint32_t kUnderline = 0x10000000;
inline constexpr std::uint32_t kBlink = 0x20000000;
inline constexpr std::uint32_t kInvisible = 0x40000000;
inline constexpr std::uint32_t kStrikethrough = 0x80000000;
// Flags of background
inline constexpr std::uint32_t kItalic = 0x4000000;
inline constexpr std::uint32_t kDim = 0x8000000;
inline constexpr std::uint32_t kHasExtended = 0x10000000;  // extended and link count
inline constexpr std::uint32_t kProtected = 0x20000000;
inline constexpr std::uint32_t kOverline = 0x40000000;
// Flags of extended: the underline's style (0 none, 1 single, 2 double, 3 curly, 4 dotted, 5
// dashed)
inline constexpr int kStyleShift = 26;
inline constexpr std::uint32_t kStyleMask = 7u << kStyleShift;

struct Attributes {
  std::uint32_t foreground = 0;
  std::uint32_t background = 0;
  std::uint32_t extended = 0;  // underline style and colour
  std::uint32_t link = 0;      // the number of a hyperlink in Pools; 0: none

  bool operator==(const Attributes&) const = default;

  // Sets or clears kHasExtended, as xterm.js does after a change of style or link.
  void update_extended() {
    if ((extended & kStyleMask) != 0 || link != 0)
      background |= kHasExtended;
    else
      background &= ~kHasExtended;
  }
  // What a cell keeps of it: nothing that does not show.
  Attributes kept() const {
    auto result = *this;
    if ((background & kHasExtended) == 0) {
      result.link = 0;
      result.extended = (foreground & kUnderline) != 0 ? 1u << kStyleShift : 0;
    } else if ((foreground & kUnderline) == 0) {
      result.extended = 0;
    } else if ((extended & kStyleMask) == 0) {
      // Underlined in no style: only a link shows then, in a style of its own.
      if (link != 0) {
        result.extended |= 1u << kStyleShift;
      } else {
        result.foreground &= ~kUnderline;
        result.extended = 0;
      }
    }
    result.update_extended();
    return result;
  }
  // Erasing paints the background colour alone.
  Attributes erased() const { return {0, background & kColorMask, 0, 0}; }
  bool only_background() const { return *this == erased(); }
};

struct Cell {
  std::uint32_t content = kNull;
  std::uint32_t attributes = 0;  // the number of an Attributes in Pools

  bool operator==(const Cell&) const = default;
  std::uint32_t width() const { return content >> kWidthShift; }
  bool has_content() const { return (content & kContentMask) != 0; }
};
static_assert(sizeof(Cell) == 8);

}  // namespace corral::session::screen
