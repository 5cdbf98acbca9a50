// A terminal as xterm.js is one: takes what a program prints, keeps the screen that results. Every
// function is that of xterm.js 6.0 (common/InputHandler.ts) with the same name in its style, so
// that both make the same of the same bytes; where they differ on purpose, the README says so.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "session/screen/buffer.h"
#include "session/screen/cell.h"
#include "session/screen/params.h"
#include "session/screen/parser_table.h"
#include "session/screen/pools.h"

namespace corral::session::screen {

inline constexpr std::uint32_t kMaxColumns = 2'000;
inline constexpr std::uint32_t kMaxRows = 1'000;
inline constexpr std::uint32_t kMaxScrollback = 100'000;
// Longer titles, links and the like are ignored (xterm.js: 10 MB).
inline constexpr std::size_t kMaxStringBytes = 64 * 1024;
// What cells share is bounded: beyond this, characters do not combine and links are no links.
inline constexpr std::size_t kMaxClusters = 1u << 17;
inline constexpr std::size_t kMaxLinkBytes = 8u << 20;
// Replies that nobody took are not kept beyond this.
inline constexpr std::size_t kMaxReplyBytes = 64 * 1024;

enum class Mouse : std::uint8_t { none, x10, vt200, drag, any };
enum class MouseEncoding : std::uint8_t { standard, sgr, sgr_pixels };
enum class Style : std::uint8_t { unset, block, underline, bar };

// What RIS and DECSTR reset.
struct Modes {
  bool insert = false;
  bool application_cursor = false;
  bool application_keypad = false;
  bool bracketed_paste = false;
  bool origin = false;
  bool reverse_wrap = false;
  bool send_focus = false;
  bool synchronized = false;
  bool wrap = true;
  Style cursor_style = Style::unset;
  std::optional<bool> cursor_blink;

  bool operator==(const Modes&) const = default;
};

// Colours by number: 0-255 the palette, then these. As 0xRRGGBB.
inline constexpr std::uint32_t kForegroundColor = 256;
inline constexpr std::uint32_t kBackgroundColor = 257;
inline constexpr std::uint32_t kCursorColor = 258;

class Terminal {
 public:
  Terminal(std::uint32_t columns, std::uint32_t rows, std::uint32_t scrollback,
           std::size_t scrollback_bytes);
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  void feed(std::string_view bytes);
  void resize(std::uint32_t new_columns, std::uint32_t new_rows);
  Buffer& active() { return alternate_active ? alternate : normal; }
  const Buffer& active() const { return alternate_active ? alternate : normal; }
  // The bytes of the sequence or character that has begun and not ended; fed to a terminal, they
  // bring its parser to where this one is.
  std::string unfinished() const;
  std::size_t bytes() const;

  // The whole state; checkpoint.cc reads and writes it.
  std::uint32_t columns;
  std::uint32_t rows;
  Buffer normal;
  Buffer alternate;
  bool alternate_active = false;
  Pools pools;
  Attributes pen;
  Modes modes;
  Mouse mouse = Mouse::none;
  MouseEncoding mouse_encoding = MouseEncoding::standard;
  bool cursor_hidden = false;  // this and the next two outlive RIS
  bool convert_eol = false;
  std::optional<bool> blink_option;
  CharsetMap charset = nullptr;  // in use: that of `level`, or what DECRC restored
  CharsetMap charsets[4] = {};
  std::uint32_t level = 0;
  std::string title;
  std::map<std::uint32_t, std::uint32_t> colors;  // set by OSC 4, 10, 11, 12
  std::string replies;
  // What the last character was if nothing else came since (width << 1 | combining), else 0: what a
  // combining character joins, and what REP repeats.
  std::uint32_t join = 0;

  // Parser
  State state = State::ground;
  Params params;
  std::uint32_t collected = 0;  // prefix and intermediates, a byte each; kTooMany when too many
  static constexpr std::uint32_t kTooMany = 0xFFFFFF;
  enum class Osc : std::uint8_t { number, payload, aborted };
  Osc osc_state = Osc::number;
  std::int32_t osc_number = -1;
  std::string string_payload;  // of OSC and DCS
  bool string_too_long = false;
  std::uint32_t dcs_function = 0;
  unsigned char utf8[4] = {};  // a character that has begun
  std::uint32_t utf8_size = 0;

 private:
  // parse.cc
  void feed_piece(std::string_view bytes);
  void step(std::uint32_t code);
  const char* feed_character(const char* at, const char* end);
  void start_string();
  void put_string(std::uint32_t code);
  // print.cc
  void print_ascii(const char* text, std::size_t size);
  void print(std::uint32_t code);
  void clear_right_half();
  void wrap_line();
  std::uint32_t pen_number();
  std::uint32_t erase_number();
  void compact_when_due();
  void compact();
  // control.cc
  void execute(std::uint32_t code);
  void escape_dispatch(std::uint32_t final);
  void line_feed();
  void backspace();
  void index();
  void reverse_index();
  void select_level(std::uint32_t new_level);
  void designate(std::uint32_t slot, CharsetMap set);
  void save_cursor();
  void restore_cursor();
  void alignment_pattern();
  void full_reset();
  void soft_reset();
  // csi.cc
  void csi_dispatch(std::uint32_t final);
  void restrict_cursor(std::uint32_t last_column);
  void restrict_cursor() { restrict_cursor(columns - 1); }
  void set_cursor(std::int64_t x, std::int64_t y);
  void move_cursor(std::int64_t x, std::int64_t y);
  void cursor_up();
  void cursor_down();
  enum class Protection { ignored, respected };
  void reset_row(std::uint32_t y, Protection protection);
  void erase_in_row(std::uint32_t y, std::uint32_t from, std::uint32_t to, bool clear_wrapped,
                    Protection protection);
  void erase_in_display(Protection protection);
  void erase_in_line(Protection protection);
  void insert_lines();
  void delete_lines();
  void scroll_up();
  void scroll_down();
  void shift_columns(bool insert, bool at_cursor);
  void repeat_character();
  void set_scroll_region();
  void set_cursor_style();
  // modes.cc
  void set_modes(bool on);
  void set_private_modes(bool on);
  void activate_alternate();
  void activate_normal();
  void device_status(bool private_form);
  void request_mode(bool private_form);
  void request_status_string();
  void reply(std::string_view text);
  // sgr.cc
  void character_attributes();
  std::size_t extract_color(std::size_t at);
  // osc.cc
  void osc_dispatch();
  void set_hyperlink(std::string_view data);
  void indexed_colors(std::string_view data);
  void special_colors(std::string_view data, std::uint32_t first);
  void report_color(std::string_view name, std::uint32_t color);

  static constexpr std::uint32_t kUnknown = ~0u;
  std::uint32_t pen_number_ = 0;    // of `pen` as kept by cells; kUnknown after a change
  std::uint32_t erase_number_ = 0;  // of `pen` as erasing uses it
  std::size_t compact_at_ = 0;

  void pen_changed() { pen_number_ = erase_number_ = kUnknown; }

 public:
  void state_replaced();  // after a checkpoint was read
  std::uint32_t color(std::uint32_t number) const;
};

}  // namespace corral::session::screen
