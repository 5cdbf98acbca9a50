#include "engine/homes.h"

#include "base/log.h"

namespace corral::engine {
namespace {

constexpr std::string_view kServerKind = "server";

}  // namespace

Result<WorkspaceId> present_workspace(const Core& core, const domain::Run& run,
                                      std::string_view instead) {
  if (!run.workspace || !run.workspace_ready || domain::has_ended(run.status))
    return fail(ErrorCode::conflict, "run {} is {} and has no workspace now: {}",
                run.id.to_string(), to_string(run.status), instead);
  if (core.options.store_use == StoreUse::shared && !run.home.empty() &&
      run.home != core.options.server)
    return fail(ErrorCode::conflict, "run {} has its workspace on server {}: ask that one",
                run.id.to_string(), run.home);
  return *run.workspace;
}

Task<Result<void>> Homes::look() {
  if (!shared()) co_return Result<void>{};
  CORRAL_CO_CHECK(co_await core_.commit(
      ports::PutDocument{.document = {.kind = std::string(kServerKind),
                                      .id = core_.options.server,
                                      .body = json::object{{"worker", core_.options.worker}}},
                         .expected_version = std::nullopt}));
  CORRAL_CO_TRY(const auto documents,
                co_await core_.deps.store.list(
                    {.kind = std::string(kServerKind), .limit = ports::kMaxListLimit}));
  const Time now = core_.deps.clock.now();
  // Who was away itself, or cut off from the store, has not seen the others' signs meanwhile.
  if (now - looked_ >= core_.options.lease)
    for (auto& [server, sign] : signs_) sign.since = now;
  looked_ = now;
  for (const auto& document : documents) {
    auto& sign = signs_[document.id];
    if (sign.version != document.version) sign = {document.version, now};
  }
  co_return Result<void>{};
}

Task<void> Homes::keep() {
  if (!shared()) co_return;
  for (;;) {
    co_await core_.deps.clock.sleep(core_.options.heartbeat);
    if (const auto looked = co_await look(); !looked)
      log::debug("server.unseen", {{"why", looked.error().describe()}});
  }
}

bool Homes::alive(const std::string& server) const {
  const auto sign = signs_.find(server);
  const Time now = core_.deps.clock.now();
  // What was last looked at long ago tells nothing: then everybody counts as alive.
  return sign != signs_.end() &&
         (now - looked_ >= core_.options.lease || now - sign->second.since < core_.options.lease);
}

Task<Result<void>> Homes::check(const domain::Run& run) {
  if (!shared() || run.home.empty() || run.home == core_.options.server) co_return Result<void>{};
  // It may have come back since the last look.
  if (!alive(run.home)) CORRAL_CO_CHECK(co_await look());
  if (alive(run.home))
    co_return fail(ErrorCode::conflict, "run {} lives on server {}", run.id.to_string(), run.home);
  // Being ended needs no work of before.
  const auto deadline = run.deadline();
  const bool ends = domain::has_ended(run.status) || run.cancel_reason ||
                    (deadline && core_.deps.clock.now() >= *deadline);
  if (ends || run.snapshot.empty()) co_return Result<void>{};
  const auto here = co_await core_.deps.mirrors.resolve(run.request.project, run.snapshot);
  if (here) co_return Result<void>{};
  co_return fail(ErrorCode::unavailable,
                 "run {} waits for server {}, which does not answer: its work so far is there",
                 run.id.to_string(), run.home);
}

}  // namespace corral::engine
