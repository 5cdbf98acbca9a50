#include "engine/rebuild.h"

#include <set>

#include "base/clock.h"
#include "engine/projection.h"
#include "engine/run_repository.h"
#include "engine/run_snapshot.h"

namespace corral::engine {
namespace {

constexpr std::uint32_t kPage = 500;
constexpr std::size_t kMaxDifferences = 20;
constexpr std::string_view kPrefix = "run/";

// What the store adds of its own is not compared.
std::string difference(const std::optional<ports::Document>& is, const ports::Document& should) {
  if (!is) return "is missing";
  if (is->state != should.state)
    return fmt::format("has the state {}, not {}", is->state, should.state);
  if (is->parent != should.parent || is->name != should.name) return "is listed elsewhere";
  return is->body == should.body ? "" : "has another content";
}

class Rebuilder {
 public:
  Rebuilder(ports::Store& store, Rebuild mode)
      : store_(store), runs_(store, SystemClock::instance()), mode_(mode) {}

  Task<Result<RebuildReport>> work(std::function<void(std::uint64_t)> progress) {
    std::string after;
    for (;;) {
      CORRAL_CO_TRY(const auto streams,
                    co_await store_.list_streams(std::string(kPrefix), after, kPage));
      for (const auto& stream : streams) {
        const auto id = RunId::parse(std::string_view(stream.name).substr(kPrefix.size()));
        if (!id) co_return fail(ErrorCode::corrupt, "the stream {} names no run", stream.name);
        CORRAL_CO_TRY(const auto run, co_await runs_.fold(*id));
        CORRAL_CO_CHECK(co_await compare(run));
        CORRAL_CO_CHECK(co_await compare_snapshot(run));
        ++report_.runs;
        report_.events += run.version;
      }
      progress(report_.runs);
      if (streams.size() < kPage) break;
      after = streams.back().name;
    }
    for (const auto kind : {kRunKind, kApprovalKind, kArtifactKind, kSnapshotKind})
      CORRAL_CO_CHECK(co_await remove_others(std::string(kind)));
    co_return std::move(report_);
  }

 private:
  void note(const std::string& kind, const std::string& id, std::string_view what) {
    if (report_.differences.size() < kMaxDifferences)
      report_.differences.push_back(fmt::format("{} {} {}", kind, id, what));
  }

  Task<Result<void>> compare(const domain::Run& run) {
    ports::Transaction repair;
    for (auto& change : changed_documents(domain::Run{}, run)) {
      const auto& should = change.document;
      known_.insert(should.kind + "/" + should.id);
      ++report_.documents;
      CORRAL_CO_TRY(const auto is, co_await store_.get(should.kind, should.id));
      const auto what = difference(is, should);
      if (what.empty()) continue;
      ++report_.changed;
      note(should.kind, should.id, what);
      repair.changes.emplace_back(std::move(change));
    }
    co_return co_await commit(std::move(repair));
  }

  Task<Result<void>> compare_snapshot(const domain::Run& run) {
    const auto id = run.id.to_string();
    CORRAL_CO_TRY(const auto is, co_await store_.get(std::string(kSnapshotKind), id));
    if (!is) co_return Result<void>{};
    known_.insert(fmt::format("{}/{}", kSnapshotKind, id));
    ++report_.documents;
    const bool ours = is_of_this_program(*is);
    if (ours) {
      const auto version = static_cast<std::uint64_t>(find_int(is->body, {"version"}, 0));
      const bool possible = version > 0 && version <= run.version;
      std::optional<domain::Run> then;
      if (possible) {
        CORRAL_CO_TRY(then, co_await runs_.fold(run.id, version));
      }
      if (then && is->body == snapshot_of(*then).document.body) co_return Result<void>{};
      ++report_.changed;
      note(std::string(kSnapshotKind), id,
           possible ? "has another content" : "is of events that are not there");
    }
    ports::Transaction repair;
    if (run.version >= kSnapshotEvery)
      repair.changes.emplace_back(snapshot_of(run));
    else
      repair.changes.emplace_back(ports::DeleteDocument{std::string(kSnapshotKind), id});
    co_return co_await commit(std::move(repair));
  }

  Task<Result<void>> remove_others(std::string kind) {
    ports::DocumentQuery query{.kind = kind, .limit = kPage};
    for (;;) {
      CORRAL_CO_TRY(const auto documents, co_await store_.list(query));
      ports::Transaction repair;
      for (const auto& document : documents) {
        if (known_.contains(kind + "/" + document.id)) continue;
        ++report_.removed;
        note(kind, document.id, "is of no event");
        repair.changes.emplace_back(ports::DeleteDocument{kind, document.id});
      }
      CORRAL_CO_CHECK(co_await commit(std::move(repair)));
      if (documents.size() < kPage) break;
      query.before_id = documents.back().id;
    }
    co_return Result<void>{};
  }

  Task<Result<void>> commit(ports::Transaction repair) {
    if (mode_ == Rebuild::repair && !repair.changes.empty())
      CORRAL_CO_CHECK(co_await store_.commit(std::move(repair)));
    co_return Result<void>{};
  }

  ports::Store& store_;
  RunRepository runs_;
  Rebuild mode_;
  RebuildReport report_;
  std::set<std::string> known_;
};

}  // namespace

Task<Result<RebuildReport>> rebuild_read_models(ports::Store& store, Rebuild mode,
                                                std::function<void(std::uint64_t)> progress) {
  Rebuilder rebuilder(store, mode);
  co_return co_await rebuilder.work(std::move(progress));
}

}  // namespace corral::engine
