// Cuts a stream of bytes into lines, with bounded memory.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace corral::adapters::agent {

class LineSplitter {
 public:
  explicit LineSplitter(std::size_t max_line_bytes) : max_(max_line_bytes) {}

  // Calls on_line(std::string_view) for every line that these bytes complete, without its end ("\n"
  // or "\r\n"), and on_overlong() once for each line that is longer than allowed; such a line is
  // skipped.
  template <class OnLine, class OnOverlong>
  void feed(std::string_view bytes, OnLine on_line, OnOverlong on_overlong) {
    while (!bytes.empty()) {
      const std::size_t end = bytes.find('\n');
      append(bytes.substr(0, end), on_overlong);
      if (end == std::string_view::npos) return;
      if (!skipping_) {
        std::string_view line = partial_;
        if (line.ends_with('\r')) line.remove_suffix(1);
        on_line(line);
      }
      partial_.clear();
      skipping_ = false;
      bytes.remove_prefix(end + 1);
    }
  }

  // A last line that never ended.
  std::string take_rest() { return std::exchange(partial_, {}); }

 private:
  template <class OnOverlong>
  void append(std::string_view piece, OnOverlong& on_overlong) {
    if (skipping_) return;
    if (partial_.size() + piece.size() > max_) {
      skipping_ = true;
      partial_ = {};
      on_overlong();
      return;
    }
    partial_ += piece;
  }

  std::size_t max_;
  std::string partial_;
  bool skipping_ = false;
};

}  // namespace corral::adapters::agent
