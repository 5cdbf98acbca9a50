// What the launcher tells the runner, as one JSON line on an inherited descriptor.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/error.h"
#include "base/secret.h"

namespace corral::runner {

struct Config {
  std::string workspace;  // its id, as text
  Secret token;           // shown to the server; no process in the workspace ever sees it
  std::uint16_t gateway_port = 8377;  // 0: any free one
  std::uint16_t git_port = 9418;
  std::uint64_t spool_bytes = 64ull << 20;
  std::chrono::seconds orphan{24 * 3600};  // without a server for that long: end everything
  std::string root = "/workspace";         // where "/workspace" is in this mount namespace
  std::string home = "/home/agent";        // likewise
  std::map<std::string, std::string> env;
};

// `invalid`, naming the field, for anything else than what docs/runner-link.md says.
Result<Config> parse_config(std::string_view line);

// The path that callers use ("/workspace/…", "/home/agent/…") as it is here. Other paths stay as
// they are.
std::string map_path(const Config& config, std::string_view path);

}  // namespace corral::runner
