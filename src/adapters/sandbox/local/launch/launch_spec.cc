#include "adapters/sandbox/local/launch/launch_spec.h"

namespace corral::adapters::sandbox {
namespace {

Result<std::uint64_t> number(JsonReader& reader, std::string_view name) {
  CORRAL_TRY(const auto value, reader.optional_int(name));
  if (!value) return 0;
  if (*value < 0) return fail(ErrorCode::invalid, "launch spec: \"{}\" must not be negative", name);
  return static_cast<std::uint64_t>(*value);
}

Result<std::vector<std::string>> strings(JsonReader& reader, std::string_view name) {
  CORRAL_TRY(auto value, reader.optional_strings(name));
  return value ? *std::move(value) : std::vector<std::string>{};
}

}  // namespace

std::string to_json_text(const LaunchSpec& spec) {
  json::array mounts;
  for (const auto& mount : spec.mounts)
    mounts.push_back(json::object{{"source", mount.source}, {"target", mount.target}});
  json::object object{{"mode", spec.mode == LaunchMode::sandbox ? "sandbox" : "direct"},
                      {"folder", spec.folder},
                      {"bwrap", spec.bwrap},
                      {"etc", spec.etc},
                      {"runner", spec.runner},
                      {"command", json::value_from(spec.command)},
                      {"config", spec.config},
                      {"cgroups", json::value_from(spec.cgroups)},
                      {"drop_capabilities", spec.drop_capabilities},
                      {"file_size_bytes", spec.file_size_bytes},
                      {"open_files", spec.open_files},
                      {"processes", spec.processes},
                      {"tmp_bytes", spec.tmp_bytes},
                      {"shared_memory_bytes", spec.shared_memory_bytes},
                      {"mounts", std::move(mounts)}};
  if (spec.uid) object["uid"] = *spec.uid;
  return json::serialize(object);
}

Result<LaunchSpec> parse_launch_spec(std::string_view text) {
  CORRAL_TRY(const auto value, parse_json(text, "launch spec"));
  CORRAL_TRY(auto reader, JsonReader::of(value, "launch spec"));
  LaunchSpec spec;
  CORRAL_TRY(const auto mode, reader.string("mode"));
  if (mode != "sandbox" && mode != "direct")
    return fail(ErrorCode::invalid, "launch spec: unknown mode \"{}\"", mode);
  spec.mode = mode == "sandbox" ? LaunchMode::sandbox : LaunchMode::direct;
  CORRAL_TRY(spec.folder, reader.string("folder"));
  CORRAL_TRY(spec.bwrap, reader.string("bwrap"));
  CORRAL_TRY(spec.etc, reader.string("etc"));
  CORRAL_TRY(spec.runner, reader.string("runner"));
  CORRAL_TRY(spec.command, strings(reader, "command"));
  CORRAL_TRY(spec.config, reader.string("config"));
  CORRAL_TRY(spec.cgroups, strings(reader, "cgroups"));
  CORRAL_TRY(const auto uid, reader.optional_int("uid"));
  if (uid && (*uid <= 0 || *uid > 0xfffffffell))
    return fail(ErrorCode::invalid, "launch spec: {} is no uid to run a workspace as", *uid);
  if (uid) spec.uid = static_cast<std::uint32_t>(*uid);
  CORRAL_TRY(const auto drop, reader.optional_bool("drop_capabilities"));
  spec.drop_capabilities = drop.value_or(false);
  CORRAL_TRY(spec.file_size_bytes, number(reader, "file_size_bytes"));
  CORRAL_TRY(spec.open_files, number(reader, "open_files"));
  CORRAL_TRY(spec.processes, number(reader, "processes"));
  CORRAL_TRY(spec.tmp_bytes, number(reader, "tmp_bytes"));
  CORRAL_TRY(spec.shared_memory_bytes, number(reader, "shared_memory_bytes"));
  if (const auto* mounts = reader.optional_value("mounts")) {
    if (!mounts->is_array())
      return fail(ErrorCode::invalid, "launch spec: \"mounts\" must be an array");
    for (const auto& item : mounts->get_array()) {
      CORRAL_TRY(auto entry, JsonReader::of(item, "launch spec: mount"));
      LaunchMount mount;
      CORRAL_TRY(mount.source, entry.string("source"));
      CORRAL_TRY(mount.target, entry.string("target"));
      CORRAL_CHECK(entry.finish());
      spec.mounts.push_back(std::move(mount));
    }
  }
  CORRAL_CHECK(reader.finish());
  return spec;
}

}  // namespace corral::adapters::sandbox
