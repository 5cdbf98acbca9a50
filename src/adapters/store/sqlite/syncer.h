// The thread that makes commits durable, beside the one that writes them.
#pragma once

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "adapters/store/sqlite/call.h"
#include "adapters/store/sqlite/changes.h"
#include "base/fd.h"

namespace corral::adapters::store::sqlite {

struct WriteContext {
  Database& database;
  WriterState& state;
};
using WriteCalls = std::vector<std::unique_ptr<Call<WriteContext>>>;

// SQLite's own sync of a commit (synchronous=FULL) happens inside COMMIT, and nobody can write
// meanwhile. Here the database runs at synchronous=NORMAL, where COMMIT only writes to the
// write-ahead log, and this thread syncs that file before the callers are answered: the same
// promise, but the next transactions are written while the disk is busy. SQLite still syncs what it
// must by itself: the log before a checkpoint, the database before the log is begun anew.
class Syncer {
 public:
  // `log` is the database's -wal file, which is there as long as a connection is open. Throws
  // SqliteFailure.
  // `answered` is told on the syncer's thread each time that it has answered calls.
  Syncer(const std::filesystem::path& log, Gate& gate, std::function<void()> answered);
  // Answers what was handed over.
  ~Syncer();
  Syncer(const Syncer&) = delete;
  Syncer& operator=(const Syncer&) = delete;

  // Answers the calls, which are committed, once the log is on disk. One sync serves all that wait
  // when it begins.
  void push(WriteCalls calls);

  // How many calls wait for the disk. Any thread.
  std::size_t under_way() const { return under_way_.load(); }

  // Set for good when a sync failed: the kernel may have dropped what it could not write, so that a
  // later sync would succeed and mean nothing. The store takes no more until it is opened again.
  std::optional<Error> broken();

 private:
  void loop();

  Gate& gate_;
  const std::function<void()> answered_;
  std::atomic<std::size_t> under_way_ = 0;
  Fd log_;
  std::filesystem::path path_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable arrived_;
  WriteCalls waiting_;
  std::optional<Error> broken_;
  bool stopping_ = false;

  std::thread thread_;  // last: it uses all of the above
};

}  // namespace corral::adapters::store::sqlite
