// Structured logging: an event name and typed fields, one JSON object a line on stderr (readable
// text on a terminal). Thread-safe. Error level means that a person must act. Never pass a secret:
// base/secret.h does not print.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace corral::log {

enum class Level { debug, info, warning, error, off };

struct Field {
  std::string_view name;
  std::variant<std::int64_t, double, bool, std::string> value;

  Field(std::string_view n, std::string_view v) : name(n), value(std::string(v)) {}
  Field(std::string_view n, const std::string& v) : name(n), value(v) {}
  Field(std::string_view n, const char* v) : name(n), value(std::string(v)) {}
  Field(std::string_view n, bool v) : name(n), value(v) {}
  Field(std::string_view n, double v) : name(n), value(v) {}
  template <std::integral T>
  Field(std::string_view n, T v) : name(n), value(static_cast<std::int64_t>(v)) {}
};

using Fields = std::initializer_list<Field>;

void debug(std::string_view event, Fields fields = {});
void info(std::string_view event, Fields fields = {});
void warning(std::string_view event, Fields fields = {});
void error(std::string_view event, Fields fields = {});

void set_level(Level level);  // default: info
Level level();
// "debug" | "info" | "warning" | "error" | "off"; false when it is none of them.
bool set_level(std::string_view name);

enum class Format { automatic, json, text };
void set_format(Format format);  // automatic: text when stderr is a terminal

// Tests: how many error lines were written since the last call.
std::int64_t take_error_count();

}  // namespace corral::log
