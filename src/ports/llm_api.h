// The wire protocols that models are spoken to in: one table of which request is which, whose key
// it needs and how a credential travels with it. Gateway, providers and cassettes all read it, so
// that another protocol is a row here, a reader of its usage and a normal form.
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace corral::ports {

enum class LlmApi { anthropic_messages, openai_responses, openai_chat, gemini };

// Who is paid: a base URL and a key each.
enum class LlmVendor { anthropic, openai, google };

struct LlmVendorTraits {
  LlmVendor vendor;
  std::string_view name;                    // "anthropic"
  std::string_view url;                     // its own; no path
  std::string_view url_variable;            // names another: "CORRAL_ANTHROPIC_BASE_URL"
  std::string_view key_variable;            // "ANTHROPIC_API_KEY"
  std::string_view key_header, key_prefix;  // "authorization", "Bearer "
};

std::span<const LlmVendorTraits> llm_vendors();
const LlmVendorTraits& traits_of(LlmVendor vendor);

// What a POST to a path is.
struct LlmRoute {
  enum class Use { answer, count_tokens };
  LlmApi api;
  LlmVendor vendor;
  Use use;
  std::string_view model;            // as the path names it; empty: the body does
  bool streams = false;              // by its path; otherwise the body says so
  std::string_view query_parameter;  // the one that is passed on: "beta", "alt"; empty: none
};

// `path` may have a query, which decides nothing. The model is a part of `path`. Nothing for a path
// that is not one of a protocol's.
std::optional<LlmRoute> llm_route(std::string_view path);

// The protocol of a path that llm_route() knows; of any other, Anthropic's.
LlmApi api_of(std::string_view path);

}  // namespace corral::ports
