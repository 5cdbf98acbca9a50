// From bytes to characters, and through the state machine.
#include <algorithm>
#include <bit>
#include <cstring>

#include "session/screen/terminal.h"

namespace corral::session::screen {

namespace {

// The first byte of [at, end) that is not printable ASCII.
const char* end_of_ascii(const char* at, const char* end) {
  constexpr std::uint64_t kOnes = 0x0101010101010101u;
  for (; end - at >= 8; at += 8) {
    std::uint64_t word;
    std::memcpy(&word, at, 8);
    // The high bit of each byte that is not in 0x20-0x7e; those above the first may be wrong.
    const auto odd = (word | (word - 0x20 * kOnes) | (word + kOnes)) & (0x80 * kOnes);
    if (odd == 0) continue;
    if constexpr (std::endian::native == std::endian::little) return at + std::countr_zero(odd) / 8;
    break;
  }
  while (at < end && *at >= 0x20 && *at < 0x7F) ++at;
  return at;
}

}  // namespace

void Terminal::feed(std::string_view bytes) {
  // In pieces, so that what cells share is looked through in time.
  constexpr std::size_t kPiece = 64 * 1024;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(kPiece, bytes.size()))) {
    feed_piece(bytes.substr(0, kPiece));
    compact_when_due();
  }
}

void Terminal::feed_piece(std::string_view bytes) {
  const char* at = bytes.data();
  const char* const end = at + bytes.size();
  while (at < end) {
    const auto byte = static_cast<unsigned char>(*at);
    if (byte >= 0x80 || utf8_size > 0) {
      at = feed_character(at, end);
    } else if (state != State::ground) {
      step(byte);
      ++at;
    } else if (byte >= 0x20 && byte != 0x7F) {
      const char* const stop = end_of_ascii(at, end);
      print_ascii(at, static_cast<std::size_t>(stop - at));
      at = stop;
    } else if (byte == 0x1B) {
      state = State::escape;
      params.reset();
      collected = 0;
      ++at;
    } else {
      if (byte != 0x7F) execute(byte);
      ++at;
    }
  }
}

// UTF-8, with ill-formed bytes left out as xterm.js leaves them out (common/input/TextDecoder.ts),
// the byte order mark too. One character, or the byte that shows that it is none.
const char* Terminal::feed_character(const char* at, const char* end) {
  for (; at < end; ++at) {
    const auto byte = static_cast<unsigned char>(*at);
    if (utf8_size == 0) {
      if (byte < 0xC0 || byte > 0xF7) return at + 1;
      utf8[utf8_size++] = byte;
      continue;
    }
    if ((byte & 0xC0) != 0x80) {
      utf8_size = 0;  // the byte is looked at again, as the first of a character
      return at;
    }
    utf8[utf8_size++] = byte;
    const std::uint32_t wanted = utf8[0] < 0xE0 ? 2 : utf8[0] < 0xF0 ? 3 : 4;
    if (utf8_size < wanted) continue;
    std::uint32_t code = utf8[0] & (0xFFu >> (wanted + 1));
    for (std::uint32_t index = 1; index < wanted; ++index) code = code << 6 | (utf8[index] & 0x3F);
    utf8_size = 0;
    constexpr std::uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
    if (code < kLeast[wanted] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF) ||
        code == 0xFEFF)
      return at + 1;
    if (state == State::ground && code >= kNonAscii)
      print(code);
    else
      step(code);
    return at + 1;
  }
  return at;
}

