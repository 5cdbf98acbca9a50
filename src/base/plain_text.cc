#include "base/plain_text.h"

#include <utility>

namespace corral {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

int utf8_length(unsigned char first) {
  if (first >= 0xC2 && first <= 0xDF) return 2;
  if (first >= 0xE0 && first <= 0xEF) return 3;
  if (first >= 0xF0 && first <= 0xF4) return 4;
  return 0;
}

char32_t decode(std::string_view encoded) {
  const auto at = [&](std::size_t i) {
    return static_cast<char32_t>(static_cast<unsigned char>(encoded[i]));
  };
  if (encoded.size() == 2) return (at(0) & 0x1F) << 6 | (at(1) & 0x3F);
  if (encoded.size() == 3) return (at(0) & 0x0F) << 12 | (at(1) & 0x3F) << 6 | (at(2) & 0x3F);
  return (at(0) & 0x07) << 18 | (at(1) & 0x3F) << 12 | (at(2) & 0x3F) << 6 | (at(3) & 0x3F);
}

bool well_formed(char32_t code, std::size_t length) {
  if (length == 3) return code >= 0x800 && (code < 0xD800 || code > 0xDFFF);
  if (length == 4) return code >= 0x10000 && code <= 0x10FFFF;
  return true;
}

// Marks that change the direction of what is displayed: they make text read other than it is.
bool reorders(char32_t code) {
  return (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069) ||
         code == 0x200E || code == 0x200F || code == 0x061C;
}

std::string_view moved(char final) {
  if (std::string_view("ABEFHdf").contains(final)) return "\n";
  return std::string_view("CG`").contains(final) ? " " : "";
}

}  // namespace

std::string PlainText::feed(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  for (const char c : bytes) byte(out, static_cast<unsigned char>(c));
  return out;
}

std::string PlainText::finish() {
  std::string out;
  incomplete(out);
  return out;
}

void PlainText::incomplete(std::string& out) {
  if (partial_.empty()) return;
  if (state_ == State::text) out += kReplacement;
  partial_.clear();
}

void PlainText::byte(std::string& out, unsigned char value) {
  if (!partial_.empty()) {
    if ((value & 0xC0) == 0x80) {
      partial_ += static_cast<char>(value);
      if (static_cast<int>(partial_.size()) < expected_) return;
      const std::string whole = std::exchange(partial_, {});
      const char32_t code = decode(whole);
      if (well_formed(code, whole.size()))
        character(out, code, whole);
      else if (state_ == State::text)
        out += kReplacement;
      return;
    }
    incomplete(out);
  }
  if (value < 0x80) {
    const char c = static_cast<char>(value);
    return character(out, value, {&c, 1});
  }
  expected_ = utf8_length(value);
  if (expected_ > 0)
    partial_ = std::string(1, static_cast<char>(value));
  else if (state_ == State::text)
    out += kReplacement;
}

void PlainText::character(std::string& out, char32_t code, std::string_view encoded) {
  if (code == 0x1B) {
    state_ = state_ == State::string ? State::string_escape : State::escape;
    return;
  }
  // A line end ends any sequence: one that is never closed must not swallow the rest.
  if (code == '\n' || code == '\r') state_ = State::text;
  switch (state_) {
    case State::escape:
    case State::string_escape:
      if (code == '[')
        state_ = State::csi;
      else if (code == ']' || code == 'P' || code == 'X' || code == '^' || code == '_')
        state_ = State::string;
      else
        state_ = code >= 0x20 && code <= 0x2F ? State::intermediate : State::text;
      return;
    case State::intermediate:
      if (code < 0x20 || code > 0x2F) state_ = State::text;
      return;
    case State::csi:
      if (code < 0x40 || code > 0x7E) return;
      state_ = State::text;
      // CUU, CUD, CNL, CPL, CUP, VPA, HVP; CUF, CHA, HPA.
      if (moves_ == Moves::part) out += moved(static_cast<char>(code));
      return;
    case State::string:
      if (code == 0x07 || code == 0x9C) state_ = State::text;
      return;
    case State::text: break;
  }
  const bool second_of_crlf = code == '\n' && after_return_;
  after_return_ = code == '\r';
  if (code == '\r')
    out += '\n';
  else if (code == '\n' && second_of_crlf)
    return;
  else if (code == '\n' || code == '\t')
    out += encoded;
  else if (code == 0x9B)
    state_ = State::csi;
  else if (code == 0x90 || code == 0x9D || code == 0x98 || code == 0x9E || code == 0x9F)
    state_ = State::string;
  else if (code >= 0x20 && code != 0x7F && !(code >= 0x80 && code < 0xA0) && !reorders(code))
    out += encoded;
}

std::string plain_text(std::string_view text) {
  PlainText filter;
  std::string out = filter.feed(text);
  return out + filter.finish();
}

std::string shorten(std::string_view text, std::size_t max_bytes) {
  if (text.size() <= max_bytes) return std::string(text);
  std::size_t end = max_bytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "…";
}

}  // namespace corral
