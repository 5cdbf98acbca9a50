// `corral attach`: a session in this terminal, over the WebSocket (docs/websocket.md).
#pragma once

#include <string>

#include "edge/cli/session.h"

namespace corral::edge::cli {

struct AttachOptions {
  std::string session;  // its id
  bool view = false;    // look on only
  bool resize = true;   // make the session as large as this terminal, unless somebody else does
  char detach_key = '\x1d';  // Ctrl-]
};

// Until the session ends (its exit code, or kOk), the person leaves (kOk), or it cannot be reached.
int attach(Session& session, AttachOptions options);

}  // namespace corral::edge::cli
