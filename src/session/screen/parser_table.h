// The state machine of a terminal's input, after Paul Williams
// (https://vt100.net/emu/dec_ansi_parser), with the choices that xterm.js makes
// (common/parser/EscapeSequenceParser.ts).
#pragma once

#include <array>
#include <cstdint>

namespace corral::session::screen {

enum class State : std::uint8_t {
  ground,
  escape,
  escape_intermediate,
  csi_entry,
  csi_param,
  csi_intermediate,
  csi_ignore,
  string,  // SOS, PM, APC: ignored
  osc,
  dcs_entry,
  dcs_param,
  dcs_ignore,
  dcs_intermediate,
  dcs_passthrough,
};
inline constexpr std::size_t kStates = 14;

enum class Action : std::uint8_t {
  ignore,
  print,
  execute,
  osc_start,
  osc_put,
  osc_end,
  csi_dispatch,
  param,
  collect,
  esc_dispatch,
  clear,
  dcs_hook,
  dcs_put,
  dcs_unhook,
};

// What all code points from here on are to the table.
inline constexpr std::uint32_t kNonAscii = 0xA0;

struct Transition {
  Action action;
  State next;
};
using TransitionTable = std::array<std::array<Transition, kNonAscii + 1>, kStates>;
extern const TransitionTable kTransitions;

}  // namespace corral::session::screen
