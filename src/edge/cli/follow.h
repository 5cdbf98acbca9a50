// Follows a run to its end: its log as it grows, its open questions, Ctrl-C.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "base/json.h"
#include "edge/cli/session.h"

namespace corral::edge::cli {

struct FollowOptions {
  bool log = true;         // print the run's log
  std::uint64_t from = 0;  // from this byte of it
  // Ctrl-C asks the server to cancel the run, a second one leaves; otherwise the first one leaves.
  enum class Interrupt { cancels, leaves } interrupt = Interrupt::leaves;
  bool ask = false;  // put open questions to the person at the terminal
};

// The run's document as it is at the end. `cancelled` when the person left before.
Result<json::value> follow_run(Session& session, std::string run, FollowOptions options);

// Prints text of a log: made printable, and headings of steps set off, when stdout is a terminal;
// byte by byte otherwise.
class LogPrinter {
 public:
  explicit LogPrinter(Session& session) : session_(session) {}
  ~LogPrinter();
  LogPrinter(const LogPrinter&) = delete;
  LogPrinter& operator=(const LogPrinter&) = delete;
  void print(std::string_view bytes);

 private:
  Session& session_;
  PrintableFilter filter_;
  std::string line_;  // begun like a heading, not yet complete
  bool at_line_start_ = true;
};

}  // namespace corral::edge::cli
