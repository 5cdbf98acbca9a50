#include "edge/cli/render.h"

namespace corral::edge::cli {
namespace {

std::string name_of(const json::value& entry) {
  std::string name(find_string(entry, {"name"}));
  const auto type = find_string(entry, {"type"});
  if (type == "folder") name += '/';
  if (type == "link") name += fmt::format(" -> {}", find_string(entry, {"target"}));
  return name;
}

std::string size_of(const json::value& entry) {
  const auto type = find_string(entry, {"type"});
  if (type == "file") return count(find_int(entry, {"size_bytes"}));
  return type == "other" ? "not a file" : "";
}

}  // namespace

std::string render_folder(const Screen& screen, const json::value& folder, Time now) {
  std::vector<std::vector<Cell>> rows;
  if (const auto* items = find(folder, {"items"}); items != nullptr && items->is_array())
    for (const auto& entry : items->get_array()) {
      const bool is_folder = find_string(entry, {"type"}) == "folder";
      rows.push_back({{name_of(entry), is_folder ? Style::blue : Style::plain},
                      {size_of(entry)},
                      {ago(find_string(entry, {"modified_at"}), now), Style::dim}});
    }
  using enum Column::Align;
  std::string out =
      rows.empty()
          ? "Empty.\n"
          : table(screen, {{"NAME", left, true}, {"BYTES", right}, {"CHANGED", right}}, rows);
  if (find_bool(folder, {"truncated"})) out += "… and more: only so many are listed.\n";
  if (const auto hidden = find_int(folder, {"left_out"}); hidden > 0)
    out += fmt::format("{} not listed: their names are not UTF-8.\n", count(hidden));
  return out;
}

}  // namespace corral::edge::cli
