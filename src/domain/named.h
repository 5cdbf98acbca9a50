// Enumerators by name, for those that a to_string() of this room names.
#pragma once

#include <string_view>

namespace corral::domain {

// Sets `out` to the one of `all` that has this name. False, and unchanged, when none has.
template <class Enums, class Enum>
bool find_named(std::string_view name, const Enums& all, Enum& out) {
  for (const Enum value : all)
    if (to_string(value) == name) {
      out = value;
      return true;
    }
  return false;
}

}  // namespace corral::domain