void Terminal::step(std::uint32_t code) {
  const auto [action, next] =
      kTransitions[static_cast<std::size_t>(state)][code < kNonAscii ? code : kNonAscii];
  auto following = next;
  switch (action) {
    case Action::ignore: break;
    case Action::print: print(code); break;
    case Action::execute: execute(code); break;
    case Action::clear:
      params.reset();
      collected = 0;
      break;
    case Action::collect: collected = collected > 0xFFFF ? kTooMany : collected << 8 | code; break;
    case Action::param:
      if (code == ';')
        params.add();
      else if (code == ':')
        params.add_sub();
      else
        params.digit(static_cast<int>(code - '0'));
      break;
    case Action::csi_dispatch:
      csi_dispatch(code);
      join = 0;
      break;
    case Action::esc_dispatch:
      escape_dispatch(code);
      join = 0;
      break;
    case Action::osc_start:
      start_string();
      osc_state = Osc::number;
      osc_number = -1;
      break;
    case Action::dcs_hook:
      start_string();
      dcs_function = collected > 0xFFFF ? kTooMany : collected << 8 | code;
      break;
    case Action::osc_put:
    case Action::dcs_put: put_string(code); break;
    case Action::osc_end:
    case Action::dcs_unhook:
      if (code != 0x18 && code != 0x1A) {
        if (action == Action::osc_end)
          osc_dispatch();
        else if (dcs_function == ('$' << 8 | 'q') && !string_too_long)
          request_status_string();
      }
      start_string();
      if (code == 0x1B) following = State::escape;
      params.reset();
      collected = 0;
      join = 0;
      break;
  }
  state = following;
}

void Terminal::start_string() {
  string_payload.clear();
  if (string_payload.capacity() > 1024) string_payload.shrink_to_fit();
  string_too_long = false;
}

void Terminal::put_string(std::uint32_t code) {
  if (state == State::osc && osc_state != Osc::payload) {
    if (osc_state == Osc::aborted) return;
    if (code == ';')
      osc_state = Osc::payload;
    else if (code < '0' || code > '9')
      osc_state = Osc::aborted;
    else if (osc_number < 100'000)
      osc_number = std::max(osc_number, 0) * 10 + static_cast<std::int32_t>(code - '0');
    return;
  }
  if (string_too_long) return;
  if (state == State::dcs_passthrough) {
    if (dcs_function != ('$' << 8 | 'q')) return;
    // No status has a control character in its name.
    if (code < 0x20) code = '?';
  }
  append_utf8(string_payload, code);
  if (string_payload.size() <= kMaxStringBytes) return;
  start_string();
  string_too_long = true;
}

std::string Terminal::unfinished() const {
  std::string prefix;
  std::string intermediates;
  for (int shift = 16; shift >= 0; shift -= 8) {
    const auto byte = static_cast<char>(collected >> shift & 0xFF);
    if (byte == 0 || collected == kTooMany) continue;
    (byte >= 0x3C ? prefix : intermediates) += byte;
  }
  // Four of them are too many for any function.
  if (collected == kTooMany) intermediates = "    ";
  const auto header = prefix + params.text() + intermediates;
  std::string text;
  switch (state) {
    case State::ground: break;
    case State::escape: text = "\x1b"; break;
    case State::escape_intermediate: text = "\x1b" + intermediates; break;
    case State::csi_entry: text = "\x1b["; break;
    case State::csi_param:
      text = "\x1b[" + header;
      // A lone 0 is not sent, but the state differs from that of csi_entry.
      if (header.empty()) text += '0';
      break;
    case State::csi_intermediate: text = "\x1b[" + header; break;
    case State::csi_ignore: text = "\x1b[<<"; break;
    case State::string: text = "\x1b_"; break;
    case State::osc:
      text = "\x1b]";
      if (osc_state == Osc::aborted) {
        text += 'x';
      } else {
        if (osc_number >= 0) text += std::to_string(osc_number);
        if (osc_state == Osc::payload) text += ';';
        // Too long a payload is no payload: as that of a function that does not exist.
        text = string_too_long ? "\x1b]x" : text + string_payload;
      }
      break;
    case State::dcs_entry: text = "\x1bP"; break;
    case State::dcs_param: text = "\x1bP" + (header.empty() ? "0" : header); break;
    case State::dcs_intermediate: text = "\x1bP" + header; break;
    case State::dcs_ignore: text = "\x1bP<<"; break;
    case State::dcs_passthrough:
      // The one function that there is takes no parameters.
      text = dcs_function == ('$' << 8 | 'q') && !string_too_long ? "\x1bP$q" + string_payload
                                                                  : "\x1bPx";
      break;
  }
  text.append(reinterpret_cast<const char*>(utf8), utf8_size);
  return text;
}

}  // namespace corral::session::screen
