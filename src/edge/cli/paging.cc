#include "edge/cli/paging.h"

#include <algorithm>

#include "edge/cli/session.h"

namespace corral::edge::cli {
namespace {

constexpr std::size_t kMostOfAPage = 500;

}  // namespace

Result<json::array> read_list(HttpClient& client, std::string_view path, const ListFilter& filter,
                              std::size_t limit) {
  std::string query;
  for (const auto& [name, value] : filter)
    if (!value.empty()) query += fmt::format("&{}={}", name, percent_encode(value));
  json::array found;
  for (std::string cursor; found.size() < limit;) {
    CORRAL_TRY(const auto page,
               client.get_json(fmt::format(
                   "{}?limit={}{}{}", path, std::min(limit - found.size(), kMostOfAPage), query,
                   cursor.empty() ? "" : "&cursor=" + percent_encode(cursor))));
    const auto& items = items_of(page);
    found.insert(found.end(), items.begin(), items.end());
    // A page may be empty and not the last one (a search that goes on), but then it leads on.
    const std::string next(find_string(page, {"next_cursor"}));
    if (next.empty() || next == cursor) break;
    cursor = next;
  }
  return found;
}

}  // namespace corral::edge::cli
