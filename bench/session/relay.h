// Processes in a row that only copy: what a terminal's bytes cost on a way through so many
// processes, whatever these do with them.
#pragma once

#include "base/fd.h"

namespace corral::bench {

// The far end of a way to `terminal` through `processes` of them: the last one is reached by TCP on
// loopback, the others by Unix sockets. None: the terminal itself. Each is this program again, told
// to copy(); they end once the far end is closed.
Fd through_processes(Fd terminal, int processes);

// What comes at standard input or output goes out at the other, until one of them ends.
void copy();

}  // namespace corral::bench
