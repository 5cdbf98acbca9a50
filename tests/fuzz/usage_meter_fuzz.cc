// The usage meter, and what a refusal says of its end: any bytes, in any split, give the same
// figures, and never negative ones.
#include "edge/gateway/quota.h"
#include "engine/usage_meter.h"

#include <algorithm>

#include "base/error.h"

namespace {

using corral::engine::UsageMeter;
using corral::ports::LlmApi;

corral::engine::ModelUsage metered(LlmApi api, std::string_view answer, UsageMeter::Form form,
                                   std::size_t piece) {
  UsageMeter meter(api);
  meter.begin(form);
  for (std::size_t at = 0; at < answer.size(); at += piece) meter.feed(answer.substr(at, piece));
  meter.finish();
  return meter.usage();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view answer(reinterpret_cast<const char*>(data), size);
  for (const auto api :
       {LlmApi::anthropic_messages, LlmApi::openai_responses, LlmApi::openai_chat, LlmApi::gemini})
    for (const auto form : {UsageMeter::Form::event_stream, UsageMeter::Form::json}) {
      const auto whole = metered(api, answer, form, std::max<std::size_t>(size, 1)),
                 split = metered(api, answer, form, 1 + size % 5);
      CORRAL_ASSERT(whole.model == split.model && whole.input_tokens == split.input_tokens &&
                    whole.output_tokens == split.output_tokens);
      CORRAL_ASSERT(whole.input_tokens >= 0 && whole.output_tokens >= 0 &&
                    whole.cache_read_tokens >= 0 && whole.cache_write_tokens >= 0);
    }
  const corral::Time now{std::chrono::hours(24 * 365 * 50)};
  const std::string text(answer);
  for (const int status : {429, 529})
    if (const auto reset = corral::edge::quota_reset(
            {.status = status, .headers = {{"retry-after", text}}}, answer, now))
      CORRAL_ASSERT(*reset > now);
  return 0;
}
