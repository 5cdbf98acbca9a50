// Lists that the API gives in pages.
#pragma once

#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "edge/cli/http_client.h"

namespace corral::edge::cli {

// Names and values of a query; those without a value are left out.
using ListFilter = std::vector<std::pair<std::string_view, std::string>>;

// The first `limit` elements of a collection ("/api/v1/runs"), over as many pages as it takes.
Result<json::array> read_list(HttpClient& client, std::string_view path,
                              const ListFilter& filter = {},
                              std::size_t limit = std::numeric_limits<std::size_t>::max());

}  // namespace corral::edge::cli
