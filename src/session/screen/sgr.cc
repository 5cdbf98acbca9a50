// SGR: colours and other attributes of the characters that follow.
#include <array>

#include "session/screen/terminal.h"

namespace corral::session::screen {

namespace {

void set_style(Attributes& pen, std::uint32_t style) {
  pen.extended = (pen.extended & ~kStyleMask) | style << kStyleShift;
  if (style != 0)
    pen.foreground |= kUnderline;
  else
    pen.foreground &= ~kUnderline;
  pen.update_extended();
}

// All but the hyperlink.
void reset(Attributes& pen) {
  pen.foreground = pen.background = pen.extended = 0;
  pen.update_extended();
}

void set_color(std::uint32_t& into, std::uint32_t color) { into = (into & ~kColorMask) | color; }

}  // namespace

void Terminal::character_attributes() {
  pen_changed();
  for (std::size_t index = 0; index < params.size(); ++index) {
    const auto code = params[index];
    const auto color = static_cast<std::uint32_t>(code % 10);
    auto& foreground = pen.foreground;
    auto& background = pen.background;
    if (code >= 30 && code <= 37) {
      set_color(foreground, kColor16 | color);
    } else if (code >= 40 && code <= 47) {
      set_color(background, kColor16 | color);
    } else if (code >= 90 && code <= 97) {
      set_color(foreground, kColor16 | color | 8);
    } else if (code >= 100 && code <= 107) {
      set_color(background, kColor16 | color | 8);
    } else {
      switch (code) {
        case 0: reset(pen); break;
        case 1: foreground |= kBold; break;
        case 2: background |= kDim; break;
        case 3: background |= kItalic; break;
        case 4: {
          const auto subs = params.subs(index);
          const bool known = subs.empty() || (subs[0] >= 0 && subs[0] <= 5);
          set_style(pen, subs.empty() || !known ? 1 : static_cast<std::uint32_t>(subs[0]));
          break;
        }
        case 5: foreground |= kBlink; break;
        case 7: foreground |= kInverse; break;
        case 8: foreground |= kInvisible; break;
        case 9: foreground |= kStrikethrough; break;
        case 21: set_style(pen, 2); break;
        case 22:
          foreground &= ~kBold;
          background &= ~kDim;
          break;
        case 23: background &= ~kItalic; break;
        case 24: set_style(pen, 0); break;
        case 25: foreground &= ~kBlink; break;
        case 27: foreground &= ~kInverse; break;
        case 28: foreground &= ~kInvisible; break;
        case 29: foreground &= ~kStrikethrough; break;
        case 38:
        case 48:
        case 58: index += extract_color(index); break;
        case 39: foreground &= ~kColorMask; break;
        case 49: background &= ~kColorMask; break;
        case 53: background |= kOverline; break;
        case 55: background &= ~kOverline; break;
        // xterm.js makes the underline white where it means to make it the text's colour.
        case 59:
          pen.extended |= kColorMask;
          pen.update_extended();
          break;
        default: break;
      }
    }
  }
}

// 38, 48, 58: with semicolons, colons, or both, with or without the colour space that only colons
// have. Returns how many further parameters it took.
std::size_t Terminal::extract_color(std::size_t at) {
  // target, mode, colour space, then red, green, blue, or the number in the palette
  std::array<std::int32_t, 8> values{0, 0, -1, 0, 0, 0, 0, 0};
  constexpr std::size_t kCount = 6;
  std::size_t space = 0;  // 1 once the place of the colour space is passed over
  std::size_t advance = 0;
  do {
    values[advance + space] = params[at + advance];
    if (const auto subs = params.subs(at + advance); !subs.empty()) {
      std::size_t index = 0;
      do {
        if (values[1] == 5) space = 1;
        values[advance + index + 1 + space] = subs[index];
      } while (++index < subs.size() && index + advance + 1 + space < kCount);
      break;
    }
    if ((values[1] == 5 && advance + space >= 2) || (values[1] == 2 && advance + space >= 5)) break;
    if (values[1] != 0) space = 1;
  } while (++advance + at < params.size() && advance + space < kCount);
  const auto channel = [&](std::size_t index) {
    return values[index] == -1 ? 0u : static_cast<std::uint32_t>(values[index]) & 0xFF;
  };
  std::uint32_t color = 0;
  if (values[1] == 2)
    color = kColorRgb | channel(3) << 16 | channel(4) << 8 | channel(5);
  else if (values[1] == 5)
    color = kColor256 | channel(3);
  else
    return advance;
  if (values[0] == 38) set_color(pen.foreground, color);
  if (values[0] == 48) set_color(pen.background, color);
  if (values[0] == 58) set_color(pen.extended, color);
  return advance;
}

}  // namespace corral::session::screen
