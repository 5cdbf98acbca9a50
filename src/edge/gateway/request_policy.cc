#include "edge/gateway/request_policy.h"

#include <algorithm>
#include <array>

#include "base/json.h"

namespace corral::edge {
namespace {

constexpr int kMaxDepth = 256;

// Tools without a type, and these, are carried out by whoever asks: the agent, within its sandbox.
bool runs_at_the_caller(std::string_view type) {
  constexpr std::array<std::string_view, 5> kPrefixes = {"bash_", "text_editor_", "computer_",
                                                         "memory_", "tool_search_tool_"};
  return type.empty() || type == "custom" ||
         std::ranges::any_of(kPrefixes, [&](auto prefix) { return type.starts_with(prefix); });
}

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

}  // namespace

Result<CheckedRequest> check_model_request(std::string_view body) {
  boost::system::error_code problem;
  json::parse_options options;
  options.max_depth = kMaxDepth;
  json::monotonic_resource memory;
  const json::value request = json::parse({body.data(), body.size()}, problem, &memory, options);
  if (problem)
    return fail(ErrorCode::invalid, "the request's body is not valid JSON: {}", problem.message());
  if (!request.is_object())
    return fail(ErrorCode::invalid, "the request's body must be a JSON object");

  if (const auto* tools = find(request, {"tools"}); tools != nullptr && tools->is_array())
    for (const auto& tool : tools->get_array())
      if (const auto type = find_string(tool, {"type"}); !runs_at_the_caller(type))
        return fail(ErrorCode::forbidden,
                    "the tool type \"{}\" runs at the provider, which would be a way out of a "
                    "sandbox without network: it is not allowed",
                    type);
  if (const auto* servers = find(request, {"mcp_servers"});
      servers != nullptr && !(servers->is_array() && servers->get_array().empty()))
    return fail(ErrorCode::forbidden,
                "\"mcp_servers\" would have the provider reach the network for the sandbox: it is "
                "not allowed");
  const auto *messages = find(request, {"messages"}), *system = find(request, {"system"});
  if ((messages != nullptr && refers_to_a_url(*messages)) ||
      (system != nullptr && refers_to_a_url(*system)))
    return fail(ErrorCode::forbidden,
                "an image or document by URL would have the provider reach the network for the "
                "sandbox: give its bytes instead");
  return CheckedRequest{std::string(find_string(request, {"model"}))};
}

void take_out_token(std::string& body, std::string_view token) {
  constexpr std::string_view kInstead = "[run token]";
  if (token.empty()) return;
  for (auto at = body.find(token); at != std::string::npos;
       at = body.find(token, at + kInstead.size()))
    body.replace(at, token.size(), kInstead);
}

}  // namespace corral::edge
