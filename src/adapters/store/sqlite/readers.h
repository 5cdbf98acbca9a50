// The threads that read, each with a connection of its own.
#pragma once

#include <condition_variable>
#include <deque>
#include <filesystem>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "adapters/store/sqlite/call.h"
#include "adapters/store/sqlite/database.h"

namespace corral::adapters::store::sqlite {

struct ReadContext {
  Database& database;
};

class Readers {
 public:
  // Opens `count` connections to the prepared database; throws SqliteFailure.
  Readers(const std::filesystem::path& path, std::size_t count, std::size_t max_waiting,
          Duration busy_timeout);
  // Finishes what was handed over.
  ~Readers();
  Readers(const Readers&) = delete;
  Readers& operator=(const Readers&) = delete;

  // Runs `work` (ReadContext& → R) and sees every commit that was acknowledged before.
  template <class R, class Work>
  Task<Result<R>> run(Work work) {
    return hand_over<R, ReadContext>(*this, gate_,
                                     [work = std::move(work)](ReadContext& context) -> Result<R> {
                                       return work(context.database);
                                     });
  }
  void push(std::unique_ptr<Call<ReadContext>> call);

 private:
  void loop(Database& database);

  Gate gate_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable arrived_;
  std::deque<std::unique_ptr<Call<ReadContext>>> queue_;
  bool stopping_ = false;

  std::vector<std::unique_ptr<Database>> databases_;
  std::vector<std::thread> threads_;
};

}  // namespace corral::adapters::store::sqlite
