#include "session/screen/parser_table.h"

#include <initializer_list>

namespace corral::session::screen {

namespace {

// The states of a control sequence before the byte that says what it is.
struct Sequence {
  State entry, param, intermediate, ignore;
};

struct Builder {
  TransitionTable table{};

  constexpr void range(State state, std::uint32_t from, std::uint32_t to, Action action,
                       State next) {
    for (auto code = from; code <= to; ++code)
      table[static_cast<std::size_t>(state)][code] = {action, next};
  }
  constexpr void one(State state, std::initializer_list<std::uint32_t> codes, Action action,
                     State next) {
    for (const auto code : codes) range(state, code, code, action, next);
  }
  // C0 but for CAN, SUB and ESC.
  constexpr void controls(State state, Action action, State next) {
    range(state, 0x00, 0x17, action, next);
    range(state, 0x19, 0x19, action, next);
    range(state, 0x1c, 0x1f, action, next);
  }
  constexpr void sequence(const Sequence& states, Action dispatch, State next) {
    for (const auto state : {states.entry, states.param}) {
      range(state, 0x20, 0x2f, Action::collect, states.intermediate);
      range(state, 0x30, 0x3b, Action::param, states.param);
      range(state, 0x40, 0x7e, dispatch, next);
    }
    range(states.entry, 0x3c, 0x3f, Action::collect, states.param);
    range(states.param, 0x3c, 0x3f, Action::ignore, states.ignore);
    range(states.intermediate, 0x20, 0x2f, Action::collect, states.intermediate);
    range(states.intermediate, 0x30, 0x3f, Action::ignore, states.ignore);
    range(states.intermediate, 0x40, 0x7e, dispatch, next);
    one(states.ignore, {kNonAscii}, Action::ignore, states.ignore);
  }
};

constexpr TransitionTable build() {
  using enum State;
  using enum Action;
  Builder b;
  for (std::size_t each = 0; each < kStates; ++each) {
    const auto state = static_cast<State>(each);
    b.range(state, 0, kNonAscii, ignore, ground);  // whatever is not named below
    b.one(state, {0x18, 0x1a, 0x99, 0x9a}, execute, ground);
    b.range(state, 0x80, 0x97, execute, ground);
    b.one(state, {0x9c}, ignore, ground);
    b.one(state, {0x1b}, clear, escape);
    b.one(state, {0x9d}, osc_start, osc);
    b.one(state, {0x98, 0x9e, 0x9f}, ignore, string);
    b.one(state, {0x9b}, clear, csi_entry);
    b.one(state, {0x90}, clear, dcs_entry);
  }
  b.range(ground, 0x20, 0x7e, print, ground);
  b.one(ground, {kNonAscii}, print, ground);
  for (const auto state :
       {ground, escape, escape_intermediate, csi_entry, csi_param, csi_intermediate, csi_ignore}) {
    b.controls(state, execute, state);
    if (state != ground) b.one(state, {0x7f}, ignore, state);
  }
  // Escape sequences
  b.range(escape, 0x30, 0x7e, esc_dispatch, ground);
  b.one(escape, {0x5d}, osc_start, osc);
  b.one(escape, {0x58, 0x5e, 0x5f}, ignore, string);
  b.one(escape, {0x5b}, clear, csi_entry);
  b.one(escape, {0x50}, clear, dcs_entry);
  b.range(escape, 0x20, 0x2f, collect, escape_intermediate);
  b.range(escape_intermediate, 0x20, 0x2f, collect, escape_intermediate);
  b.range(escape_intermediate, 0x30, 0x7e, esc_dispatch, ground);
  // OSC
  b.controls(osc, ignore, osc);
  b.range(osc, 0x20, 0x7f, osc_put, osc);
  b.one(osc, {kNonAscii}, osc_put, osc);
  b.one(osc, {0x9c, 0x1b, 0x18, 0x1a, 0x07}, osc_end, ground);
  // SOS, PM, APC
  b.controls(string, ignore, string);
  b.range(string, 0x20, 0x7f, ignore, string);
  // Both CSI and DCS
  b.sequence({csi_entry, csi_param, csi_intermediate, csi_ignore}, csi_dispatch, ground);
  b.sequence({dcs_entry, dcs_param, dcs_intermediate, dcs_ignore}, dcs_hook, dcs_passthrough);
  // CSI
  b.range(csi_ignore, 0x20, 0x3f, ignore, csi_ignore);
  b.range(csi_ignore, 0x40, 0x7e, ignore, ground);
  // DCS
  for (const auto state : {dcs_entry, dcs_param, dcs_intermediate, dcs_ignore}) {
    b.controls(state, ignore, state);
    b.one(state, {0x7f}, ignore, state);
  }
  b.range(dcs_ignore, 0x20, 0x7f, ignore, dcs_ignore);
  b.controls(dcs_passthrough, dcs_put, dcs_passthrough);
  b.range(dcs_passthrough, 0x20, 0x7e, dcs_put, dcs_passthrough);
  b.one(dcs_passthrough, {0x7f}, ignore, dcs_passthrough);
  b.one(dcs_passthrough, {kNonAscii}, dcs_put, dcs_passthrough);
  b.one(dcs_passthrough, {0x1b, 0x9c, 0x18, 0x1a}, dcs_unhook, ground);
  return b.table;
}

}  // namespace

constinit const TransitionTable kTransitions = build();

}  // namespace corral::session::screen
