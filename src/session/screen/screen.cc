#include "session/screen/screen.h"

#include <algorithm>
#include <utility>

#include "session/screen/checkpoint.h"
#include "session/screen/render.h"
#include "session/screen/snapshot.h"
#include "session/screen/terminal.h"

namespace corral::session {

Screen::Screen(std::uint32_t columns, std::uint32_t rows, ScreenLimits limits)
    : terminal_(std::make_unique<screen::Terminal>(
          columns, rows, std::min(limits.scrollback_lines, screen::kMaxScrollback),
          std::min<std::size_t>(limits.scrollback_bytes, 0xFFFFFFFF))) {}

Screen::Screen(std::unique_ptr<screen::Terminal> terminal) : terminal_(std::move(terminal)) {}
Screen::~Screen() = default;
Screen::Screen(Screen&&) noexcept = default;
Screen& Screen::operator=(Screen&&) noexcept = default;

void Screen::feed(std::string_view bytes) { terminal_->feed(bytes); }
std::string Screen::take_replies() { return std::exchange(terminal_->replies, {}); }
void Screen::resize(std::uint32_t columns, std::uint32_t rows) { terminal_->resize(columns, rows); }

std::string Screen::snapshot(std::size_t scrollback_lines) const {
  return screen::snapshot(*terminal_, scrollback_lines);
}
std::string Screen::text() const { return screen::text(*terminal_); }
std::string Screen::json() const { return screen::json_text(*terminal_); }
std::string Screen::save() const { return screen::save(*terminal_); }

Result<Screen> Screen::restore(std::string_view saved) {
  CORRAL_TRY(auto terminal, screen::restore(saved));
  return Screen(std::move(terminal));
}

std::uint32_t Screen::columns() const { return terminal_->columns; }
std::uint32_t Screen::rows() const { return terminal_->rows; }
std::string_view Screen::title() const { return terminal_->title; }
Screen::Cursor Screen::cursor() const {
  const auto& buffer = terminal_->active();
  return {buffer.x, buffer.y, !terminal_->cursor_hidden};
}
bool Screen::alternate_screen() const { return terminal_->alternate_active; }
bool Screen::bracketed_paste() const { return terminal_->modes.bracketed_paste; }
bool Screen::application_cursor() const { return terminal_->modes.application_cursor; }
bool Screen::focus_reports() const { return terminal_->modes.send_focus; }
MouseReports Screen::mouse_reports() const { return static_cast<MouseReports>(terminal_->mouse); }
std::size_t Screen::scrollback_lines() const { return terminal_->normal.base; }
std::size_t Screen::memory_bytes() const { return terminal_->bytes(); }

}  // namespace corral::session
