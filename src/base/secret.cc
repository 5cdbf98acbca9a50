#include "base/secret.h"

#include <cstring>

namespace corral {

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    wipe();
    // A short string is copied, not moved, by std::string: wipe what stays behind.
    value_ = other.value_;
    other.wipe();
  }
  return *this;
}

void Secret::wipe() noexcept {
  explicit_bzero(value_.data(), value_.size());
  value_.clear();
}

bool Secret::equals(std::string_view other) const {
  unsigned char difference = value_.size() == other.size() ? 0 : 1;
  for (std::size_t i = 0; i < value_.size(); ++i)
    difference =
        static_cast<unsigned char>(difference | (value_[i] ^ (i < other.size() ? other[i] : 0)));
  return difference == 0;
}

}  // namespace corral
