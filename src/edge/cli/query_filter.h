// Takes out of a terminal's output what asks the terminal something: the server answers that once
// for everybody, and a viewer's own terminal would answer into the session as if it were typed.
#pragma once

#include <string>
#include <string_view>

namespace corral::edge::cli {

class QueryFilter {
 public:
  // What may be shown of these bytes, in any split. A sequence is held back until it is whole.
  std::string feed(std::string_view bytes);

 private:
  enum class State { text, escape, csi, string, string_escape };
  void end_sequence(std::string& out);
  State state_ = State::text;
  std::string sequence_;  // from its ESC on
};

}  // namespace corral::edge::cli
