#include "edge/gateway/request_policy.h"

#include <algorithm>
#include <array>

#include "base/json.h"

namespace corral::edge {
namespace {

constexpr int kMaxDepth = 256;

Result<void> refuse_tool(std::string_view type) {
  return fail(ErrorCode::forbidden,
              "the tool type \"{}\" runs at the provider, which would be a way out of a sandbox "
              "without network: it is not allowed",
              type);
}

Result<void> refuse_url() {
  return fail(ErrorCode::forbidden,
              "an image or document by URL would have the provider reach the network for the "
              "sandbox: give its bytes instead");
}

Result<void> refuse_field(std::string_view name) {
  return fail(ErrorCode::forbidden,
              "\"{}\" would have the provider reach the network for the sandbox: it is not allowed",
              name);
}

bool is_remote(std::string_view url) { return !url.empty() && !url.starts_with("data:"); }

template <std::size_t N>
bool starts_with_any(std::string_view text, const std::array<std::string_view, N>& prefixes) {
  return std::ranges::any_of(prefixes, [&](auto prefix) { return text.starts_with(prefix); });
}

// Every object of a list; none when there is no list.
template <class Check>
Result<void> each_of(const json::value& value, std::string_view list, Check check) {
  const auto* items = find(value, {list});
  if (items == nullptr || !items->is_array()) return {};
  for (const auto& item : items->get_array()) CORRAL_CHECK(check(item));
  return {};
}

// ---- Anthropic Messages ----

// Whether a message's content names something by URL. The input of a tool call is the agent's own
// data.
bool refers_to_a_url(const json::value& value) {
  if (const auto* array = value.if_array()) return std::ranges::any_of(*array, refers_to_a_url);
  if (!value.is_object()) return false;
  if (const auto* source = find(value, {"source"});
      source != nullptr && find_string(*source, {"type"}) == "url")
    return true;
  const auto* content = find(value, {"content"});
  const auto* within = find(value, {"source", "content"});
  return (content != nullptr && refers_to_a_url(*content)) ||
         (within != nullptr && refers_to_a_url(*within));
}

Result<void> check_anthropic(const json::value& request) {
  // Tools without a type, and these, are carried out by whoever asks: the agent, within its
  // sandbox.
  constexpr std::array<std::string_view, 5> kOwn = {"bash_", "text_editor_", "computer_", "memory_",
                                                    "tool_search_tool_"};
  CORRAL_CHECK(each_of(request, "tools", [&](const json::value& tool) -> Result<void> {
    const auto type = find_string(tool, {"type"});
    if (type.empty() || type == "custom" || starts_with_any(type, kOwn)) return {};
    return refuse_tool(type);
  }));
  if (const auto* servers = find(request, {"mcp_servers"});
      servers != nullptr && !(servers->is_array() && servers->get_array().empty()))
    return refuse_field("mcp_servers");
  for (const std::string_view name : {"messages", "system"})
    if (const auto* part = find(request, {name}); part != nullptr && refers_to_a_url(*part))
      return refuse_url();
  return {};
}

// ---- OpenAI ----

// Of a content part: {"image_url": "https…"}, {"image_url": {"url": "https…"}}, {"file_url": …}.
Result<void> check_part(const json::value& part) {
  for (const std::string_view name : {"image_url", "file_url"})
    if (is_remote(find_string(part, {name})) || is_remote(find_string(part, {name, "url"})))
      return refuse_url();
  return {};
}

Result<void> check_openai_tool(const json::value& tool) {
  constexpr std::array<std::string_view, 8> kOwn = {"function",  "custom",      "local_shell",
                                                    "shell",     "apply_patch", "computer",
                                                    "namespace", "tool_search"};
  const auto type = find_string(tool, {"type"});
  if (!starts_with_any(type, kOwn)) return refuse_tool(type);
  // A shell may be asked to run in a container of the provider's.
  if (const auto where = find_string(tool, {"environment", "type"});
      !where.empty() && where != "local")
    return refuse_tool(fmt::format("{} in {}", type, where));
  return each_of(tool, "tools", check_openai_tool);  // of a namespace
}

Result<void> check_responses(const json::value& request) {
  CORRAL_CHECK(each_of(request, "tools", check_openai_tool));
  // A template or a conversation kept at the provider brings tools that nobody sees here.
  for (const std::string_view name : {"prompt", "conversation", "previous_response_id"})
    if (const auto* value = find(request, {name}); value != nullptr && !value->is_null())
      return refuse_field(name);
  return each_of(request, "input", [](const json::value& item) -> Result<void> {
    CORRAL_CHECK(each_of(item, "content", check_part));
    return each_of(item, "output", check_part);  // of a tool
  });
}

Result<void> check_chat(const json::value& request) {
  CORRAL_CHECK(each_of(request, "tools", check_openai_tool));
  if (const auto* search = find(request, {"web_search_options"});
      search != nullptr && !search->is_null())
    return refuse_field("web_search_options");
  return each_of(request, "messages", [](const json::value& message) {
    return each_of(message, "content", check_part);
  });
}

// ---- Gemini ----

Result<void> check_gemini(const json::value& request) {
  CORRAL_CHECK(each_of(request, "tools", [](const json::value& tool) -> Result<void> {
    if (!tool.is_object()) return refuse_tool("");
    for (const auto& kind : tool.get_object())
      if (const std::string_view name = kind.key(); name != "functionDeclarations" &&
                                                    name != "function_declarations" &&
                                                    name != "computerUse")
        return refuse_tool(name);
    return {};
  }));
  for (const std::string_view name : {"cachedContent", "cached_content"})
    if (!find_string(request, {name}).empty()) return refuse_field(name);
  const auto check_file = [](const json::value& part) -> Result<void> {
    if (find(part, {"fileData"}) != nullptr || find(part, {"file_data"}) != nullptr)
      return refuse_url();
    return {};
  };
  for (const std::string_view name : {"systemInstruction", "system_instruction"})
    if (const auto* instruction = find(request, {name}))
      CORRAL_CHECK(each_of(*instruction, "parts", check_file));
  return each_of(request, "contents",
                 [&](const json::value& content) { return each_of(content, "parts", check_file); });
}

Result<void> check(ports::LlmApi api, const json::value& request) {
  switch (api) {
    case ports::LlmApi::anthropic_messages: return check_anthropic(request);
    case ports::LlmApi::openai_responses: return check_responses(request);
    case ports::LlmApi::openai_chat: return check_chat(request);
    case ports::LlmApi::gemini: return check_gemini(request);
  }
  return {};
}

// A streamed chat tells its usage only when it is asked to.
std::optional<std::string> with_usage(const json::value& request) {
  if (!find_bool(request, {"stream"}) || find_bool(request, {"stream_options", "include_usage"}))
    return std::nullopt;
  json::object asked = request.get_object();
  auto& options = asked["stream_options"];
  if (!options.is_object()) options = json::object();
  options.get_object()["include_usage"] = true;
  return json::serialize(asked);
}

}  // namespace

Result<CheckedRequest> check_model_request(const ports::LlmRoute& route, std::string body) {
  boost::system::error_code problem;
  json::parse_options options;
  options.max_depth = kMaxDepth;
  json::monotonic_resource memory;
  const json::value request = json::parse({body.data(), body.size()}, problem, &memory, options);
  if (problem)
    return fail(ErrorCode::invalid, "the request's body is not valid JSON: {}", problem.message());
  if (!request.is_object())
    return fail(ErrorCode::invalid, "the request's body must be a JSON object");
  CORRAL_CHECK(check(route.api, request));
  std::optional<std::string> changed;
  if (route.api == ports::LlmApi::openai_chat) changed = with_usage(request);
  return CheckedRequest{
      std::string(route.model.empty() ? find_string(request, {"model"}) : route.model),
      changed ? *std::move(changed) : std::move(body)};
}

void take_out_token(std::string& body, std::string_view token) {
  constexpr std::string_view kInstead = "[run token]";
  if (token.empty()) return;
  for (auto at = body.find(token); at != std::string::npos;
       at = body.find(token, at + kInstead.size()))
    body.replace(at, token.size(), kInstead);
}

}  // namespace corral::edge
