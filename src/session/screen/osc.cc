// Operating system commands: title, hyperlinks, colours.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "session/screen/terminal.h"

namespace corral::session::screen {

namespace {

// xterm.js's own palette and theme, which apply where the program set nothing.
constexpr std::uint32_t kAnsi[16] = {0x2e3436, 0xcc0000, 0x4e9a06, 0xc4a000, 0x3465a4, 0x75507b,
                                     0x06989a, 0xd3d7cf, 0x555753, 0xef2929, 0x8ae234, 0xfce94f,
                                     0x729fcf, 0xad7fa8, 0x34e2e2, 0xeeeeec};

std::uint32_t default_color(std::uint32_t number) {
  if (number < 16) return kAnsi[number];
  if (number == kBackgroundColor) return 0x000000;
  if (number > 255) return 0xffffff;
  if (number >= 232) return (8 + (number - 232) * 10) * 0x010101;
  const auto level = [](std::uint32_t step) { return step == 0 ? 0 : 55 + step * 40; };
  const auto cube = number - 16;
  return level(cube / 36) << 16 | level(cube / 6 % 6) << 8 | level(cube % 6);
}

std::optional<std::uint32_t> hex(std::string_view digits) {
  std::uint32_t value = 0;
  for (const char c : digits) {
    const auto lower = static_cast<char>(c | 0x20);
    if (c >= '0' && c <= '9')
      value = value << 4 | static_cast<std::uint32_t>(c - '0');
    else if (lower >= 'a' && lower <= 'f')
      value = value << 4 | static_cast<std::uint32_t>(lower - 'a' + 10);
    else
      return std::nullopt;
  }
  return value;
}

// The part of `text` up to `separator`, taken off it with the separator.
std::string_view take_part(std::string_view& text, char separator) {
  const auto at = text.find(separator);
  const auto part = text.substr(0, at);
  text = at == std::string_view::npos ? std::string_view{} : text.substr(at + 1);
  return part;
}

// "rgb:r/g/b" with one to four digits each, or "#rgb" with one to four digits each.
std::optional<std::uint32_t> parse_color(std::string_view text) {
  std::uint32_t color = 0;
  std::string prefix(text.substr(0, 4));
  for (auto& c : prefix) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
  if (prefix == "rgb:") {
    text.remove_prefix(4);
    if (std::count(text.begin(), text.end(), '/') != 2) return std::nullopt;
    const auto size = text.find('/');
    if (size < 1 || size > 4) return std::nullopt;
    const auto most = static_cast<double>((1u << 4 * size) - 1);
    for (int channel = 0; channel < 3; ++channel) {
      const auto part = take_part(text, '/');
      const auto value = hex(part);
      if (part.size() != size || !value) return std::nullopt;
      color = color << 8 | static_cast<std::uint32_t>(std::lround(*value / most * 255));
    }
    return color;
  }
  if (!text.starts_with('#')) return std::nullopt;
  text.remove_prefix(1);
  const auto size = text.size() / 3;
  if (text.size() % 3 != 0 || size < 1 || size > 4) return std::nullopt;
  for (std::size_t channel = 0; channel < 3; ++channel) {
    const auto value = hex(text.substr(channel * size, size));
    if (!value) return std::nullopt;
    color = color << 8 | (size == 1 ? *value << 4 : *value >> 4 * (size - 2));
  }
  return color;
}

std::optional<std::uint32_t> palette_number(std::string_view digits) {
  if (digits.empty()) return std::nullopt;
  std::uint32_t value = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return std::nullopt;
    value = std::min(value * 10 + static_cast<std::uint32_t>(c - '0'), 1000u);
  }
  return value < 256 ? std::optional(value) : std::nullopt;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

}  // namespace

std::uint32_t Terminal::color(std::uint32_t number) const {
  const auto own = colors.find(number);
  return own != colors.end() ? own->second : default_color(number);
}

void Terminal::osc_dispatch() {
  if (string_too_long || osc_state == Osc::aborted) return;
  const std::string_view data = string_payload;
  switch (osc_number) {
    case 0:
    case 2: title = data; break;
    case 4: indexed_colors(data); break;
    case 8: set_hyperlink(data); break;
    case 10:
    case 11:
    case 12: special_colors(data, static_cast<std::uint32_t>(osc_number - 10)); break;
    case 104:
      if (data.empty()) colors.erase(colors.begin(), colors.lower_bound(256));
      for (auto rest = data; !rest.empty();)
        if (const auto number = palette_number(take_part(rest, ';'))) colors.erase(*number);
      break;
    case 110: colors.erase(kForegroundColor); break;
    case 111: colors.erase(kBackgroundColor); break;
    case 112: colors.erase(kCursorColor); break;
    default: break;
  }
}

void Terminal::set_hyperlink(std::string_view data) {
  const auto end = data.find(';');
  if (end == std::string_view::npos) return;
  auto options = trimmed(data.substr(0, end));
  const auto uri = data.substr(end + 1);
  if (uri.empty() && !options.empty()) return;
  pen.link = 0;
  if (!uri.empty() && pools.links.bytes() < kMaxLinkBytes) {
    std::string_view id;
    while (!options.empty() && !id.starts_with("id=")) id = take_part(options, ':');
    id = id.starts_with("id=") ? id.substr(3) : std::string_view{};
    pen.link = pools.links.number(std::string(id) + '\n' + std::string(uri));
  }
  pen.update_extended();
  pen_changed();
}

void Terminal::report_color(std::string_view name, std::uint32_t number) {
  const auto value = color(number);
  const auto red = value >> 16, green = value >> 8 & 0xFF, blue = value & 0xFF;
  reply(fmt::format("\x1b]{};rgb:{:02x}{:02x}/{:02x}{:02x}/{:02x}{:02x}\x1b\\", name, red, red,
                    green, green, blue, blue));
}

void Terminal::indexed_colors(std::string_view data) {
  while (data.find(';') != std::string_view::npos) {
    const auto name = take_part(data, ';');
    const auto value = take_part(data, ';');
    const auto number = palette_number(name);
    if (!number) continue;
    if (value == "?")
      report_color(fmt::format("4;{}", *number), *number);
    else if (const auto parsed = parse_color(value))
      colors[*number] = *parsed;
  }
}

void Terminal::special_colors(std::string_view data, std::uint32_t first) {
  for (auto which = first; which < 3; ++which) {
    const bool more = data.find(';') != std::string_view::npos;
    const auto value = take_part(data, ';');
    if (value == "?")
      report_color(std::to_string(10 + which), kForegroundColor + which);
    else if (const auto parsed = parse_color(value))
      colors[kForegroundColor + which] = *parsed;
    if (!more) return;
  }
}

}  // namespace corral::session::screen
