// Retry, budget, permission: rules without state.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "domain/workflow.h"

namespace corral::domain {

// ---- money: whole nano-dollars, so that sums are exact and do not depend on their order ----

struct Money {
  std::int64_t nano_usd = 0;

  static Money from_usd(double usd);
  double usd() const { return static_cast<double>(nano_usd) / 1e9; }
  std::string to_string() const;  // "$0.0123"
  auto operator<=>(const Money&) const = default;
  Money& operator+=(Money other) {
    nano_usd += other.nano_usd;
    return *this;
  }
};

// ---- retry ----

// Whether another attempt at a step may end otherwise. As corral::retryable, but for `deadline`:
// there it is the step's own time limit, which the same work would hit again.
bool step_may_be_retried(ErrorCode code);

// How long to wait before attempt `next` (2, 3, …): doubles from the policy's backoff, at most 5
// minutes, spread by ± 25 % with `jitter` from [0, 1) so that many failures at once do not come
// back at once.
Duration retry_delay(const RetryPolicy& policy, int next, double jitter);

// ---- budget ----

// `exhausted` with both figures when `spent` has reached the budget. No budget: always fine.
Result<void> check_budget(const std::optional<Money>& budget, Money spent);

// ---- permissions ----

enum class PermissionPolicy {
  workspace,  // what an agent does inside its sandbox is contained there: allowed without asking
  ask,        // a person decides each
};
std::string_view to_string(PermissionPolicy policy);
bool from_string(std::string_view name, PermissionPolicy& policy);

// ---- steering: what a person may tell an agent that is at work ----

enum class SteeringKind {
  prompt,     // a further task, once the present one is done
  interrupt,  // leave off what it is doing
  mode,       // who decides what it may do: a PermissionPolicy
};
std::string_view to_string(SteeringKind kind);
bool from_string(std::string_view name, SteeringKind& kind);

}  // namespace corral::domain
