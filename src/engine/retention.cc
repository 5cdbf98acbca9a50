#include "engine/retention.h"

#include <algorithm>

#include "base/log.h"

namespace corral::engine {
namespace {

constexpr Duration kEvery = std::chrono::minutes(10);
// A log that nobody has written to for so long is compressed, although more may come.
constexpr Duration kIdle = std::chrono::hours(1);

constexpr std::string_view kRuns = "runs/", kSessions = "sessions/";

// Before this nothing of it can have ended: ids say when they were made (UUIDv7).
Time made(const std::string& name) {
  const auto id = Uuid::parse(std::string_view(name).substr(name.find('/') + 1));
  std::int64_t milliseconds = 0;
  for (int i = 0; id && i < 6; ++i) milliseconds = milliseconds << 8 | id->bytes[i];
  return Time(Duration(milliseconds));
}

}  // namespace

Task<void> Retention::keep() {
  for (;;) {
    co_await core_.deps.clock.sleep(kEvery);
    if (const auto done = co_await core_.deps.logs.compress(kIdle); !done)
      log::warning("logs.not_compressed", {{"why", done.error().describe()}});
    if (const auto done = co_await look(); !done)
      log::warning("logs.not_looked_through", {{"why", done.error().describe()}});
  }
}

Task<Result<std::optional<Time>>> Retention::ended(const std::string& name) {
  std::optional<Time> at;
  const auto id = std::string_view(name).substr(name.find('/') + 1);
  if (const auto run = RunId::parse(id); run && name.starts_with(kRuns)) {
    CORRAL_CO_TRY(const auto state, co_await core_.runs.load(*run));
    if (domain::has_ended(state.status)) at = state.finished_at;
  }
  if (const auto session = SessionId::parse(id); session && name.starts_with(kSessions)) {
    CORRAL_CO_TRY(const auto state, co_await sessions_.load(*session));
    if (state.status == domain::SessionStatus::ended) at = state.ended_at;
  }
  co_return at;
}

Task<Result<void>> Retention::remove(const session::LogStore::Kept& log, std::string_view why,
                                     std::uint64_t& total) {
  const auto removed = co_await core_.deps.logs.expire(
      log.name,
      fmt::format("the log was removed at {}: {}", to_rfc3339(core_.deps.clock.now()), why));
  if (!removed) {
    // Somebody reads it: the next round finds it again.
    if (removed.error().code == ErrorCode::conflict) co_return Result<void>{};
    co_return removed;
  }
  total -= log.bytes;
  log::info("log.removed", {{"log", log.name}, {"bytes", log.bytes}, {"why", why}});
  co_return Result<void>{};
}

Task<Result<void>> Retention::look() {
  const auto longest = core_.options.keep_logs;
  const auto quota = core_.options.log_quota_bytes;
  if (longest.count() == 0 && quota == 0) co_return Result<void>{};
  CORRAL_CO_TRY(auto logs, co_await core_.deps.logs.list());
  std::ranges::sort(logs, {}, [](const auto& log) { return std::pair(made(log.name), log.name); });
  std::uint64_t total = 0;
  for (const auto& log : logs) total += log.bytes;
  const Time now = core_.deps.clock.now();
  for (const auto& log : logs) {
    const bool old = longest.count() > 0 && now - made(log.name) > longest;
    const bool too_much = quota > 0 && total > quota;
    if (!old && !too_much) break;  // those that follow are younger
    const auto end = co_await ended(log.name);
    // Of something that the store does not know: not ours to judge.
    if (!end && end.error().code == ErrorCode::not_found) continue;
    CORRAL_CO_CHECK(end);
    if (!*end) continue;
    std::string why;
    if (too_much)
      why = fmt::format(
          "all logs together had grown to {} bytes, over the limit of {} (--logs-quota)", total,
          quota);
    else if (now - **end > longest)
      why = fmt::format("logs are kept for {} days after the end (--keep-logs)",
                        std::chrono::duration_cast<std::chrono::days>(longest).count());
    if (!why.empty()) CORRAL_CO_CHECK(co_await remove(log, why, total));
  }
  co_return Result<void>{};
}

}  // namespace corral::engine
