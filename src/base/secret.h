// A secret value: it does not print, is not copied by accident, and is wiped when freed.
#pragma once

#include <string>
#include <string_view>

namespace corral {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}
  Secret(Secret&& other) noexcept { *this = std::move(other); }
  Secret& operator=(Secret&& other) noexcept;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() { wipe(); }

  // The one way to read it; keep what it returns out of logs, events and errors.
  std::string_view expose() const { return value_; }
  bool empty() const { return value_.empty(); }
  Secret clone() const { return Secret(value_); }
  // In constant time.
  bool equals(std::string_view other) const;

 private:
  void wipe() noexcept;
  std::string value_;
};

}  // namespace corral
