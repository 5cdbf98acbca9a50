// What the small servers of this folder do alike.
#pragma once

#include <string>

#include "edge/http/server.h"

namespace corral::edge::testing {

// Listens on loopback (port 0: any that is free), prints "listening on http://127.0.0.1:PORT" and
// then `also`, serves until SIGINT or SIGTERM, and stops. Returns the exit code: 1 when it cannot
// listen, said on stderr.
Task<int> serve_until_signal(HttpServer& server, std::uint16_t port, std::string also);

// Runs a program on this thread; its exit code, 1 for an exception.
int run_program(Task<int> program);

}  // namespace corral::edge::testing
