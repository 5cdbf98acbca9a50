#include "engine/usage_reader.h"

#include <algorithm>

namespace corral::engine {
namespace {

using Path = std::initializer_list<std::string_view>;

constexpr std::int64_t kMostTokens = 1'000'000'000;

std::optional<std::int64_t> figure(const json::value& value, Path path) {
  const auto tokens = find_int(value, path, -1);
  if (tokens < 0 || tokens > kMostTokens) return std::nullopt;
  return tokens;
}

void name_model(const json::value& value, Path path, UsageReading& into) {
  if (const auto model = find_string(value, path); !model.empty() && model.size() <= 200)
    into.usage.model = model;
}

void count_text(const json::value& value, Path path, UsageReading& into) {
  into.text_bytes += find_string(value, path).size();
}

void take_output(std::optional<std::int64_t> tokens, UsageReading& into) {
  if (!tokens) return;
  into.usage.output_tokens = *tokens;
  into.final = true;
}

// Of figures whose input includes what came from the cache.
void take_input(std::optional<std::int64_t> whole, std::optional<std::int64_t> cached,
                UsageReading& into) {
  if (!whole) return;
  const auto from_cache = std::min(cached.value_or(0), *whole);
  into.usage.input_tokens = *whole - from_cache;
  into.usage.cache_read_tokens = from_cache;
  into.usage.seen = true;
}

// ---- Anthropic Messages ----

void take_anthropic(const json::value& figures, UsageReading& into) {
  const auto one = [&](std::string_view name, std::int64_t& tokens) {
    tokens = std::max(tokens, figure(figures, {name}).value_or(0));
  };
  one("input_tokens", into.usage.input_tokens);
  one("cache_read_input_tokens", into.usage.cache_read_tokens);
  one("cache_creation_input_tokens", into.usage.cache_write_tokens);
  into.usage.seen = true;
}

void read_anthropic(const json::value& value, UsageReading& into) {
  const auto type = find_string(value, {"type"});
  const auto* figures = find(value, {"usage"});
  if (type == "message_start") {
    name_model(value, {"message", "model"}, into);
    if (const auto* first = find(value, {"message", "usage"})) take_anthropic(*first, into);
  } else if (type == "content_block_delta") {
    for (const std::string_view name : {"text", "thinking", "partial_json"})
      count_text(value, {"delta", name}, into);
  } else if (type == "message_delta" && figures != nullptr) {
    take_anthropic(*figures, into);
    take_output(figure(*figures, {"output_tokens"}), into);
  } else if (type == "message") {
    name_model(value, {"model"}, into);
    if (figures == nullptr) return;
    take_anthropic(*figures, into);
    take_output(figure(*figures, {"output_tokens"}), into);
  }
}

// ---- OpenAI Responses ----

void read_responses(const json::value& value, UsageReading& into) {
  const auto type = find_string(value, {"type"});
  if (type.ends_with(".delta")) return count_text(value, {"delta"}, into);
  // The first and the last events hold the answer as a whole; without streaming it stands alone.
  const auto* answer = find(value, {"response"});
  if (answer == nullptr) answer = &value;
  if (!answer->is_object()) return;
  name_model(*answer, {"model"}, into);
  take_input(figure(*answer, {"usage", "input_tokens"}),
             figure(*answer, {"usage", "input_tokens_details", "cached_tokens"}), into);
  take_output(figure(*answer, {"usage", "output_tokens"}), into);
}

// ---- OpenAI Chat Completions ----

void read_chat(const json::value& value, UsageReading& into) {
  name_model(value, {"model"}, into);
  if (const auto* choices = find(value, {"choices"}); choices != nullptr && choices->is_array())
    for (const auto& choice : choices->get_array()) {
      count_text(choice, {"delta", "content"}, into);
      count_text(choice, {"delta", "reasoning_content"}, into);
      if (const auto* calls = find(choice, {"delta", "tool_calls"});
          calls != nullptr && calls->is_array())
        for (const auto& call : calls->get_array())
          count_text(call, {"function", "arguments"}, into);
    }
  take_input(figure(value, {"usage", "prompt_tokens"}),
             figure(value, {"usage", "prompt_tokens_details", "cached_tokens"}), into);
  take_output(figure(value, {"usage", "completion_tokens"}), into);
}

// ---- Gemini ----

void read_gemini_object(const json::value& value, UsageReading& into) {
  name_model(value, {"modelVersion"}, into);
  if (const auto* candidates = find(value, {"candidates"});
      candidates != nullptr && candidates->is_array())
    for (const auto& candidate : candidates->get_array())
      if (const auto* parts = find(candidate, {"content", "parts"});
          parts != nullptr && parts->is_array())
        for (const auto& part : parts->get_array()) count_text(part, {"text"}, into);
  const auto* figures = find(value, {"usageMetadata"});
  if (figures == nullptr) return;
  const auto prompt = figure(*figures, {"promptTokenCount"});
  const auto tools = figure(*figures, {"toolUsePromptTokenCount"}).value_or(0);
  if (prompt) take_input(*prompt + tools, figure(*figures, {"cachedContentTokenCount"}), into);
  // Thoughts are billed as output. Neither is there before the first token.
  const auto words = figure(*figures, {"candidatesTokenCount"}),
             thoughts = figure(*figures, {"thoughtsTokenCount"});
  if (words || thoughts) take_output(words.value_or(0) + thoughts.value_or(0), into);
}

// Without alt=sse a stream is one array of answers.
void read_gemini(const json::value& value, UsageReading& into) {
  if (const auto* all = value.if_array())
    for (const auto& one : *all) read_gemini_object(one, into);
  else
    read_gemini_object(value, into);
}

}  // namespace

void read_usage(ports::LlmApi api, const json::value& value, UsageReading& into) {
  switch (api) {
    case ports::LlmApi::anthropic_messages: return read_anthropic(value, into);
    case ports::LlmApi::openai_responses: return read_responses(value, into);
    case ports::LlmApi::openai_chat: return read_chat(value, into);
    case ports::LlmApi::gemini: return read_gemini(value, into);
  }
}

}  // namespace corral::engine
