// corral-runner: the one static program that runs inside a workspace, and that starts it.
#include <cstdio>
#include <cstring>

#include "runner/link/protocol.h"
#include "runner/serve.h"

#ifdef CORRAL_HAS_LAUNCH
#include "adapters/sandbox/local/launch/launch.h"
#endif

namespace {

#ifdef CORRAL_HAS_LAUNCH
int launch(int argc, char** argv) {
  if (argc == 2) return corral::adapters::sandbox::launch_main();
  if (std::strcmp(argv[2], "confine") == 0) return corral::adapters::sandbox::confine_main(argc - 3, argv + 3);
  return 2;
}
#endif

}  // namespace

int main(int argc, char** argv) {
  const char* mode = argc >= 2 ? argv[1] : "";
  if (argc == 2 && std::strcmp(mode, "serve") == 0) return corral::runner::serve_main();
#ifdef CORRAL_HAS_LAUNCH
  if (std::strcmp(mode, "launch") == 0) return launch(argc, argv);
#endif
  if (argc == 2 && std::strcmp(mode, "version") == 0) {
    std::printf("corral-runner %s, link protocol %d\n", CORRAL_VERSION, corral::runner::link::kVersion);
    return 0;
  }
  std::fputs("usage: corral-runner serve | launch | version\nIt is started by the Corral server, not by hand.\n", stderr);
  return 2;
}
