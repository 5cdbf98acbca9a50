// The numeric parameters of a control sequence, with sub-parameters ("38:2::1:2:3"), bounded as in
// xterm.js (common/parser/Params.ts): 32 of each, each at most 2^31 - 1; more are ignored.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>

namespace corral::session::screen {

class Params {
 public:
  static constexpr std::size_t kMost = 32;

  Params() { reset(); }
  // One parameter, 0: an absent first one.
  void reset() {
    length_ = sub_length_ = 0;
    reject_ = reject_sub_ = in_sub_ = false;
    add();
  }
  void add() {
    in_sub_ = false;
    if (length_ == kMost) {
      reject_ = true;
      return;
    }
    sub_from_[length_] = sub_to_[length_] = static_cast<std::uint8_t>(sub_length_);
    values_[length_++] = 0;
  }
  void add_sub() {
    in_sub_ = true;
    if (reject_ || sub_length_ == kMost) {
      reject_sub_ = true;
      return;
    }
    subs_[sub_length_++] = -1;
    ++sub_to_[length_ - 1];
  }
  void digit(int value) {
    if (reject_ || (in_sub_ && (reject_sub_ || sub_length_ == 0))) return;
    auto& at = in_sub_ ? subs_[sub_length_ - 1] : values_[length_ - 1];
    at = at < 0 ? value
                : static_cast<std::int32_t>(
                      std::min<std::int64_t>(std::int64_t{at} * 10 + value, 0x7FFFFFFF));
  }
  std::size_t size() const { return length_; }
  std::int32_t operator[](std::size_t index) const { return values_[index]; }
  // The parameter, or `otherwise` when it is 0 or absent.
  std::uint32_t count(std::size_t index, std::uint32_t otherwise) const {
    return index < length_ && values_[index] != 0 ? static_cast<std::uint32_t>(values_[index])
                                                  : otherwise;
  }
  std::span<const std::int32_t> subs(std::size_t index) const {
    return {subs_.data() + sub_from_[index], subs_.data() + sub_to_[index]};
  }
  // As they would be sent; parsed again, they are the same.
  std::string text() const;

 private:
  std::array<std::int32_t, kMost> values_{};
  std::array<std::int32_t, kMost> subs_{};
  std::array<std::uint8_t, kMost> sub_from_{};
  std::array<std::uint8_t, kMost> sub_to_{};
  std::size_t length_ = 0;
  std::size_t sub_length_ = 0;
  bool reject_ = false;
  bool reject_sub_ = false;
  bool in_sub_ = false;
};

}  // namespace corral::session::screen
