// A tool call as the Agent Client Protocol tells of it: announced, completed and amended over
// several notifications, any of which may lack any field.
#pragma once

#include <string>

#include "base/json.h"

namespace corral::adapters::agent {

struct AcpToolCall {
  std::string title, kind, status;
  json::value raw_input, raw_output;
  json::array content;
  bool shown = false;  // its tool_call event has been given

  // Takes the fields that a ToolCall or ToolCallUpdate has.
  void take(const json::value& update);

  // What sort of tool it is: "edit", "execute", "read" …; "tool" when it does not say.
  std::string tool() const;
  // What a person needs to see of it, in the names that transcripts know: "command", "file_path",
  // "old_string" and "new_string" of an edit; otherwise its raw input, or its title as
  // "description".
  json::value input() const;
  std::string output() const;
  bool announced() const;  // it says what it is about
  bool ended() const { return status == "completed" || status == "failed"; }
};

}  // namespace corral::adapters::agent
