#include "adapters/sandbox/local/prepare.h"

#include <cerrno>

#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "runner/client/runner_client.h"

namespace corral::adapters::sandbox {
namespace {

constexpr std::uint64_t kOpenFiles = 16'384;

}  // namespace

Result<void> prepare_workspace(const std::filesystem::path& folder, WorkspaceState& state,
                               const Cgroups& cgroups) {
  const bool direct = state.isolation != ports::Isolation::sandbox;
  const unsigned passable = direct && state.uid ? 0711 : 0700;
  CORRAL_CHECK(make_directories(folder.parent_path(), passable));
  if (::mkdir(folder.c_str(), passable) != 0)
    return std::unexpected(errno_error(errno, "cannot make " + folder.string()));
  ::chmod(folder.c_str(), passable);
  for (const char* part : {kWorkFolder, kHomeFolder, kSpoolFolder, kTmpFolder}) {
    const auto place = folder / part;
    if (::mkdir(place.c_str(), 0700) != 0 ||
        (state.uid && ::chown(place.c_str(), *state.uid, *state.uid) != 0))
      return std::unexpected(errno_error(errno, "cannot make " + place.string()));
  }
  // The server's own: whoever is inside may pass through it to the socket and not change it.
  const auto door = folder / kDoorFolder;
  if (::mkdir(door.c_str(), 0711) != 0 || ::chmod(door.c_str(), 0711) != 0)
    return std::unexpected(errno_error(errno, "cannot make " + door.string()));
  // Noted before they exist: a crash in between leaves nothing that nobody knows of.
  state.cgroups = cgroups.places(state.id.to_string());
  CORRAL_CHECK(save_state(folder, state));
  return cgroups.create(state.id.to_string(), state.limits);
}

LaunchSpec plan_launch(const LocalLauncherOptions& options, const Machine& machine,
                       const std::string& etc, const std::filesystem::path& folder,
                       const WorkspaceState& state) {
  const bool direct = state.isolation != ports::Isolation::sandbox;
  LaunchSpec launch;
  launch.mode = direct ? LaunchMode::direct : LaunchMode::sandbox;
  launch.folder = folder;
  launch.bwrap = machine.bwrap;
  launch.etc = etc;
  launch.runner = options.runner_program;
  launch.cgroups = state.cgroups.entry_files();
  launch.uid = state.uid;
  launch.drop_capabilities =
      state.isolation == ports::Isolation::reduced && machine.root && !state.uid;
  launch.processes = state.uid ? state.limits.processes : 0;
  launch.file_size_bytes = state.limits.file_size_bytes;
  launch.open_files = kOpenFiles;
  launch.tmp_bytes = state.limits.memory_bytes / 2;
  launch.shared_memory_bytes = state.limits.memory_bytes / 4;
  for (const auto& mount : state.mounts) launch.mounts.push_back({mount.source, mount.target});
  runner::client::RunnerConfig config{
      .workspace = state.id, .token = state.token.clone(), .spool_bytes = options.spool_bytes};
  config.orphan_s = static_cast<std::uint64_t>(options.orphan.count());
  config.env = {{"CORRAL_WORKSPACE", kInsideWork}};
  if (direct) {
    config.gateway_port = config.git_port = 0;
    config.root = folder / kWorkFolder;
    config.home = folder / kHomeFolder;
    config.env = {{"CORRAL_WORKSPACE", config.root}, {"TMPDIR", folder / kTmpFolder}};
    // Claude Code refuses some options to a root that does not say that it is in a sandbox.
    if (machine.root && !state.uid) config.env["IS_SANDBOX"] = "1";
  }
  launch.config = runner::client::to_json_line(config).expose();
  return launch;
}

}  // namespace corral::adapters::sandbox
