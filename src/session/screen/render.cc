#include "session/screen/render.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/json.h"
#include "session/screen/painter.h"

namespace corral::session::screen {

namespace {

// The text of the cells as a viewer is shown them; a blank's is a space, a wide character's right
// half has none.
void append_shown(std::string& into, const Terminal& terminal, const std::vector<Cell>& cells,
                  std::uint32_t column) {
  const auto cell = cells[column];
  if (cell.has_content())
    into += terminal.pools.text(cell);
  else if (cell.width() > 0)
    into += ' ';
}

json::value color(std::uint32_t value) {
  if ((value & kColorMode) == kColorRgb)
    return json::string(fmt::format("#{:06x}", value & kRgbMask));
  return value & 0xFF;
}

void add_attributes(json::object& span, const Terminal& terminal, const Attributes& a) {
  if ((a.foreground & kColorMode) != 0) span["foreground"] = color(a.foreground);
  if ((a.background & kColorMode) != 0) span["background"] = color(a.background);
  const auto flag = [&](bool set, std::string_view name) {
    if (set) span[name] = true;
  };
  flag((a.foreground & kBold) != 0, "bold");
  flag((a.background & kDim) != 0, "dim");
  flag((a.background & kItalic) != 0, "italic");
  flag((a.foreground & kBlink) != 0, "blink");
  flag((a.foreground & kInverse) != 0, "inverse");
  flag((a.foreground & kInvisible) != 0, "invisible");
  flag((a.foreground & kStrikethrough) != 0, "strikethrough");
  flag((a.background & kOverline) != 0, "overline");
  if ((a.background & kHasExtended) == 0) return;
  constexpr std::string_view kStyles[] = {"", "single", "double", "curly", "dotted", "dashed"};
  const auto style = a.link != 0 ? 5 : std::min(a.extended >> kStyleShift & 7, 5u);
  if ((a.foreground & kUnderline) != 0 && style != 0) {
    span["underline"] = kStyles[style];
    if ((a.extended & kColorMode) != 0) span["underline_color"] = color(a.extended);
  }
  const std::string_view link = terminal.pools.links[a.link];
  if (!link.empty()) span["link"] = link.substr(link.find('\n') + 1);
}

json::object line(const Terminal& terminal, const Row& row) {
  json::array spans;
  std::string text;
  std::uint32_t width = 0;
  // Blanks at the end that only the background of the window shows in are left out.
  const auto cells = showable(terminal, row);
  auto end = terminal.columns;
  while (end > 0 && cells[end - 1] == Cell{kNull, 0}) --end;
  for (std::uint32_t column = 0; column < end; ++column) {
    const auto cell = cells[column];
    append_shown(text, terminal, cells, column);
    ++width;
    if (column + 1 < end && cells[column + 1].attributes == cell.attributes) continue;
    json::object span{{"text", text}, {"columns", width}};
    add_attributes(span, terminal, terminal.pools.attributes[cell.attributes]);
    spans.push_back(std::move(span));
    text.clear();
    width = 0;
  }
  return {{"wrapped", row.wrapped}, {"spans", std::move(spans)}};
}

}  // namespace

std::string text(const Terminal& terminal) {
  std::string text;
  for (std::uint32_t y = 0; y < terminal.rows; ++y) {
    const auto& row = terminal.active().row(y);
    const auto begin = text.size();
    const auto cells = showable(terminal, row);
    for (std::uint32_t column = 0; column < std::min(row.size(), terminal.columns); ++column)
      append_shown(text, terminal, cells, column);
    const auto last = text.find_last_not_of(' ');
    text.resize(std::max(begin, last == std::string::npos ? 0 : last + 1));
    text += '\n';
  }
  return text;
}

std::string json_text(const Terminal& terminal) {
  constexpr std::string_view kCursors[] = {"block", "block", "underline", "bar"};
  constexpr std::string_view kMice[] = {"none", "press", "press_and_release", "drag", "motion"};
  const auto& buffer = terminal.active();
  json::array lines;
  for (std::uint32_t y = 0; y < terminal.rows; ++y) lines.push_back(line(terminal, buffer.row(y)));
  const json::object screen{
      {"columns", terminal.columns},
      {"rows", terminal.rows},
      {"title", terminal.title},
      {"cursor",
       {{"column", std::min(buffer.x, terminal.columns - 1)},
        {"row", buffer.y},
        {"visible", !terminal.cursor_hidden},
        {"style", kCursors[static_cast<std::size_t>(terminal.modes.cursor_style)]}}},
      {"alternate_screen", terminal.alternate_active},
      {"application_cursor", terminal.modes.application_cursor},
      {"bracketed_paste", terminal.modes.bracketed_paste},
      {"mouse", kMice[static_cast<std::size_t>(terminal.mouse)]},
      {"scrollback_lines", terminal.normal.base},
      {"lines", std::move(lines)}};
  return json::serialize(screen);
}

}  // namespace corral::session::screen
