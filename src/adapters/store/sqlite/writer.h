// The one thread that writes, with adaptive group commit: what waits while one transaction is under
// way shares the next.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "adapters/store/sqlite/call.h"
#include "adapters/store/sqlite/changes.h"
#include "adapters/store/sqlite/database.h"
#include "adapters/store/sqlite/syncer.h"

namespace corral::adapters::store::sqlite {

class Writer {
 public:
  // Whether the answer must wait for the disk.
  enum class Durability { synced, written };
  // Told after every group that was committed, on the writer's thread, before its callers are
  // answered (and before it is synced, as readers see it from then on).
  using Published = std::function<void(const WriterState&)>;

  // Throws SqliteFailure.
  Writer(std::unique_ptr<Database> database, const std::filesystem::path& path,
         std::size_t max_waiting, Published published);
  // Finishes what was handed over.
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // Runs `work` (WriteContext& → Result<R>) in a transaction; a refusal undoes what it wrote and
  // nothing else's.
  template <class R, class Work>
  Task<Result<R>> run(Durability durability, Work work) {
    Port& port = durability == Durability::synced ? synced_ : written_;
    return hand_over<R, WriteContext>(port, gate_, std::move(work));
  }

 private:
  struct Item {
    std::unique_ptr<Call<WriteContext>> call;
    Durability durability;
  };
  // Where calls of one durability come in.
  struct Port {
    Writer& writer;
    Durability durability;
    void push(std::unique_ptr<Call<WriteContext>> call) {
      writer.push({std::move(call), durability});
    }
  };

  void push(Item item);
  void loop();
  void commit_group(std::span<Item> items);
  // False when it was refused: what it wrote is still there.
  bool run_call(Call<WriteContext>& call);
  // A refusal leaves nothing behind.
  void run_in_savepoint(Call<WriteContext>& call);
  void answer(std::span<Item> items);

  // Whether to begin a group now; under the lock.
  bool group_is_due() const;

  std::mutex mutex_;  // guards what stands below it, to the empty line
  std::condition_variable arrived_;
  std::deque<Item> queue_;
  std::size_t urgent_ = 0;  // of those, how many do not wait for the disk
  bool idle_ = false;
  bool stopping_ = false;

  std::unique_ptr<Database> database_;
  WriterState state_;
  Published published_;
  Gate gate_;
  Syncer syncer_;
  Port synced_{*this, Durability::synced};
  Port written_{*this, Durability::written};

  std::thread thread_;  // last: it uses all of the above
};

}  // namespace corral::adapters::store::sqlite
