#include "adapters/agent/acp_tool_call.h"

#include "adapters/agent/event_text.h"
#include "base/plain_text.h"

namespace corral::adapters::agent {
namespace {

// A command as a line: a string, or its words, of which a shell's are left out.
std::string command_of(const json::value& raw) {
  const auto* command = find(raw, {"command"});
  if (command == nullptr) return "";
  if (const auto* line = command->if_string()) return std::string(*line);
  const auto* words = command->if_array();
  if (words == nullptr) return "";
  std::vector<std::string_view> all;
  for (const auto& word : *words) {
    if (!word.is_string()) return "";
    all.push_back(word.get_string());
  }
  if (all.size() == 3 && (all[1] == "-lc" || all[1] == "-c")) return std::string(all[2]);
  std::string line;
  for (const auto word : all) {
    if (!line.empty()) line += ' ';
    line += word;
  }
  return line;
}

std::string path_of(const json::value& raw) {
  for (const std::string_view name : {"filePath", "file_path", "filepath", "path"})
    if (const auto path = find_string(raw, {name}); !path.empty()) return std::string(path);
  return "";
}

}  // namespace

void AcpToolCall::take(const json::value& update) {
  const auto text = [&](std::string_view name, std::string& into) {
    if (const auto value = find_string(update, {name}); !value.empty()) into = value;
  };
  text("title", title);
  text("kind", kind);
  text("status", status);
  if (const auto* input = find(update, {"rawInput"}); input != nullptr && !input->is_null())
    raw_input = *input;
  if (const auto* output = find(update, {"rawOutput"}); output != nullptr && !output->is_null())
    raw_output = *output;
  if (const auto* items = find(update, {"content"}); items != nullptr && items->is_array())
    content = items->get_array();
}

std::string AcpToolCall::tool() const {
  return kind.empty() || kind == "other" ? "tool" : shorten(plain_text(kind), 100);
}

json::value AcpToolCall::input() const {
  json::object out;
  if (auto command = command_of(raw_input); !command.empty()) out["command"] = std::move(command);
  json::array edits;
  for (const auto& item : content)
    if (find_string(item, {"type"}) == "diff")
      edits.push_back(json::object{{"file_path", find_string(item, {"path"})},
                                   {"old_string", find_string(item, {"oldText"})},
                                   {"new_string", find_string(item, {"newText"})}});
  if (!edits.empty())
    for (const auto& field : edits.front().get_object()) out[field.key()] = field.value();
  if (edits.size() > 1) out["edits"] = std::move(edits);
  if (!out.contains("file_path"))
    if (auto path = path_of(raw_input); !path.empty()) out["file_path"] = std::move(path);
  if (out.empty() && raw_input.is_object()) out = raw_input.get_object();
  if (!out.contains("command") && !out.contains("file_path") && !title.empty())
    out["description"] = title;
  return bounded(out);
}

std::string AcpToolCall::output() const {
  std::string text;
  for (const auto& item : content)
    if (const auto piece = find_string(item, {"content", "text"}); !piece.empty()) {
      if (!text.empty()) text += '\n';
      text += piece;
    }
  if (!text.empty()) return text;
  if (raw_output.is_string()) return std::string(raw_output.get_string());
  for (const std::string_view name :
       {"aggregated_output", "output", "formatted_output", "stdout", "error"})
    if (const auto piece = find_string(raw_output, {name}); !piece.empty())
      return std::string(piece);
  return "";
}

bool AcpToolCall::announced() const {
  if (status == "in_progress" || ended()) return true;
  return raw_input.is_object() && !raw_input.get_object().empty() && status != "pending";
}

}  // namespace corral::adapters::agent
