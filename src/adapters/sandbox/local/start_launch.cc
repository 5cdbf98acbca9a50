#include "adapters/sandbox/local/start_launch.h"

#include <cerrno>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/files.h"
#include "base/subprocess.h"

namespace corral::adapters::sandbox {
namespace {

constexpr std::size_t kMaxWords = 2000;

Result<Fd> memory_file(const char* name, std::string_view content) {
  Fd fd(::memfd_create(name, MFD_CLOEXEC));
  if (!fd) return std::unexpected(errno_error(errno, "cannot make a memory file"));
  CORRAL_CHECK(write_all(fd.get(), content));
  ::lseek(fd.get(), 0, SEEK_SET);
  return fd;
}

}  // namespace

Result<HostProcess> start_launch(const LaunchSpec& spec, const std::string& filter) {
  CORRAL_TRY(const auto spec_file, memory_file("corral-launch", to_json_text(spec)));
  CORRAL_TRY(const auto filter_file, memory_file("corral-filter", filter));
  const auto log_path = spec.folder + "/" + kLaunchLog;
  const Fd log(
      ::open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!log) return std::unexpected(errno_error(errno, "cannot open " + log_path));
  SpawnSpec child;
  child.argv = {spec.runner, "launch"};
  // Nothing of the server's environment: bubblewrap would pass it on.
  child.env = {{"PATH", "/usr/local/bin:/usr/bin:/bin"}, {"LANG", "C.UTF-8"}};
  child.cwd = "/";
  child.stdout_fd = log.get();
  child.stderr_fd = log.get();
  child.extra = {{3, spec_file.get()}, {4, filter_file.get()}};
  CORRAL_TRY(const pid_t pid, spawn(child));
  // Even a process that has already failed is there until it is reaped.
  const auto process = find_process(pid);
  return process.value_or(HostProcess{pid, 0});
}

std::string launch_words(const std::filesystem::path& folder) {
  auto text = read_file(folder / kLaunchLog, 16u << 20);
  if (!text) return "";
  while (!text->empty() && text->back() == '\n') text->pop_back();
  return text->size() > kMaxWords ? "…" + text->substr(text->size() - kMaxWords) : *std::move(text);
}

}  // namespace corral::adapters::sandbox
