#include "adapters/llm/normal_messages.h"

#include <string>

#include "adapters/llm/normal_request.h"
#include "adapters/llm/stable_text.h"

namespace corral::adapters::llm {
namespace {

// ---- Anthropic Messages ----

json::value stable_value(const json::value& value, std::string_view cwd) {
  if (const auto* text = value.if_string()) return json::string(stable_text(*text, cwd));
  if (const auto* array = value.if_array()) {
    json::array out;
    for (const auto& item : *array) out.push_back(stable_value(item, cwd));
    return out;
  }
  if (const auto* object = value.if_object()) {
    json::object out;
    for (const auto& member : *object) out[member.key()] = stable_value(member.value(), cwd);
    return out;
  }
  return value;
}

std::string text_of(const json::value* content) {
  if (content == nullptr) return "";
  if (const auto* text = content->if_string()) return std::string(*text);
  std::string out;
  if (const auto* blocks = content->if_array())
    for (const auto& block : *blocks) {
      const auto type = find_string(block, {"type"});
      out += type == "text" ? find_string(block, {"text"}) : fmt::format("[{}]", type);
      out += '\n';
    }
  return out;
}

// One block of a message, or null when it decides nothing.
json::value normal_block(const json::value& block, std::string_view cwd) {
  const auto type = find_string(block, {"type"});
  if (type == "text") {
    auto text = stable_text(find_string(block, {"text"}), cwd);
    if (text.empty()) return nullptr;
    return json::object{{"text", std::move(text)}};
  }
  if (type == "tool_use") {
    const auto* input = find(block, {"input"});
    return json::object{{"tool_use", find_string(block, {"name"})},
                        {"input", input == nullptr ? json::value() : stable_value(*input, cwd)}};
  }
  if (type == "tool_result") {
    json::object out{{"tool_result", stable_text(text_of(find(block, {"content"})), cwd)}};
    if (find_bool(block, {"is_error"})) out["is_error"] = true;
    return out;
  }
  if (type == "thinking" || type == "redacted_thinking") return nullptr;
  return json::object{{"type", type}};  // an image, a document: that there is one
}

json::value normal_message(const json::value& message, std::string_view cwd) {
  json::array blocks;
  const auto* content = find(message, {"content"});
  if (content != nullptr && content->is_string()) {
    if (auto text = stable_text(content->get_string(), cwd); !text.empty())
      blocks.push_back(json::object{{"text", std::move(text)}});
  } else if (content != nullptr && content->is_array()) {
    for (const auto& block : content->get_array())
      if (auto normal = normal_block(block, cwd); !normal.is_null())
        blocks.push_back(std::move(normal));
  }
  if (blocks.empty()) return nullptr;
  return json::object{{"role", find_string(message, {"role"})}, {"content", std::move(blocks)}};
}

json::array anthropic_messages(const json::value& request, std::string_view cwd) {
  json::array messages;
  if (const auto* given = find(request, {"messages"}); given != nullptr && given->is_array())
    for (const auto& message : given->get_array()) {
      if (find_string(message, {"role"}) == "system")
        continue;  // the agent's notes on its surroundings
      if (auto one = normal_message(message, cwd); !one.is_null())
        messages.push_back(std::move(one));
    }
  return messages;
}

// ---- the others, whose messages are put together from parts ----

class Conversation {
 public:
  explicit Conversation(std::string_view cwd) : cwd_(cwd) {}

  void text(std::string_view role, std::string_view text) {
    if (auto stable = stable_text(text, cwd_); !stable.empty())
      add(role, {{"text", std::move(stable)}});
  }
  void call(std::string_view tool, const json::value& input) {
    add("assistant", {{"tool_use", tool}, {"input", stable_value(input, cwd_)}});
  }
  // Arguments come as JSON in a string.
  void call_with(std::string_view tool, std::string_view arguments) {
    const auto parsed = parse_deep_json(arguments, "arguments");
    call(tool, parsed ? *parsed : json::value(json::string(arguments)));
  }
  void result(std::string_view text) { add("user", {{"tool_result", stable_text(text, cwd_)}}); }
  void other(std::string_view role, std::string_view type) { add(role, {{"type", type}}); }
  // A string, or parts with a text each.
  void content(std::string_view role, const json::value* content) {
    if (content == nullptr) return;
    if (const auto* whole = content->if_string()) return text(role, *whole);
    const auto* parts = content->if_array();
    if (parts == nullptr) return;
    for (const auto& part : *parts) {
      if (find(part, {"text"}) != nullptr)
        text(role, find_string(part, {"text"}));
      else
        other(role, find_string(part, {"type"}));
    }
  }
  json::array take() { return std::move(messages_); }

