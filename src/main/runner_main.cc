// corral-runner: the one static program that runs inside a workspace, and that starts it.
#include <cstdio>
#include <cstring>

#include "adapters/sandbox/local/launch/launch.h"
#include "runner/link/protocol.h"
#include "runner/serve.h"

int main(int argc, char** argv) {
  const auto is = [&](int index, const char* word) {
    return index < argc && std::strcmp(argv[index], word) == 0;
  };
  if (argc == 2 && is(1, "serve")) return corral::runner::serve_main();
  if (argc == 2 && is(1, "launch")) return corral::adapters::sandbox::launch_main();
  if (argc > 3 && is(1, "launch") && is(2, "confine"))
    return corral::adapters::sandbox::confine_main(argc - 3, argv + 3);
  if (argc == 2 && is(1, "version")) {
    std::printf("corral-runner %s, link protocol %d\n", CORRAL_VERSION,
                corral::runner::link::kVersion);
    return 0;
  }
  std::fputs(
      "usage: corral-runner serve | launch | version\nIt is started by the Corral server, not by "
      "hand.\n",
      stderr);
  return 2;
}
