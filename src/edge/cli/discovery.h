// Which server a command speaks to.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/error.h"
#include "edge/cli/http_client.h"

namespace corral::edge::cli {

// As given on the command line (which also reads CORRAL_URL and CORRAL_DATA).
struct ServerChoice {
  std::string url;  // --server; empty: the server of `data`
  std::filesystem::path data;
  std::filesystem::path
      token_file;  // --token-file; empty: CORRAL_TOKEN, or what the data folder says
};

// ~/.local/share/corral, or $XDG_DATA_HOME/corral; /var/lib/corral for root.
std::filesystem::path default_data_folder();

// The server of a data folder, from <data>/run/server.json. Empty when there is none, or its
// process has died.
Result<std::optional<Endpoint>> local_server(const std::filesystem::path& data);

// `invalid` for a URL or token file that cannot be used; empty when no server is named and none
// runs for the data folder.
Result<std::optional<Endpoint>> find_server(const ServerChoice& choice);

}  // namespace corral::edge::cli
