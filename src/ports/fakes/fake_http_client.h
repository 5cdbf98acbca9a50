// Every HTTP server there is, as a function.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "ports/http_client.h"

namespace corral::ports::fakes {

// Lives on one executor; yields to it, or lets `takes` pass, before each answer. As the real one it
// gives up with `deadline` once a request's timeout is over, although the server has had it.
class FakeHttpClient final : public HttpClient {
 public:
  explicit FakeHttpClient(Clock& clock) : clock_(clock) {}

  Task<Result<HttpResponse>> send(HttpRequest request) override;

  std::function<Result<HttpResponse>(const HttpRequest&)> answer;  // null: 200 and nothing
  // Asked before and after each request: an Error is what the caller gets.
  std::function<std::optional<Error>()> faults;
  Duration takes{0};
  std::vector<HttpRequest> requests;  // all that came, in order

 private:
  Clock& clock_;
};

}  // namespace corral::ports::fakes
