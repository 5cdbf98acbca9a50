// What cells share by number: attributes, clusters of combining characters, hyperlinks. Numbers are
// given in order of first use; what no cell uses any more is dropped by renumbering (Pools::used).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "session/screen/cell.h"

namespace corral::session::screen {

// Values by number, each once. Number 0 is the default value.
class AttributePool {
 public:
  AttributePool() : items_{Attributes{}}, slots_(64, 0) { place(0); }
  std::uint32_t number(const Attributes& value);
  const Attributes& operator[](std::uint32_t number) const { return items_[number]; }
  std::size_t size() const { return items_.size(); }
  std::size_t bytes() const { return items_.capacity() * sizeof(Attributes) + slots_.size() * 4; }

 private:
  static std::size_t hash(const Attributes& value);
  void place(std::uint32_t number);

  std::vector<Attributes> items_;
  std::vector<std::uint32_t> slots_;  // open addressing: number + 1, or 0; a power of two long
};

class StringPool {
 public:
  StringPool() : items_(1) {}
  std::uint32_t number(std::string_view value);
  const std::string& operator[](std::uint32_t number) const { return items_[number]; }
  std::size_t size() const { return items_.size(); }
  std::size_t bytes() const { return bytes_; }

 private:
  std::vector<std::string> items_;
  std::unordered_map<std::string, std::uint32_t> numbers_;
  std::size_t bytes_ = 0;
};

struct Pools {
  AttributePool attributes;
  StringPool clusters;  // UTF-8, at most kMaxClusterBytes
  StringPool links;     // "id\nURI"; id may be empty, neither contains control characters

  // The text of a cell, as UTF-8; empty for one that shows nothing.
  std::string text(Cell cell) const;
};

// More combining characters than this on one cell are left out.
inline constexpr std::size_t kMaxClusterBytes = 128;

void append_utf8(std::string& into, std::uint32_t code_point);
// The code point at `at` of well-formed UTF-8, and past it.
std::uint32_t take_utf8(std::string_view text, std::size_t& at);

// Carries cells over into fresh pools, one by one: `to` has only what they use.
class Renumbering {
 public:
  Renumbering(const Pools& from, Pools& to) : from_(from), to_(to) {}
  Cell operator()(Cell cell);
  std::uint32_t attributes(std::uint32_t number);
  std::uint32_t link(std::uint32_t number);

 private:
  const Pools& from_;
  Pools& to_;
  std::vector<std::uint32_t> known_;  // attributes' numbers + 1
};

}  // namespace corral::session::screen
