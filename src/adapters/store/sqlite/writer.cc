#include "adapters/store/sqlite/writer.h"

#include <algorithm>

#include "adapters/store/sqlite/claims.h"
#include "adapters/store/sqlite/reads.h"
#include "base/log.h"

namespace corral::adapters::store::sqlite {
namespace {

// Bounds how long the first caller of a group waits for the last.
constexpr std::size_t kMaxGroup = 512;

// Whether one call alone may have caused it, so that the others of its group deserve a try without
// it.
bool may_spare_others(ErrorCode code) {
  return code == ErrorCode::exhausted || code == ErrorCode::invalid || code == ErrorCode::internal;
}

}  // namespace

Writer::Writer(std::unique_ptr<Database> database, const std::filesystem::path& path,
               std::size_t max_waiting, Published published)
    : database_(std::move(database)),
      published_(std::move(published)),
      gate_(max_waiting),
      syncer_(path.string() + "-wal", gate_, [this] {
        {
          std::scoped_lock lock(mutex_);
        }
        arrived_.notify_one();
      }) {
  state_.position = last_position(*database_);
  state_.last_claim = last_claim(*database_);
  published_(state_);
  thread_ = std::thread([this] { loop(); });
}

Writer::~Writer() {
  {
    std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  arrived_.notify_one();
  thread_.join();
}

void Writer::push(Item item) {
  bool wake = false;
  {
    std::scoped_lock lock(mutex_);
    if (item.durability == Durability::written) ++urgent_;
    queue_.push_back(std::move(item));
    wake = idle_ && group_is_due();
    if (wake) idle_ = false;
  }
  if (wake) arrived_.notify_one();
}

// A group's pages are written once, however many calls it has. So while the disk is busy with many
// calls a few that come meanwhile wait for more of them, or for the disk.
bool Writer::group_is_due() const {
  return stopping_ || urgent_ > 0 || (!queue_.empty() && 2 * queue_.size() >= syncer_.under_way());
}

void Writer::loop() {
  std::vector<Item> group;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      while (!group_is_due()) {
        idle_ = true;
        arrived_.wait(lock);
      }
      idle_ = false;
      if (queue_.empty()) return;
      const auto count = static_cast<std::ptrdiff_t>(std::min(queue_.size(), kMaxGroup));
      std::move(queue_.begin(), queue_.begin() + count, std::back_inserter(group));
      queue_.erase(queue_.begin(), queue_.begin() + count);
      urgent_ -= static_cast<std::size_t>(
          std::ranges::count(group, Durability::written, &Item::durability));
    }
    commit_group(group);
    group.clear();
  }
}

bool Writer::run_call(Call<WriteContext>& call) {
  WriteContext context{*database_, state_};
  try {
    return call.run(context);
  } catch (const SqliteFailure& failure) {
    // The disk and the file are everybody's trouble; a value that SQLite refuses is this call's
    // alone.
    if (!database_->in_transaction() ||
        (failure.error.code != ErrorCode::invalid && failure.error.code != ErrorCode::internal))
      throw;
    call.fail_with(failure.error);
    return false;
  }
}

void Writer::run_in_savepoint(Call<WriteContext>& call) {
  const WriterState before = state_;
  Query(*database_, "SAVEPOINT one").run();
  if (!run_call(call)) {
    Query(*database_, "ROLLBACK TO one").run();
    state_ = before;
  }
  Query(*database_, "RELEASE one").run();
}

void Writer::commit_group(std::span<Item> items) {
  const WriterState before = state_;
  try {
    if (auto broken = syncer_.broken()) throw SqliteFailure(*std::move(broken));
    Query(*database_, "BEGIN IMMEDIATE").run();
    // Nearly always nobody is refused, and a savepoint copies every page that its call changes.
    if (!std::ranges::all_of(items, [this](Item& item) { return run_call(*item.call); })) {
      database_->rollback();
      state_ = before;
      Query(*database_, "BEGIN IMMEDIATE").run();
      if (items.size() > 1)
        for (auto& item : items) run_in_savepoint(*item.call);
    }
    Query(*database_, "COMMIT").run();
  } catch (const SqliteFailure& failure) {
    database_->rollback();
    state_ = before;
    if (items.size() > 1 && may_spare_others(failure.error.code)) {
      for (auto& item : items) commit_group({&item, 1});
      return;
    }
    log::warning("store.commit_failed",
                 {{"error", failure.error.message}, {"calls", items.size()}});
    for (auto& item : items) item.call->fail_with(failure.error), item.call->answer();
    gate_.leave(items.size());
    return;
  }
  published_(state_);
  answer(items);
}

void Writer::answer(std::span<Item> items) {
  WriteCalls to_sync;
  std::size_t answered = 0;
  for (auto& item : items) {
    if (item.durability == Durability::synced) {
      to_sync.push_back(std::move(item.call));
    } else {
      item.call->answer();
      ++answered;
    }
  }
  if (!to_sync.empty()) syncer_.push(std::move(to_sync));
  if (answered > 0) gate_.leave(answered);
}

}  // namespace corral::adapters::store::sqlite
