#include "session/screen/params.h"

namespace corral::session::screen {

std::string Params::text() const {
  std::string text;
  for (std::size_t index = 0; index < length_; ++index) {
    if (index > 0) text += ';';
    if (values_[index] != 0) text += std::to_string(values_[index]);
    for (const auto sub : subs(index)) {
      text += ':';
      if (sub >= 0) text += std::to_string(sub);
    }
  }
  // What makes further digits be ignored.
  if (reject_) text += ';';
  if (in_sub_ && reject_sub_) text += ':';
  return text;
}

}  // namespace corral::session::screen
