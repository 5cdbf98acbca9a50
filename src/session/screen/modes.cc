// Modes, the two screens, and what the terminal answers.
#include <algorithm>

#include <fmt/format.h>

#include "session/screen/terminal.h"

namespace corral::session::screen {

void Terminal::reply(std::string_view text) {
  if (replies.size() + text.size() <= kMaxReplyBytes) replies += text;
}

void Terminal::set_modes(bool on) {
  for (std::size_t index = 0; index < params.size(); ++index) {
    if (params[index] == 4) modes.insert = on;
    if (params[index] == 20) convert_eol = on;
  }
}

void Terminal::activate_alternate() {
  if (alternate_active) return;
  alternate.fill_screen(erase_number());
  alternate.x = normal.x;
  alternate.y = normal.y;
  alternate_active = true;
}

void Terminal::activate_normal() {
  if (!alternate_active) return;
  normal.x = alternate.x;
  normal.y = alternate.y;
  alternate.clear();
  alternate_active = false;
}

void Terminal::set_private_modes(bool on) {
  for (std::size_t index = 0; index < params.size(); ++index) {
    switch (params[index]) {
      case 1: modes.application_cursor = on; break;
      case 2:
        if (on)
          for (std::uint32_t slot = 0; slot < 4; ++slot) designate(slot, nullptr);
        break;
      case 6:
        modes.origin = on;
        set_cursor(0, 0);
        break;
      case 7: modes.wrap = on; break;
      case 9: mouse = on ? Mouse::x10 : Mouse::none; break;
      case 12: blink_option = on; break;
      case 25: cursor_hidden = !on; break;
      case 45: modes.reverse_wrap = on; break;
      case 66: modes.application_keypad = on; break;
      case 1000: mouse = on ? Mouse::vt200 : Mouse::none; break;
      case 1002: mouse = on ? Mouse::drag : Mouse::none; break;
      case 1003: mouse = on ? Mouse::any : Mouse::none; break;
      case 1004: modes.send_focus = on; break;
      case 1006: mouse_encoding = on ? MouseEncoding::sgr : MouseEncoding::standard; break;
      case 1016: mouse_encoding = on ? MouseEncoding::sgr_pixels : MouseEncoding::standard; break;
      case 1048:
        if (on)
          save_cursor();
        else
          restore_cursor();
        break;
      case 47:
      case 1047:
      case 1049:
        if (on) {
          if (params[index] == 1049) save_cursor();
          activate_alternate();
        } else {
          activate_normal();
          if (params[index] == 1049) restore_cursor();
        }
        break;
      case 2004: modes.bracketed_paste = on; break;
      case 2026: modes.synchronized = on; break;
      default: break;
    }
  }
}

void Terminal::device_status(bool private_form) {
  const auto& buffer = active();
  if (params[0] == 5 && !private_form) reply("\x1b[0n");
  if (params[0] == 6)
    reply(fmt::format("\x1b[{}{};{}R", private_form ? "?" : "", buffer.y + 1, buffer.x + 1));
}

// DECRQM: whether a mode is on (1) or off (2), always so (3, 4), or not known (0).
void Terminal::request_mode(bool private_form) {
  const auto mode = params[0];
  const auto is = [](bool on) { return on ? 1 : 2; };
  int value = 0;
  if (!private_form) {
    switch (mode) {
      case 2: value = 4; break;
      case 4: value = is(modes.insert); break;
      case 12: value = 3; break;
      case 20: value = is(convert_eol); break;
      default: break;
    }
  } else {
    switch (mode) {
      case 1: value = is(modes.application_cursor); break;
      case 6: value = is(modes.origin); break;
      case 7: value = is(modes.wrap); break;
      case 8: value = 3; break;
      case 9: value = is(mouse == Mouse::x10); break;
      case 12: value = is(blink_option.value_or(false)); break;
      case 25: value = is(!cursor_hidden); break;
      case 45: value = is(modes.reverse_wrap); break;
      case 66: value = is(modes.application_keypad); break;
      case 67: value = 4; break;
      case 1000: value = is(mouse == Mouse::vt200); break;
      case 1002: value = is(mouse == Mouse::drag); break;
      case 1003: value = is(mouse == Mouse::any); break;
      case 1004: value = is(modes.send_focus); break;
      case 1005:
      case 1015: value = 4; break;
      case 1006: value = is(mouse_encoding == MouseEncoding::sgr); break;
      case 1016: value = is(mouse_encoding == MouseEncoding::sgr_pixels); break;
      case 1048: value = 1; break;
      case 47:
      case 1047:
      case 1049: value = is(alternate_active); break;
      case 2004: value = is(modes.bracketed_paste); break;
      case 2026: value = is(modes.synchronized); break;
      default: break;
    }
  }
  reply(fmt::format("\x1b[{}{};{}$y", private_form ? "?" : "", mode, value));
}

// DECRQSS
void Terminal::request_status_string() {
  const auto& asked = string_payload;
  const auto& buffer = active();
  std::string answer = "0$r";
  if (asked == "\"q") answer = (pen.background & kProtected) != 0 ? "1$r1\"q" : "1$r0\"q";
  if (asked == "\"p") answer = "1$r61;1\"p";
  if (asked == "r") answer = fmt::format("1$r{};{}r", buffer.top + 1, buffer.bottom + 1);
  if (asked == "m") answer = "1$r0m";
  if (asked == " q") answer = blink_option.value_or(false) ? "1$r1 q" : "1$r2 q";
  reply("\x1bP" + answer + "\x1b\\");
}

}  // namespace corral::session::screen
