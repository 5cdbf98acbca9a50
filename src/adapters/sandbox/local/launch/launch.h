// `corral-runner launch`: the step between the server, which must not fork, and the sandbox's first
// process. It is single threaded and short-lived: reads a LaunchSpec from descriptor 3, joins the
// cgroups, drops root, and becomes bubblewrap (or, in the lesser modes, the runner itself).
#pragma once

namespace corral::adapters::sandbox {

// The program's `launch` command. Returns only on failure, with an exit code, after a line on
// stderr.
int launch_main();

// The program's `launch confine` command, for the reduced mode: `argv` begins after "confine" and
// is the confinement as JSON (launch/confine.h) and the program with its arguments. Applies
// Landlock and the seccomp filter, then becomes the program. launch_main() finds this case by
// itself.
int confine_main(int argc, char** argv);

}  // namespace corral::adapters::sandbox
