// How long until a workspace is ready (its runner linked), against a bare bubblewrap that runs
// `true`, in the same run and in turns. Prints p50 and p95 in ms, and the ratio of the medians.
//   bench_sandbox RUNNER [ROUNDS]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include <sys/wait.h>

#include "adapters/sandbox/local/local_launcher.h"
#include "base/files.h"
#include "base/log.h"
#include "base/subprocess.h"
#include "main/run_task.h"

namespace corral {
namespace {

using Millis = std::chrono::duration<double, std::milli>;

struct Series {
  std::vector<double> ms;
  double at(double quantile) {
    std::ranges::sort(ms);
    return ms[static_cast<std::size_t>(quantile * static_cast<double>(ms.size() - 1))];
  }
  void print(const char* name) {
    fmt::print("{:<34} p50 {:7.2f} ms   p95 {:7.2f} ms   best {:7.2f} ms\n", name, at(0.5),
               at(0.95), at(0));
  }
};

double bare_bwrap() {
  const auto begin = std::chrono::steady_clock::now();
  const auto pid =
      spawn({.argv = {"bwrap", "--unshare-all", "--cap-drop", "ALL",    "--ro-bind", "/usr",
                      "/usr",  "--symlink",     "usr/bin",    "/bin",   "--symlink", "usr/lib",
                      "/lib",  "--symlink",     "usr/lib64",  "/lib64", "--proc",    "/proc",
                      "--dev", "/dev",          "--tmpfs",    "/tmp",   "true"},
             .env = inherited_env()});
  if (!pid) return -1;
  int status = 0;
  ::waitpid(*pid, &status, 0);
  return status == 0 ? Millis(std::chrono::steady_clock::now() - begin).count() : -1;
}

Task<Result<bool>> measure(ports::Launcher* launcher, int rounds, Series* ours, Series* bare,
                           Series* gone) {
  CORRAL_CO_CHECK(co_await launcher->check());
  for (int i = 0; i < rounds; ++i) {
    const double alone = bare_bwrap();
    if (alone < 0) co_return fail(ErrorCode::unavailable, "bwrap does not work here");
    bare->ms.push_back(alone);
    const auto id = WorkspaceId::make(SystemClock::instance().now(), SystemRandom::instance());
    const auto begin = std::chrono::steady_clock::now();
    ports::WorkspaceSpec spec;
    spec.id = id;
    CORRAL_CO_TRY(const auto workspace, co_await launcher->create(spec));
    ours->ms.push_back(Millis(std::chrono::steady_clock::now() - begin).count());
    const auto end = std::chrono::steady_clock::now();
    CORRAL_CO_CHECK(co_await launcher->destroy(id));
    gone->ms.push_back(Millis(std::chrono::steady_clock::now() - end).count());
  }
  co_return true;
}

int bench(const char* runner, int rounds) {
  char folder[] = "/tmp/corral-bench-XXXXXX";
  if (::mkdtemp(folder) == nullptr) return 1;
  log::set_level(log::Level::error);
  Series ours, bare, gone;
  int code = 0;
  {
    BlockingPool pool(2);
    asio::io_context context(1);
    adapters::sandbox::LocalLauncherOptions options;
    options.data_folder = folder;
    options.runner_program = std::filesystem::absolute(runner);
    options.executor = context.get_executor();
    options.pool = &pool;
    auto launcher = adapters::sandbox::make_local_launcher(std::move(options));
    const auto done = run_task(context, measure(launcher.get(), rounds, &ours, &bare, &gone));
    if (!done) {
      fmt::print(stderr, "bench_sandbox: {}\n", done.error().describe());
      code = 1;
    }
  }
  (void)remove_tree(folder);
  if (code != 0) return code;
  bare.print("bare bwrap, true");
  ours.print("corral workspace, runner linked");
  gone.print("corral workspace, removed");
  fmt::print("sandbox ready = {:.2f} x bare bwrap (goal: below 2)\n", ours.at(0.5) / bare.at(0.5));
  return 0;
}

}  // namespace
}  // namespace corral

int main(int argc, char** argv) {
  if (argc < 2) return std::fputs("usage: bench_sandbox RUNNER [ROUNDS]\n", stderr), 2;
  return corral::bench(argv[1], argc > 2 ? std::max(1, std::atoi(argv[2])) : 40);
}
