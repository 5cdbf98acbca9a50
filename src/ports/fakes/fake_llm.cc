#include "ports/fakes/fake_llm.h"

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/json.h"

namespace corral::ports::fakes {

FakeLlm::Answer FakeLlm::says(std::string_view text, std::int64_t input_tokens,
                              std::int64_t output_tokens, std::string_view stop_reason) {
  const json::object message{
      {"type", "message"},
      {"role", "assistant"},
      {"model", "claude-haiku-4-5"},
      {"content", {{{"type", "text"}, {"text", text}}}},
      {"stop_reason", stop_reason},
      {"usage", {{"input_tokens", input_tokens}, {"output_tokens", output_tokens}}}};
  return {.head = {.status = 200, .headers = {{"content-type", "application/json"}}},
          .body = json::serialize(message)};
}

Task<Result<void>> FakeLlm::exchange(LlmRequest request, LlmSink& sink) {
  if (faults)
    if (auto error = faults()) co_return std::unexpected(*std::move(error));
  requests.push_back(request);
  if (takes.count() > 0)
    co_await clock_.sleep(takes);
  else
    co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
  if (faults)
    if (auto error = faults()) co_return std::unexpected(*std::move(error));
  CORRAL_CO_TRY(auto given, answer ? answer(request) : Result<Answer>(says("done")));
  CORRAL_CO_CHECK(co_await sink.head(std::move(given.head)));
  const auto half = given.body.size() / 2;
  CORRAL_CO_CHECK(co_await sink.body(given.body.substr(0, half)));
  co_return co_await sink.body(given.body.substr(half));
}

}  // namespace corral::ports::fakes
