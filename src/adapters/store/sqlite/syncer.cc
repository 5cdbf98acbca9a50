#include "adapters/store/sqlite/syncer.h"

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

#include "base/log.h"

namespace corral::adapters::store::sqlite {

Syncer::Syncer(const std::filesystem::path& log, Gate& gate) : gate_(gate), log_(::open(log.c_str(), O_RDONLY | O_CLOEXEC)), path_(log) {
  if (!log_) throw SqliteFailure(errno_error(errno, "database: cannot open " + log.string()));
  thread_ = std::thread([this] { loop(); });
}

Syncer::~Syncer() {
  {
    std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  arrived_.notify_one();
  thread_.join();
}

void Syncer::push(WriteCalls calls) {
  {
    std::scoped_lock lock(mutex_);
    std::ranges::move(calls, std::back_inserter(waiting_));
  }
  arrived_.notify_one();
}

std::optional<Error> Syncer::broken() {
  std::scoped_lock lock(mutex_);
  return broken_;
}

void Syncer::loop() {
  for (;;) {
    WriteCalls calls;
    {
      std::unique_lock lock(mutex_);
      arrived_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      calls.swap(waiting_);
    }
    std::optional<Error> failure = broken();
    if (!failure && ::fdatasync(log_.get()) != 0) {
      failure = errno_error(errno, fmt::format("database: cannot sync {} (nothing more is written until it is opened again)", path_.string()));
      log::error("store.sync_failed", {{"error", failure->message}});
      std::scoped_lock lock(mutex_);
      broken_ = failure;
    }
    for (auto& call : calls) {
      if (failure) call->fail_with(*failure);
      call->answer();
    }
    gate_.leave(calls.size());
  }
}

}  // namespace corral::adapters::store::sqlite
