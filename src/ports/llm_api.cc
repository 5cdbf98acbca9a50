#include "ports/llm_api.h"

#include <algorithm>
#include <array>

#include "base/error.h"

namespace corral::ports {
namespace {

using Use = LlmRoute::Use;

constexpr std::array kVendors{
    LlmVendorTraits{LlmVendor::anthropic, "anthropic", "https://api.anthropic.com",
                    "CORRAL_ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY", "x-api-key", ""},
    LlmVendorTraits{LlmVendor::openai, "openai", "https://api.openai.com", "CORRAL_OPENAI_BASE_URL",
                    "OPENAI_API_KEY", "authorization", "Bearer "},
    LlmVendorTraits{LlmVendor::google, "google", "https://generativelanguage.googleapis.com",
                    "CORRAL_GEMINI_BASE_URL", "GEMINI_API_KEY", "x-goog-api-key", ""},
};

struct Row {
  std::string_view before, after;  // of the model, which stands between them; `after` empty: the
                                   // whole path, which names no model
  LlmApi api;
  LlmVendor vendor;
  Use use = Use::answer;
  bool streams = false;
  std::string_view query_parameter = {};
};

constexpr std::array kRows{
    Row{"/v1/messages", "", LlmApi::anthropic_messages, LlmVendor::anthropic, Use::answer, false,
        "beta"},
    Row{"/v1/messages/count_tokens", "", LlmApi::anthropic_messages, LlmVendor::anthropic,
        Use::count_tokens, false, "beta"},
    Row{"/v1/responses", "", LlmApi::openai_responses, LlmVendor::openai},
    Row{"/v1/chat/completions", "", LlmApi::openai_chat, LlmVendor::openai},
    Row{"/v1beta/models/", ":generateContent", LlmApi::gemini, LlmVendor::google},
    Row{"/v1beta/models/", ":streamGenerateContent", LlmApi::gemini, LlmVendor::google, Use::answer,
        true, "alt"},
    Row{"/v1beta/models/", ":countTokens", LlmApi::gemini, LlmVendor::google, Use::count_tokens},
};

// A model's name becomes part of the provider's URL: no separators, and nothing to be decoded.
bool is_model_name(std::string_view text) {
  return !text.empty() && text.size() <= 128 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  }) && text.find("..") == std::string_view::npos;
}

}  // namespace

std::span<const LlmVendorTraits> llm_vendors() { return kVendors; }

const LlmVendorTraits& traits_of(LlmVendor vendor) {
  const auto found = std::ranges::find(kVendors, vendor, &LlmVendorTraits::vendor);
  CORRAL_ASSERT(found != kVendors.end());
  return *found;
}

std::optional<LlmRoute> llm_route(std::string_view path) {
  path = path.substr(0, path.find('?'));
  for (const auto& row : kRows) {
    LlmRoute route{row.api, row.vendor, row.use, {}, row.streams, row.query_parameter};
    if (row.after.empty()) {
      if (path == row.before) return route;
      continue;
    }
    if (path.size() <= row.before.size() + row.after.size() || !path.starts_with(row.before) ||
        !path.ends_with(row.after))
      continue;
    route.model =
        path.substr(row.before.size(), path.size() - row.before.size() - row.after.size());
    if (is_model_name(route.model)) return route;
  }
  return std::nullopt;
}

LlmApi api_of(std::string_view path) {
  const auto route = llm_route(path);
  return route ? route->api : LlmApi::anthropic_messages;
}

}  // namespace corral::ports
