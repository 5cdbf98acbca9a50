#include "adapters/agent/npm_package.h"

#include <chrono>
#include <cstdio>

#include <sys/stat.h>

#include "base/blocking.h"
#include "base/files.h"
#include "base/random.h"
#include "base/subprocess.h"

namespace corral::adapters::agent {
namespace {

namespace fs = std::filesystem;

constexpr auto kInstallTimeout = std::chrono::minutes(20);

bool is_file(const fs::path& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

// npm looks upwards for a package.json unless the prefix has one. Scripts stay off: native programs
// are packages of their own, which need none.
Task<Result<void>> run_npm(std::string npm, fs::path folder, NpmPackage package) {
  CORRAL_CO_CHECK(write_file_atomically(folder / "package.json", R"({"private": true})", 0644));
  const auto fetched = co_await run_checked(
      {.argv = {npm, "install", "--prefix", folder.string(), "--no-audit", "--no-fund", "--no-save",
                "--ignore-scripts", "--loglevel=error", "--fetch-retry-maxtimeout=20000",
                fmt::format("{}@{}", package.name, package.version)},
       .env = inherited_env(),
       .cwd = folder.string(),
       .timeout = kInstallTimeout});
  if (!fetched && fetched.error().code == ErrorCode::not_found)
    co_return fail(
        ErrorCode::not_found,
        "{} is not on PATH: install Node.js with npm (Debian: apt-get install npm), then try again",
        npm);
  if (!fetched)
    co_return wrap(fetched.error(), fmt::format("npm could not install {}", package.title));
  if (!is_file(folder / "node_modules" / package.program))
    co_return fail(
        ErrorCode::unavailable,
        "npm installed no program for {}: is \"optional=false\" set in its configuration?",
        npm_platform());
  co_return Result<void>{};
}

// Also what interrupted installations left: theirs are the folders with this mark that are older
// than an installation may take.
void clean_up(const fs::path& temporary) {
  (void)remove_tree(temporary);
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(temporary.parent_path(), ignored)) {
    const auto age = fs::file_time_type::clock::now() - entry.last_write_time(ignored);
    if (entry.path().filename().string().find(".tmp-") != std::string::npos &&
        age > 2 * kInstallTimeout)
      (void)remove_tree(entry.path());
  }
}

}  // namespace

std::string_view npm_platform() {
#if defined(__x86_64__)
  return "linux-x64";
#elif defined(__aarch64__)
  return "linux-arm64";
#else
#error "the agents are published for x86-64 and arm64"
#endif
}

fs::path NpmInstaller::modules(std::string_view kind, const NpmPackage& package) const {
  return folder_ / kind / package.version / "node_modules";
}

fs::path NpmInstaller::program(std::string_view kind, const NpmPackage& package) const {
  return modules(kind, package) / package.program;
}

bool NpmInstaller::installed(std::string_view kind, const NpmPackage& package) const {
  return is_file(program(kind, package));
}

Task<Result<void>> NpmInstaller::install(std::string kind, NpmPackage package,
                                         std::function<void(std::string_view)> progress) const {
  const fs::path final_folder = folder_ / kind / package.version;
  if (installed(kind, package)) {
    progress(fmt::format("{} {} is already installed in {}", package.title, package.version,
                         final_folder.string()));
    co_return Result<void>{};
  }
  BlockingPool files(1);
  // A folder beside the final place, then renamed: two installations at once do not mix.
  const fs::path temporary =
      final_folder.parent_path() /
      fmt::format("{}.tmp-{}", package.version, SystemRandom::instance().hex(4));
  CORRAL_CO_CHECK(make_directories(temporary));
  progress(fmt::format("Fetching {} {} from npm …", package.title, package.version));
  auto outcome = co_await run_npm(npm_, temporary, package);
  if (outcome && std::rename(temporary.c_str(), final_folder.c_str()) != 0 &&
      !installed(kind, package)) {
    // What is there was left by an older Corral or removed by hand in part: it gives way.
    co_await files.run([final_folder] { (void)remove_tree(final_folder); });
    if (std::rename(temporary.c_str(), final_folder.c_str()) != 0)
      outcome = std::unexpected(errno_error(
          errno, fmt::format("cannot move {} to {}", package.title, final_folder.string())));
  }
  co_await files.run([temporary] { clean_up(temporary); });
  CORRAL_CO_CHECK(std::move(outcome));
  progress(fmt::format("{} {} is installed in {}", package.title, package.version,
                       final_folder.string()));
  co_return Result<void>{};
}

}  // namespace corral::adapters::agent
