#include "engine/run_documents.h"

#include <algorithm>
#include <set>
#include <unordered_map>

#include "base/log.h"
#include "engine/projection.h"

namespace corral::engine {
namespace {

constexpr std::uint32_t kPage = 500;
constexpr Duration kLook{1'000};     // the longest time between two looks at what others did
constexpr Duration kTrusted{5'000};  // how long after a look its news are trusted to be all
constexpr Duration kRetry{1'000};
constexpr std::string_view kStreams = "run/";
// Whatever was cached before a doubt is past its time then, and what a lease from before it let in.
constexpr Duration kDoubtful = RunDocuments::kKept + 2 * ports::kLeaseTime;

std::string key_of(RunId run) { return "run/" + run.to_string(); }

}  // namespace

struct RunDoubts {
  explicit RunDoubts(Clock& now) : clock(now) {}

  struct Doubt {
    int changing = 0;  // changes under way
    Time until{};
  };
  Clock& clock;
  std::unordered_map<RunId, Doubt> runs;

  bool about(RunId run) const {
    const auto known = runs.find(run);
    return known != runs.end() && (known->second.changing > 0 || known->second.until > clock.now());
  }
  void begin_change(RunId run) { ++runs[run].changing; }
  void end_change(RunId run, bool settled) {
    auto& doubt = runs[run];
    --doubt.changing;
    if (settled && doubt.changing == 0 && doubt.until == Time{}) {
      runs.erase(run);
    } else if (!settled) {
      doubt.until = clock.now() + kDoubtful;
      forget();
    }
  }
  void add(RunId run) {
    runs[run].until = clock.now() + kDoubtful;
    forget();
  }

 private:
  void forget() {
    std::erase_if(runs, [now = clock.now()](const auto& entry) {
      return entry.second.changing == 0 && entry.second.until <= now;
    });
  }
};

RunDocuments::RunDocuments(ports::Store& store, ports::Cache& cache, Clock& clock)
    : store_(store), cache_(cache), clock_(clock), doubts_(std::make_shared<RunDoubts>(clock)) {}

bool RunDocuments::may_use_cache(RunId run) const {
  return !doubts_->about(run) && clock_.now() < fresh_until_;
}

Task<Result<std::optional<json::value>>> RunDocuments::read(RunId run) {
  CORRAL_CO_TRY(auto document, co_await store_.get(std::string(kRunKind), run.to_string()));
  if (!document) co_return std::nullopt;
  co_return std::move(document->body);
}

Task<Result<std::optional<json::value>>> RunDocuments::get(RunId run) {
  ports::CacheAnswer cached;
  if (may_use_cache(run))
    if (auto answer = co_await cache_.get(key_of(run))) cached = std::move(*answer);
  if (cached.value) {
    if (auto body = parse_json(*cached.value, "a cached run")) {
      ++hits_;
      co_return std::move(*body);
    }
  }
  ++misses_;
  CORRAL_CO_TRY(auto body, co_await read(run));
  if (body && cached.lease != 0 && may_use_cache(run))
    (void)co_await cache_.put(key_of(run), json::serialize(*body), cached.lease, kKept);
  co_return body;
}

Task<bool> RunDocuments::erase(RunId run) {
  const auto erased = co_await cache_.erase(key_of(run));
  if (!erased) log::warning("cache.unavailable", {{"why", erased.error().describe()}});
  co_return erased.has_value();
}

RunDocuments::Change::Change(RunDocuments& documents, RunId run)
    : documents_(documents), doubts_(documents.doubts_), run_(run) {
  doubts_->begin_change(run_);
}

RunDocuments::Change::~Change() { doubts_->end_change(run_, settled_); }

Task<void> RunDocuments::Change::done() { settled_ = co_await documents_.erase(run_); }

Task<void> RunDocuments::saw_change(RunId run) {
  if (!co_await erase(run)) doubts_->add(run);
}

Task<void> RunDocuments::saw_changes(const std::vector<ports::Event>& events) {
  std::set<RunId> changed;
  for (const auto& event : events) {
    if (event.position <= followed_ || !event.stream.starts_with(kStreams)) continue;
    if (const auto run = RunId::parse(std::string_view(event.stream).substr(kStreams.size())))
      changed.insert(*run);
  }
  for (const auto run : changed) co_await saw_change(run);
}

Task<void> RunDocuments::follow(std::uint64_t position) {
  followed_ = position;
  fresh_until_ = Time{};
  for (;;) {
    const Time asked = clock_.now();
    const auto news = co_await store_.read_all({.after_position = followed_, .limit = kPage});
    if (!news) {
      co_await clock_.sleep(kRetry);
      continue;
    }
    co_await saw_changes(*news);
    if (!news->empty()) followed_ = news->back().position;
    if (news->size() == kPage) continue;
    fresh_until_ = asked + kTrusted;
    (void)co_await store_.wait_after(followed_, kLook);
  }
}

}  // namespace corral::engine
