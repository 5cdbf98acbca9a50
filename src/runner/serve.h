// The runner: the first process of a workspace. Everything that happens in there goes through it.
#pragma once

namespace corral::runner {

// `corral-runner serve`: takes the descriptors that the launcher left it, runs until it is told to
// end (by the server, by a SIGTERM from outside the workspace, or because no server came for too
// long), kills everything, and returns the exit code: 0, or 2 when it could not begin (the reason
// is on stderr).
//
//   fd 3   the door: the folder that holds the server's socket "link.sock"
//   fd 4   the spool: an empty folder of its own
//   fd 5   one JSON line of configuration (runner/config.h), read to its end
int serve_main();

}  // namespace corral::runner
