#pragma once

#include <string_view>

namespace corral {

inline constexpr std::string_view kVersion = CORRAL_VERSION;

}  // namespace corral