 private:
  void add(std::string_view role, json::object block) {
    if (messages_.empty() || find_string(messages_.back(), {"role"}) != role)
      messages_.push_back(json::object{{"role", role}, {"content", json::array()}});
    messages_.back().get_object()["content"].get_array().push_back(std::move(block));
  }

  std::string_view cwd_;
  json::array messages_;
};

std::string joined_text(const json::value* content) {
  if (content == nullptr) return "";
  if (const auto* whole = content->if_string()) return std::string(*whole);
  std::string out;
  if (const auto* parts = content->if_array())
    for (const auto& part : *parts) {
      out += find_string(part, {"text"});
      out += '\n';
    }
  return content->is_object() ? json::serialize(*content) : out;
}

bool instructs(std::string_view role) { return role == "system" || role == "developer"; }

const json::array& list_of(const json::value& value, std::string_view name) {
  static const json::array kNone;
  const auto* list = find(value, {name});
  return list != nullptr && list->is_array() ? list->get_array() : kNone;
}

json::array responses_messages(const json::value& request, std::string_view cwd) {
  Conversation all(cwd);
  if (const auto input = find_string(request, {"input"}); !input.empty()) all.text("user", input);
  for (const auto& item : list_of(request, "input")) {
    const auto type = find_string(item, {"type"}), role = find_string(item, {"role"});
    if (type.ends_with("_call_output"))
      all.result(joined_text(find(item, {"output"})));
    else if (type == "function_call")
      all.call_with(find_string(item, {"name"}), find_string(item, {"arguments"}));
    else if (type == "custom_tool_call")
      all.call(find_string(item, {"name"}), json::string(find_string(item, {"input"})));
    else if ((type.empty() || type == "message") && !instructs(role))
      all.content(role, find(item, {"content"}));
  }
  return all.take();
}

json::array chat_messages(const json::value& request, std::string_view cwd) {
  Conversation all(cwd);
  for (const auto& message : list_of(request, "messages")) {
    const auto role = find_string(message, {"role"});
    if (instructs(role)) continue;
    if (role == "tool") {
      all.result(joined_text(find(message, {"content"})));
      continue;
    }
    all.content(role, find(message, {"content"}));
    for (const auto& call : list_of(message, "tool_calls"))
      all.call_with(find_string(call, {"function", "name"}),
                    find_string(call, {"function", "arguments"}));
  }
  return all.take();
}

json::array gemini_messages(const json::value& request, std::string_view cwd) {
  Conversation all(cwd);
  for (const auto& content : list_of(request, "contents")) {
    const std::string_view role = find_string(content, {"role"}) == "model" ? "assistant" : "user";
    for (const auto& part : list_of(content, "parts")) {
      if (find_bool(part, {"thought"})) continue;
      if (const auto* call = find(part, {"functionCall"})) {
        const auto* input = find(*call, {"args"});
        all.call(find_string(*call, {"name"}), input == nullptr ? json::value() : *input);
      } else if (const auto* result = find(part, {"functionResponse", "response"})) {
        all.result(json::serialize(*result));
      } else if (find(part, {"text"}) != nullptr) {
        all.text(role, find_string(part, {"text"}));
      } else {
        all.other(role, "data");
      }
    }
  }
  return all.take();
}

}  // namespace

json::array normal_messages(ports::LlmApi api, const json::value& request, std::string_view cwd) {
  switch (api) {
    case ports::LlmApi::anthropic_messages: return anthropic_messages(request, cwd);
    case ports::LlmApi::openai_responses: return responses_messages(request, cwd);
    case ports::LlmApi::openai_chat: return chat_messages(request, cwd);
    case ports::LlmApi::gemini: return gemini_messages(request, cwd);
  }
  return {};
}

}  // namespace corral::adapters::llm
