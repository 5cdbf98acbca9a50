#include "base/log.h"

#include <atomic>
#include <cstdio>
#include <string>

#include <unistd.h>

#include <fmt/format.h>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "base/clock.h"

namespace corral::log {
namespace {

std::atomic<Level> g_level{Level::info};
std::atomic<Format> g_format{Format::automatic};
std::atomic<std::int64_t> g_errors{0};

constexpr const char* kNames[] = {"debug", "info", "warning", "error", "off"};

std::string json_line(Level level, std::string_view event, Fields fields) {
  boost::json::object line;
  line["time"] = to_rfc3339(SystemClock::instance().now());
  line["level"] = kNames[static_cast<int>(level)];
  line["event"] = event;
  for (const auto& field : fields)
    std::visit([&](const auto& value) { line[field.name] = value; }, field.value);
  return boost::json::serialize(line) + "\n";
}

std::string text_line(Level level, std::string_view event, Fields fields) {
  constexpr const char* kColour[] = {"\033[2m", "", "\033[33m", "\033[31m", ""};
  std::string line = fmt::format("{}{} {:<7} {}", kColour[static_cast<int>(level)],
                                 to_rfc3339(SystemClock::instance().now()).substr(11, 12),
                                 kNames[static_cast<int>(level)], event);
  for (const auto& field : fields)
    std::visit([&](const auto& value) { line += fmt::format("  {}={}", field.name, value); },
               field.value);
  return line + "\033[0m\n";
}

void write(Level level, std::string_view event, Fields fields) {
  if (level == Level::error) ++g_errors;
  if (level < g_level.load(std::memory_order_relaxed)) return;
  const Format format = g_format.load(std::memory_order_relaxed);
  const bool text =
      format == Format::text || (format == Format::automatic && isatty(STDERR_FILENO) == 1);
  const std::string line = text ? text_line(level, event, fields) : json_line(level, event, fields);
  // One write a line keeps lines of several threads apart. A log that cannot be written must not
  // stop the program.
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace

void debug(std::string_view event, Fields fields) { write(Level::debug, event, fields); }
void info(std::string_view event, Fields fields) { write(Level::info, event, fields); }
void warning(std::string_view event, Fields fields) { write(Level::warning, event, fields); }
void error(std::string_view event, Fields fields) { write(Level::error, event, fields); }

void set_level(Level level) { g_level = level; }
Level level() { return g_level; }

bool set_level(std::string_view name) {
  for (int i = 0; i < 5; ++i)
    if (name == kNames[i]) return g_level = static_cast<Level>(i), true;
  return false;
}

void set_format(Format format) { g_format = format; }
std::int64_t take_error_count() { return g_errors.exchange(0); }

}  // namespace corral::log
