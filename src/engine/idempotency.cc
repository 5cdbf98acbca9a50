#include "engine/idempotency.h"

#include "engine/digest.h"

namespace corral::engine {
namespace {

constexpr std::string_view kKind = "idempotency";
constexpr std::size_t kMaxKey = 255;

}  // namespace

Result<Once> Once::of(const Caller& by, std::string_view what) {
  Once once;
  if (by.idempotency_key.empty()) return once;
  if (by.idempotency_key.size() > kMaxKey)
    return fail(ErrorCode::invalid, "Idempotency-Key: at most {} bytes", kMaxKey);
  once.id_ = sha256_hex(by.actor + "\n" + by.idempotency_key);
  once.hash_ = sha256_hex(what);
  return once;
}

Task<Result<std::optional<RunId>>> Once::earlier(Core& core) const {
  if (!keyed()) co_return std::nullopt;
  CORRAL_CO_TRY(const auto known, co_await core.deps.store.get(std::string(kKind), id_));
  if (!known) co_return std::nullopt;
  if (find_string(known->body, {"hash"}) != hash_)
    co_return fail(ErrorCode::conflict,
                   "this Idempotency-Key was used for a different request: use a new key");
  co_return RunId::parse(find_string(known->body, {"run"}));
}

void Once::remember(RunId run, std::vector<ports::Change>& changes) const {
  if (keyed())
    changes.emplace_back(
        ports::PutDocument{{.kind = std::string(kKind),
                            .id = id_,
                            .body = json::object{{"run", run.to_string()}, {"hash", hash_}}},
                           0});
}

}  // namespace corral::engine
