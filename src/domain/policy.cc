#include "domain/policy.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "domain/named.h"

namespace corral::domain {

Money Money::from_usd(double usd) {
  return Money{static_cast<std::int64_t>(std::llround(usd * 1e9))};
}
std::string Money::to_string() const { return fmt::format("${:.4f}", usd()); }

bool step_may_be_retried(ErrorCode code) { return retryable(code) && code != ErrorCode::deadline; }

Duration retry_delay(const RetryPolicy& policy, int next, double jitter) {
  constexpr double kLongestMs = 300'000;
  const double doubled =
      static_cast<double>(policy.backoff.count()) * std::pow(2.0, std::clamp(next - 2, 0, 30));
  return Duration(static_cast<std::int64_t>(std::min(doubled, kLongestMs) *
                                            (0.75 + 0.5 * std::clamp(jitter, 0.0, 1.0))));
}

Result<void> check_budget(const std::optional<Money>& budget, Money spent) {
  if (!budget || spent < *budget) return {};
  return fail(ErrorCode::exhausted,
              "the run's budget of {} is spent: its model calls cost {} so far; start it with a "
              "larger budget",
              budget->to_string(), spent.to_string());
}

std::string_view to_string(PermissionPolicy policy) {
  return policy == PermissionPolicy::ask ? "ask" : "workspace";
}
bool from_string(std::string_view name, PermissionPolicy& policy) {
  return find_named(name, std::array{PermissionPolicy::ask, PermissionPolicy::workspace}, policy);
}

std::string_view to_string(SteeringKind kind) {
  switch (kind) {
    case SteeringKind::prompt: return "prompt";
    case SteeringKind::interrupt: return "interrupt";
    case SteeringKind::mode: return "mode";
  }
  return "prompt";
}
bool from_string(std::string_view name, SteeringKind& kind) {
  return find_named(
      name, std::array{SteeringKind::prompt, SteeringKind::interrupt, SteeringKind::mode}, kind);
}

}  // namespace corral::domain
