#include "adapters/sandbox/local/workspace_state.h"

#include <charconv>

#include "adapters/sandbox/local/launch/launch_spec.h"
#include "adapters/sandbox/local/launch/replace_file.h"
#include "base/files.h"
#include "base/json.h"

namespace corral::adapters::sandbox {
namespace {

constexpr const char* kStateFile = "state.json";
constexpr std::size_t kMaxStateBytes = 1 << 20;

json::object to_json(const ports::Limits& limits) {
  return {{"memory_bytes", limits.memory_bytes}, {"cpus", limits.cpus},
          {"processes", limits.processes},       {"file_size_bytes", limits.file_size_bytes},
          {"disk_bytes", limits.disk_bytes},     {"files", limits.files},
          {"time_s", limits.time.count()}};
}

ports::Limits limits_from(const json::value& value) {
  ports::Limits limits;
  limits.memory_bytes = static_cast<std::uint64_t>(
      find_int(value, {"memory_bytes"}, static_cast<std::int64_t>(limits.memory_bytes)));
  limits.cpus = find_number(value, {"cpus"}, limits.cpus);
  limits.processes = static_cast<std::uint32_t>(find_int(value, {"processes"}, limits.processes));
  limits.file_size_bytes = static_cast<std::uint64_t>(
      find_int(value, {"file_size_bytes"}, static_cast<std::int64_t>(limits.file_size_bytes)));
  limits.disk_bytes = static_cast<std::uint64_t>(
      find_int(value, {"disk_bytes"}, static_cast<std::int64_t>(limits.disk_bytes)));
  limits.files = static_cast<std::uint64_t>(
      find_int(value, {"files"}, static_cast<std::int64_t>(limits.files)));
  limits.time = std::chrono::seconds(find_int(value, {"time_s"}, limits.time.count()));
  return limits;
}

std::optional<HostProcess> process_in(const std::filesystem::path& file) {
  const auto text = read_file(file, 4096);
  if (!text) return std::nullopt;
  const auto value = parse_json(*text, file.string());
  if (!value) return std::nullopt;
  HostProcess process{static_cast<pid_t>(find_int(*value, {"pid"})), 0};
  const auto start = find_string(*value, {"start"});
  std::from_chars(start.data(), start.data() + start.size(), process.start);
  return process;
}

}  // namespace

Result<void> save_state(const std::filesystem::path& folder, const WorkspaceState& state) {
  json::array mounts;
  for (const auto& mount : state.mounts)
    mounts.push_back(json::object{{"source", mount.source}, {"target", mount.target}});
  json::object object{{"id", state.id.to_string()},
                      {"token", state.token.expose()},
                      {"isolation", to_string(state.isolation)},
                      {"cgroups", json::object{{"memory", state.cgroups.memory},
                                               {"cpu", state.cgroups.cpu},
                                               {"pids", state.cgroups.pids}}},
                      {"limits", to_json(state.limits)},
                      {"mounts", std::move(mounts)},
                      {"created", to_rfc3339(state.created)},
                      {"boot", state.boot}};
  if (state.uid) object["uid"] = *state.uid;
  if (state.runner)
    object["runner"] =
        json::object{{"pid", state.runner->pid}, {"start", std::to_string(state.runner->start)}};
  return replace_file(folder / kStateFile, json::serialize(object));
}

Result<WorkspaceState> load_state(const std::filesystem::path& folder) {
  const auto file = folder / kStateFile;
  CORRAL_TRY(const auto text, read_file(file, kMaxStateBytes));
  const auto value = parse_json(text, file.string());
  WorkspaceState state;
  const auto id = value ? WorkspaceId::parse(find_string(*value, {"id"})) : std::nullopt;
  const auto created = value ? time_from_rfc3339(find_string(*value, {"created"})) : std::nullopt;
  if (!id || !created)
    return fail(ErrorCode::corrupt, "{} is not the state of a workspace", file.string());
  state.id = *id;
  state.created = *created;
  state.token = Secret(std::string(find_string(*value, {"token"})));
  const auto isolation = find_string(*value, {"isolation"});
  for (const auto known :
       {ports::Isolation::sandbox, ports::Isolation::reduced, ports::Isolation::none})
    if (isolation == to_string(known)) state.isolation = known;
  state.boot = find_string(*value, {"boot"});
  state.cgroups = CgroupSet{std::string(find_string(*value, {"cgroups", "memory"})),
                            std::string(find_string(*value, {"cgroups", "cpu"})),
                            std::string(find_string(*value, {"cgroups", "pids"}))};
  if (const auto uid = find_int(*value, {"uid"}); uid > 0)
    state.uid = static_cast<std::uint32_t>(uid);
  if (const auto* limits = find(*value, {"limits"})) state.limits = limits_from(*limits);
  if (const auto* mounts = find(*value, {"mounts"}); mounts != nullptr && mounts->is_array())
    for (const auto& mount : mounts->get_array())
      state.mounts.push_back({std::string(find_string(mount, {"source"})),
                              std::string(find_string(mount, {"target"}))});
  if (const auto pid = find_int(*value, {"runner", "pid"}); pid > 0) {
    state.runner = HostProcess{static_cast<pid_t>(pid), 0};
    const auto start = find_string(*value, {"runner", "start"});
    std::from_chars(start.data(), start.data() + start.size(), state.runner->start);
  }
  return state;
}

std::optional<HostProcess> find_launched(const std::filesystem::path& folder,
                                         const WorkspaceState& state) {
  if (state.boot != boot_id()) return std::nullopt;
  const auto launched = process_in(folder / kLaunchedFile);
  if (!launched || !is_alive(*launched)) return std::nullopt;
  return launched;
}

std::optional<HostProcess> find_runner(const std::filesystem::path& folder,
                                       const WorkspaceState& state) {
  if (state.boot != boot_id()) return std::nullopt;
  if (state.runner) return is_alive(*state.runner) ? state.runner : std::nullopt;
  const auto launched = find_launched(folder, state);
  if (state.isolation != ports::Isolation::sandbox || !launched) return launched;
  // Noted by bubblewrap without a start time: only a child of that very bubblewrap can be meant.
  const auto text = read_file(folder / kInfoFile, 4096);
  const auto value =
      text ? parse_json(*text, kInfoFile) : Result<json::value>(std::unexpected(text.error()));
  if (!value) return std::nullopt;
  const auto pid = static_cast<pid_t>(find_int(*value, {"child-pid"}));
  if (pid <= 1 || parent_of(pid) != launched->pid) return std::nullopt;
  return find_process(pid);
}

}  // namespace corral::adapters::sandbox
