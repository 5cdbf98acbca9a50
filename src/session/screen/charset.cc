#include "session/screen/charset.h"

#include <array>
#include <string_view>

namespace corral::session::screen {

namespace {

struct Set {
  std::string_view designators;
  std::array<char16_t, 128> characters;
};

struct Entry {
  char ascii;
  char16_t character;
};

template <std::size_t N>
constexpr Set make(std::string_view designators, const Entry (&entries)[N]) {
  Set set{designators, {}};
  for (const auto& entry : entries)
    set.characters[static_cast<unsigned char>(entry.ascii)] = entry.character;
  return set;
}

constexpr Set kSets[] = {
    make("0",
         {{'`', 0x25C6}, {'a', 0x2592}, {'b', 0x2409}, {'c', 0x240C}, {'d', 0x240D}, {'e', 0x240A},
          {'f', 0x00B0}, {'g', 0x00B1}, {'h', 0x2424}, {'i', 0x240B}, {'j', 0x2518}, {'k', 0x2510},
          {'l', 0x250C}, {'m', 0x2514}, {'n', 0x253C}, {'o', 0x23BA}, {'p', 0x23BB}, {'q', 0x2500},
          {'r', 0x23BC}, {'s', 0x23BD}, {'t', 0x251C}, {'u', 0x2524}, {'v', 0x2534}, {'w', 0x252C},
          {'x', 0x2502}, {'y', 0x2264}, {'z', 0x2265}, {'{', 0x03C0}, {'|', 0x2260}, {'}', 0x00A3},
          {'~', 0x00B7}}),
    make("A", {{'#', 0x00A3}}),
    make("4", {{'#', 0x00A3},
               {'@', 0x00BE},
               {'[', 0x0069},
               {'\\', 0x00BD},
               {']', 0x007C},
               {'{', 0x00A8},
               {'|', 0x0066},
               {'}', 0x00BC},
               {'~', 0x00B4}}),
    make("C5", {{'[', 0x00C4},
                {'\\', 0x00D6},
                {']', 0x00C5},
                {'^', 0x00DC},
                {'`', 0x00E9},
                {'{', 0x00E4},
                {'|', 0x00F6},
                {'}', 0x00E5},
                {'~', 0x00FC}}),
    make("R", {{'#', 0x00A3},
               {'@', 0x00E0},
               {'[', 0x00B0},
               {'\\', 0x00E7},
               {']', 0x00A7},
               {'{', 0x00E9},
               {'|', 0x00F9},
               {'}', 0x00E8},
               {'~', 0x00A8}}),
    make("Q", {{'@', 0x00E0},
               {'[', 0x00E2},
               {'\\', 0x00E7},
               {']', 0x00EA},
               {'^', 0x00EE},
               {'`', 0x00F4},
               {'{', 0x00E9},
               {'|', 0x00F9},
               {'}', 0x00E8},
               {'~', 0x00FB}}),
    make("K", {{'@', 0x00A7},
               {'[', 0x00C4},
               {'\\', 0x00D6},
               {']', 0x00DC},
               {'{', 0x00E4},
               {'|', 0x00F6},
               {'}', 0x00FC},
               {'~', 0x00DF}}),
    make("Y", {{'#', 0x00A3},
               {'@', 0x00A7},
               {'[', 0x00B0},
               {'\\', 0x00E7},
               {']', 0x00E9},
               {'`', 0x00F9},
               {'{', 0x00E0},
               {'|', 0x00F2},
               {'}', 0x00E8},
               {'~', 0x00EC}}),
    make("E6", {{'@', 0x00C4},
                {'[', 0x00C6},
                {'\\', 0x00D8},
                {']', 0x00C5},
                {'^', 0x00DC},
                {'`', 0x00E4},
                {'{', 0x00E6},
                {'|', 0x00F8},
                {'}', 0x00E5},
                {'~', 0x00FC}}),
    make("Z", {{'#', 0x00A3},
               {'@', 0x00A7},
               {'[', 0x00A1},
               {'\\', 0x00D1},
               {']', 0x00BF},
               {'{', 0x00B0},
               {'|', 0x00F1},
               {'}', 0x00E7}}),
    make("H7", {{'@', 0x00C9},
                {'[', 0x00C4},
                {'\\', 0x00D6},
                {']', 0x00C5},
                {'^', 0x00DC},
                {'`', 0x00E9},
                {'{', 0x00E4},
                {'|', 0x00F6},
                {'}', 0x00E5},
                {'~', 0x00FC}}),
    make("=", {{'#', 0x00F9},
               {'@', 0x00E0},
               {'[', 0x00E9},
               {'\\', 0x00E7},
               {']', 0x00EA},
               {'^', 0x00EE},
               {'_', 0x00E8},
               {'`', 0x00F4},
               {'{', 0x00E4},
               {'|', 0x00F6},
               {'}', 0x00FC},
               {'~', 0x00FB}}),
};

}  // namespace

const char16_t* charset(char designator) {
  for (const auto& set : kSets)
    if (set.designators.find(designator) != std::string_view::npos) return set.characters.data();
  return nullptr;
}

char charset_designator(const char16_t* set) {
  for (const auto& each : kSets)
    if (each.characters.data() == set) return each.designators[0];
  return 'B';
}

bool is_charset(char designator) { return designator == 'B' || charset(designator) != nullptr; }

}  // namespace corral::session::screen
