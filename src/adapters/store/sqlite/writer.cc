#include "adapters/store/sqlite/writer.h"

#include <algorithm>

#include "adapters/store/sqlite/reads.h"
#include "base/log.h"

namespace corral::adapters::store::sqlite {
namespace {

// Bounds how long the first caller of a group waits for the last.
constexpr std::size_t kMaxGroup = 512;

// Whether one call alone may have caused it, so that the others of its group deserve a try without it.
bool may_spare_others(ErrorCode code) {
  return code == ErrorCode::exhausted || code == ErrorCode::invalid || code == ErrorCode::internal;
}

}  // namespace

Writer::Writer(std::unique_ptr<Database> database, std::size_t max_waiting, Published published)
    : database_(std::move(database)), published_(std::move(published)), gate_(max_waiting) {
  state_.position = last_position(*database_);
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
    wake = queue_.empty();
    queue_.push_back(std::move(item));
  }
  if (wake) arrived_.notify_one();
}

void Writer::loop() {
  std::vector<Item> group;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      arrived_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      const auto count = static_cast<std::ptrdiff_t>(std::min(queue_.size(), kMaxGroup));
      std::move(queue_.begin(), queue_.begin() + count, std::back_inserter(group));
      queue_.erase(queue_.begin(), queue_.begin() + count);
    }
    commit_group(group);
    gate_.leave(group.size());
    group.clear();
  }
}

void Writer::set_durability(Durability durability) {
  if (durability_ == durability) return;
  database_->execute(durability == Durability::synced ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
  durability_ = durability;
}

void Writer::run_in_savepoint(Call<WriteContext>& call) {
  const WriterState before = state_;
  WriteContext context{*database_, state_};
  Query(*database_, "SAVEPOINT one").run();
  bool accepted = false;
  try {
    accepted = call.run(context);
  } catch (const SqliteFailure& failure) {
    // The disk and the file are everybody's trouble; a value that SQLite refuses is this call's alone.
    if (!database_->in_transaction() || (failure.error.code != ErrorCode::invalid && failure.error.code != ErrorCode::internal)) throw;
    call.fail_with(failure.error);
  }
  if (!accepted) {
    Query(*database_, "ROLLBACK TO one").run();
    state_ = before;
  }
  Query(*database_, "RELEASE one").run();
}

void Writer::commit_group(std::span<Item> items) {
  const WriterState before = state_;
  try {
    const bool synced = std::ranges::any_of(items, [](const Item& item) { return item.durability == Durability::synced; });
    set_durability(synced ? Durability::synced : Durability::written);
    Query(*database_, "BEGIN IMMEDIATE").run();
    for (auto& item : items) run_in_savepoint(*item.call);
    Query(*database_, "COMMIT").run();
  } catch (const SqliteFailure& failure) {
    database_->rollback();
    state_ = before;
    if (items.size() > 1 && may_spare_others(failure.error.code)) {
      for (auto& item : items) commit_group({&item, 1});
      return;
    }
    log::warning("store.commit_failed", {{"error", failure.error.message}, {"calls", items.size()}});
    for (auto& item : items) item.call->fail_with(failure.error), item.call->answer();
    return;
  }
  published_(state_);
  for (auto& item : items) item.call->answer();
}

}  // namespace corral::adapters::store::sqlite
