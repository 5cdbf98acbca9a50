#include "engine/run_repository.h"

#include <algorithm>
#include <iterator>
#include <limits>

#include "domain/schedule.h"
#include "engine/projection.h"
#include "engine/run_snapshot.h"

namespace corral::engine {
namespace {

constexpr std::size_t kCachedRuns = 64;
constexpr std::uint32_t kPage = 500;
constexpr auto kAll = std::numeric_limits<std::uint64_t>::max();
// Each conflict means that another writer got on. More in a row than there can be writers is a
// store that lies.
constexpr int kMaxConflicts = 64;

Result<void> fold_events(domain::Run& run, RunId id, const std::vector<ports::Event>& events) {
  for (const auto& stored : events) {
    auto event = domain::event_from(stored.type, stored.data);
    if (!event)
      return wrap(std::move(event).error(),
                  fmt::format("run {} cannot be read at event {}", id.to_string(), stored.version));
    domain::apply(run, *event, stored.origin.actor);
  }
  return {};
}

Result<domain::Run> at_version(domain::Run run, RunId id, std::uint64_t version) {
  if (!run.exists()) return fail(ErrorCode::not_found, "there is no run {}", id.to_string());
  if (run.version < version)
    return fail(ErrorCode::invalid, "version: the run has only {} events, not {}", run.version,
                version);
  return run;
}

// That nothing was written.
bool is_refusal(ErrorCode code) {
  return code == ErrorCode::conflict || code == ErrorCode::invalid || code == ErrorCode::not_found;
}

}  // namespace

std::string run_stream(RunId run) { return "run/" + run.to_string(); }

ports::EventOrigin origin_of(const Caller& by, RunId root) {
  return {.actor = by.actor,
          .cause = by.idempotency_key.empty() ? std::string() : "command/" + by.idempotency_key,
          .correlation = root.to_string(),
          .trace = by.trace};
}

Task<Result<std::optional<domain::Run>>> RunRepository::snapshot(RunId id) {
  CORRAL_CO_TRY(const auto kept, co_await store_.get(std::string(kSnapshotKind), id.to_string()));
  if (!kept) co_return std::nullopt;
  co_return run_of_snapshot(id, *kept);
}

// Up to that version, or as far as there are events.
Task<Result<void>> RunRepository::fold_on(domain::Run& run, RunId id, std::uint64_t until) {
  while (run.version < until) {
    const auto page = std::min<std::uint64_t>(until - run.version, kPage);
    CORRAL_CO_TRY(const auto events, co_await store_.read_stream(run_stream(id), run.version,
                                                                 static_cast<std::uint32_t>(page)));
    CORRAL_CO_CHECK(fold_events(run, id, events));
    if (!events.empty()) saw(events.back().position);
    if (events.size() < page) break;
  }
  co_return Result<void>{};
}

Task<Result<domain::Run>> RunRepository::refresh(RunId id, Expect expect) {
  domain::Run run;
  std::uint64_t known = 0;
  if (const auto cached = cache_.find(id); cached != cache_.end()) {
    run = cached->second.run;
    known = run.version;
  } else if (expect == Expect::any) {
    CORRAL_CO_TRY(auto kept, co_await snapshot(id));
    if (kept) run = std::move(*kept);
  }
  CORRAL_CO_CHECK(co_await fold_on(run, id, kAll));
  if (run.version > known) {
    remember(run);
    // Whoever is answered from this must not read an older document afterwards.
    if (documents_ != nullptr) co_await documents_->saw_change(id);
  }
  co_return run;
}

void RunRepository::remember(const domain::Run& run) {
  if (const auto cached = cache_.find(run.id); cached != cache_.end()) {
    // Two readers at once may end in either order: what is known never shrinks.
    if (cached->second.run.version < run.version) cached->second.run = run;
    by_use_.splice(by_use_.begin(), by_use_, cached->second.used);
    return;
  }
  by_use_.push_front(run.id);
  cache_.emplace(run.id, Cached{run, by_use_.begin()});
  if (by_use_.size() > kCachedRuns) {
    cache_.erase(by_use_.back());
    by_use_.pop_back();
  }
}

Task<Result<domain::Run>> RunRepository::load(RunId id) {
  CORRAL_CO_TRY(auto run, co_await refresh(id));
  if (!run.exists()) co_return fail(ErrorCode::not_found, "there is no run {}", id.to_string());
  co_return run;
}

Task<Result<domain::Run>> RunRepository::load_at(RunId id, std::uint64_t version) {
  CORRAL_CO_TRY(auto kept, co_await snapshot(id));
  if (!kept || kept->version > version) co_return co_await fold(id, version);
  CORRAL_CO_CHECK(co_await fold_on(*kept, id, version));
  co_return at_version(std::move(*kept), id, version);
}

Task<Result<domain::Run>> RunRepository::fold(RunId id, std::optional<std::uint64_t> version) {
  domain::Run run;
  CORRAL_CO_CHECK(co_await fold_on(run, id, version.value_or(kAll)));
  const auto until = version.value_or(run.version);
  co_return at_version(std::move(run), id, until);
}

Task<Result<void>> RunRepository::commit_change(RunId id, ports::Transaction transaction,
                                                Claiming* claiming) {
  if (documents_ == nullptr) co_return co_await commit(std::move(transaction), claiming);
  RunDocuments::Change change(*documents_, id);
  auto committed = co_await commit(std::move(transaction), claiming);
  if (committed)
    co_await change.done();
  else if (is_refusal(committed.error().code))
    change.refused();
  co_return committed;
}

std::optional<domain::Run> RunRepository::known(RunId id) const {
  const auto cached = cache_.find(id);
  if (cached == cache_.end()) return std::nullopt;
  return cached->second.run;
}

Task<Result<void>> RunRepository::commit(ports::Transaction transaction, Claiming* claiming) {
  if (claiming == nullptr) {
    CORRAL_CO_TRY(const auto position, co_await store_.commit(std::move(transaction)));
    saw(position);
    co_return Result<void>{};
  }
  CORRAL_CO_TRY(auto done,
                co_await store_.commit_and_claim(std::move(transaction), claiming->query));
  saw(done.position);
  claiming->jobs = std::move(done.jobs);
  co_return Result<void>{};
}

Task<Result<Executed>> RunRepository::execute(RunId id, domain::Command command, Caller by,
                                              std::vector<ports::Change> extra, Claiming* claiming,
                                              Then then) {
  // What is known is tried first: the version that the events expect tells whether it was true.
  // Only what changes nothing or is refused must be decided on what the store says.
  auto seen = known(id);
  const auto expect =
      std::holds_alternative<domain::Create>(command) ? Expect::nothing : Expect::any;
  for (int conflicts = 0;;) {
    const bool certain = !seen;
    if (certain) {
      CORRAL_CO_TRY(seen, co_await refresh(id, expect));
    }
    const domain::Run before = *std::exchange(seen, std::nullopt);
    auto events = domain::decide(before, command, clock_.now());
    if (!certain && (!events || events->empty())) continue;
    if (!events) co_return std::unexpected(std::move(events).error());
    if (events->empty() && extra.empty()) co_return Executed{before, before};

    domain::Run after = before;
    for (const auto& event : *events) domain::apply(after, event, by.actor);
    if (then == Then::advance)
      std::ranges::move(domain::next::advance(after, clock_.now(), by.actor),
                        std::back_inserter(*events));
    ports::Append append{.stream = run_stream(id), .expected_version = before.version};
    for (const auto& event : *events)
      append.events.push_back({.type = std::string(domain::type_of(event.body)),
                               .data = domain::data_of(event),
                               .origin = origin_of(by, after.request.root.value_or(after.id))});
    ports::Transaction transaction;
    if (!events->empty()) {
      transaction.changes.emplace_back(std::move(append));
      for (auto& document : changed_documents(before, after))
        transaction.changes.emplace_back(std::move(document));
      if (is_snapshot_due(before, after)) transaction.changes.emplace_back(snapshot_of(after));
    }
    for (const auto& change : extra) transaction.changes.push_back(change);

    const auto committed = events->empty()
                               ? co_await commit(std::move(transaction), claiming)
                               : co_await commit_change(id, std::move(transaction), claiming);
    if (committed) {
      if (!events->empty()) remember(after);
      co_return Executed{before, std::move(after)};
    }
    // A conflict of the stream's version shows as a longer stream; any other (a unique name, a
    // lease) is the caller's.
    if (committed.error().code != ErrorCode::conflict || conflicts++ == kMaxConflicts)
      co_return std::unexpected(committed.error());
    CORRAL_CO_TRY(const auto now, co_await refresh(id));
    if (now.version == before.version) co_return std::unexpected(committed.error());
  }
}

}  // namespace corral::engine
