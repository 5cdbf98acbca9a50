#include "adapters/llm/stable_text.h"

#include <array>
#include <cstddef>

namespace corral::adapters::llm {
namespace {

bool digit(char c) { return c >= '0' && c <= '9'; }
bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool hex(char c) { return digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool word(char c) { return digit(c) || letter(c) || c == '_'; }

// Length of the match of `pattern` at the start of `text`, else 0: 'd' is a digit, 'h' a hex digit,
// others themselves.
std::size_t match(std::string_view text, std::string_view pattern) {
  if (text.size() < pattern.size()) return 0;
  for (std::size_t i = 0; i < pattern.size(); ++i)
    if (pattern[i] == 'd'   ? !digit(text[i])
        : pattern[i] == 'h' ? !hex(text[i])
                            : text[i] != pattern[i])
      return 0;
  return pattern.size();
}

std::size_t run_of(std::string_view text, bool (*in)(char)) {
  std::size_t n = 0;
  while (n < text.size() && in(text[n])) ++n;
  return n;
}

bool ends_word(std::string_view text, std::size_t at) {
  return at >= text.size() || !word(text[at]);
}

std::size_t uuid(std::string_view text) {
  const auto n = match(text, "hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh");
  return n > 0 && ends_word(text, n) ? n : 0;
}

// "12:34:56", with fraction and zone.
std::size_t clock_time(std::string_view text) {
  std::size_t n = match(text, "dd:dd:dd");
  if (n == 0) return 0;
  if (n < text.size() && (text[n] == '.' || text[n] == ',')) {
    if (const auto fraction = run_of(text.substr(n + 1), digit); fraction > 0) n += 1 + fraction;
  }
  if (n < text.size() && text[n] == 'Z')
    ++n;
  else if (n < text.size() && (text[n] == '+' || text[n] == '-'))
    if (const auto zone = match(text.substr(n + 1), "dd:dd"); zone > 0) n += 1 + zone;
  return n;
}

std::size_t date(std::string_view text) {
  std::size_t n = match(text, "dddd-dd-dd");
  if (n == 0) return 0;
  if (n + 1 < text.size() && (text[n] == 'T' || text[n] == ' '))
    if (const auto time = clock_time(text.substr(n + 1)); time > 0) n += 1 + time;
  return ends_word(text, n) ? n : 0;
}

// "0.003s", "12 ms", "3 seconds".
std::size_t duration(std::string_view text) {
  std::size_t n = run_of(text, digit);
  if (n == 0) return 0;
  if (n < text.size() && text[n] == '.')
    if (const auto fraction = run_of(text.substr(n + 1), digit); fraction > 0) n += 1 + fraction;
  if (n < text.size() && text[n] == ' ') ++n;
  constexpr std::array<std::string_view, 12> kUnits = {"ms",     "us",      "ns",     "s",
                                                       "sec",    "secs",    "second", "seconds",
                                                       "minute", "minutes", "min",    "millis"};
  const auto unit = text.substr(n, run_of(text.substr(n), letter));
  for (const auto known : kUnits)
    if (unit == known && ends_word(text, n + unit.size())) return n + unit.size();
  return 0;
}

// A hash, an address, a long number: seven hex digits or more, one of them a decimal digit.
std::size_t hash(std::string_view text) {
  const std::size_t prefix = text.starts_with("0x") ? 2 : 0;
  const auto n = run_of(text.substr(prefix), hex);
  bool decimal = false;
  for (const char c : text.substr(prefix, n)) decimal = decimal || digit(c);
  return n >= (prefix > 0 ? 4 : 7) && decimal && ends_word(text, prefix + n) ? prefix + n : 0;
}

std::size_t prefixed(std::string_view text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return 0;
  const auto n = run_of(text.substr(prefix.size()), [](char c) { return word(c) || c == '-'; });
  return n >= 8 ? prefix.size() + n : 0;
}

struct Rule {
  std::size_t (*length)(std::string_view);
  std::string_view replacement;
};

constexpr std::array kRules = {
    Rule{uuid, "<uuid>"},
    Rule{date, "<time>"},
    Rule{[](std::string_view t) {
           const auto n = clock_time(t);
           return ends_word(t, n) ? n : 0;
         },
         "<time>"},
    Rule{duration, "<duration>"},
    Rule{[](std::string_view t) { return prefixed(t, "sk-"); }, "<credential>"},
    Rule{[](std::string_view t) { return prefixed(t, "toolu_"); }, "<id>"},
    Rule{[](std::string_view t) { return prefixed(t, "msg_"); }, "<id>"},
    Rule{[](std::string_view t) { return prefixed(t, "req_"); }, "<id>"},
    Rule{hash, "<hash>"},
};

bool only_marks(std::string_view line) {
  return line.find_first_not_of(" ^~") == std::string_view::npos &&
         line.find_first_of("^~") != std::string_view::npos;
}

std::string without_reminders(std::string_view text) {
  constexpr std::string_view kOpen = "<system-reminder>", kClose = "</system-reminder>";
  std::string out;
  for (;;) {
    const auto open = text.find(kOpen);
    const auto close = open == std::string_view::npos ? open : text.find(kClose, open);
    out += text.substr(0, close == std::string_view::npos ? close : open);
    if (close == std::string_view::npos) return out;
    text.remove_prefix(close + kClose.size());
  }
}

std::string with_fixed_words(std::string_view text, std::string_view cwd) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const auto rest = text.substr(at);
    if (!cwd.empty() && rest.starts_with(cwd) &&
        (rest.size() == cwd.size() || !word(rest[cwd.size()]))) {
      out += "/workspace";
      at += cwd.size();
      continue;
    }
    const bool word_starts = word(text[at]) && (at == 0 || !word(text[at - 1]));
    std::size_t length = 0;
    if (rest.starts_with("/tmp/") && (at == 0 || !word(text[at - 1]))) {
      length = 5 + run_of(rest.substr(5), [](char c) { return word(c) || c == '-' || c == '.'; });
      out += "/tmp/<file>";
    } else if (word_starts) {
      for (const auto& rule : kRules)
        if ((length = rule.length(rest)) > 0) {
          out += rule.replacement;
          break;
        }
      if (length == 0) {
        length = run_of(rest, word);
        out += rest.substr(0, length);
      }
    }
    if (length == 0) {
      out += text[at];
      length = 1;
    }
    at += length;
  }
  return out;
}

}  // namespace

std::string stable_text(std::string_view text, std::string_view cwd) {
  const std::string plain = with_fixed_words(without_reminders(text), cwd);
  std::string out;
  std::string_view rest = plain;
  while (!rest.empty()) {
    const auto end = rest.find('\n');
    auto line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (only_marks(line)) continue;
    line = line.substr(0, line.find_last_not_of(" \t\r") + 1);
    out += line;
    out += '\n';
  }
  const auto first = out.find_first_not_of('\n');
  if (first == std::string::npos) return "";
  return out.substr(first, out.find_last_not_of('\n') - first + 1);
}

}  // namespace corral::adapters::llm
