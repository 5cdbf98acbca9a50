// The port to model providers: one HTTP exchange, streamed. Live, recording and replaying adapters
// implement it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/id.h"
#include "base/task.h"

namespace corral::ports {

struct LlmRequest {
  RunId run;
  std::string path;                            // "/v1/messages"
  std::map<std::string, std::string> headers;  // lower-case names; without any credential
  std::string body;
};

struct LlmResponseHead {
  int status = 200;
  std::map<std::string, std::string> headers;  // lower-case names; only those worth passing on
};

// Receives the answer: head once, then the body in pieces. Awaited, so a slow reader slows the
// provider down.
class LlmSink {
 public:
  virtual ~LlmSink() = default;
  virtual Task<Result<void>> head(LlmResponseHead head) = 0;
  virtual Task<Result<void>> body(std::string bytes) = 0;
};

class LlmProvider {
 public:
  virtual ~LlmProvider() = default;
  // Returns when the answer has ended. An HTTP error of the provider is an answer, not an Error;
  // `unavailable` when it cannot be reached; `invalid` with what differs when a cassette does not
  // fit. Cancelling ends the exchange.
  virtual Task<Result<void>> exchange(LlmRequest request, LlmSink& sink) = 0;
};

}  // namespace corral::ports
