// A model provider, as a function.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "ports/llm.h"

namespace corral::ports::fakes {

// Lives on one executor; yields to it, or lets `takes` pass, before each answer.
class FakeLlm final : public LlmProvider {
 public:
  explicit FakeLlm(Clock& clock) : clock_(clock) {}

  struct Answer {
    LlmResponseHead head;
    std::string body;
  };
  // A message of Anthropic's form that says `text`.
  static Answer says(std::string_view text, std::int64_t input_tokens = 10,
                     std::int64_t output_tokens = 20, std::string_view stop_reason = "end_turn");

  Task<Result<void>> exchange(LlmRequest request, LlmSink& sink) override;

  std::function<Result<Answer>(const LlmRequest&)> answer;  // null: says "done"
  std::function<std::optional<Error>()> faults;             // asked before and after each exchange
  Duration takes{0};
  std::vector<LlmRequest> requests;

 private:
  Clock& clock_;
};

}  // namespace corral::ports::fakes
