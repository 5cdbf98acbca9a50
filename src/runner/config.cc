#include "runner/config.h"

#include <limits>

#include "base/json.h"

namespace corral::runner {
namespace {

Result<std::uint64_t> whole_number(JsonReader& reader, std::string_view name,
                                   std::uint64_t otherwise, std::uint64_t most) {
  CORRAL_TRY(const auto value, reader.optional_int(name));
  if (!value) return otherwise;
  if (*value < 0 || static_cast<std::uint64_t>(*value) > most)
    return fail(ErrorCode::invalid, "runner configuration: \"{}\" must be from 0 to {}", name,
                most);
  return static_cast<std::uint64_t>(*value);
}

Result<std::string> absolute_path(JsonReader& reader, std::string_view name,
                                  std::string otherwise) {
  CORRAL_TRY(auto value, reader.optional_string(name));
  if (!value) return otherwise;
  while (value->size() > 1 && value->ends_with('/')) value->pop_back();
  if (!value->starts_with('/'))
    return fail(ErrorCode::invalid, "runner configuration: \"{}\" must be an absolute path", name);
  return *std::move(value);
}

}  // namespace

Result<Config> parse_config(std::string_view line) {
  CORRAL_TRY(const auto value, parse_json(line, "runner configuration"));
  CORRAL_TRY(auto reader, JsonReader::of(value, "runner configuration"));
  Config config;
  CORRAL_TRY(config.workspace, reader.string("workspace"));
  CORRAL_TRY(auto token, reader.string("token"));
  config.token = Secret(std::move(token));
  CORRAL_TRY(const auto gateway, whole_number(reader, "gateway_port", config.gateway_port, 65535));
  CORRAL_TRY(const auto git, whole_number(reader, "git_port", config.git_port, 65535));
  config.gateway_port = static_cast<std::uint16_t>(gateway);
  config.git_port = static_cast<std::uint16_t>(git);
  CORRAL_TRY(config.spool_bytes,
             whole_number(reader, "spool_bytes", config.spool_bytes, 1ull << 40));
  CORRAL_TRY(const auto orphan,
             whole_number(reader, "orphan_s", static_cast<std::uint64_t>(config.orphan.count()),
                          365ull * 24 * 3600));
  config.orphan = std::chrono::seconds(orphan);
  CORRAL_TRY(config.root, absolute_path(reader, "root", config.root));
  CORRAL_TRY(config.home, absolute_path(reader, "home", config.home));
  if (const auto* env = reader.optional_value("env")) {
    if (!env->is_object())
      return fail(ErrorCode::invalid, "runner configuration: \"env\" must be an object");
    for (const auto& [name, text] : env->get_object()) {
      if (!text.is_string())
        return fail(ErrorCode::invalid, "runner configuration: \"env.{}\" must be a string",
                    std::string_view(name));
      config.env[std::string(name)] = text.get_string();
    }
  }
  CORRAL_CHECK(reader.finish());
  return config;
}

std::string map_path(const Config& config, std::string_view path) {
  const auto below = [&](std::string_view name) {
    return path.starts_with(name) && (path.size() == name.size() || path[name.size()] == '/');
  };
  constexpr std::string_view kRoot = "/workspace", kHome = "/home/agent";
  if (below(kRoot)) return config.root + std::string(path.substr(kRoot.size()));
  if (below(kHome)) return config.home + std::string(path.substr(kHome.size()));
  return std::string(path);
}

}  // namespace corral::runner
