#include "adapters/store/sqlite/syncer.h"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapters/store/sqlite/schema.h"
#include "base/log.h"

namespace corral::adapters::store::sqlite {
namespace {

// Lets the log be as long from the start as it is when it is begun anew: a sync need not record a
// new length each time then, and takes half as long. Zeros behind the last frame mean nothing to
// SQLite, as old frames there do. Only a saving: where there is no room the log stays as it is.
// Nobody else may write to the log meanwhile.
void lengthen(int log) {
  struct stat info{};
  if (::fstat(log, &info) != 0 || info.st_size >= kLogBytes) return;
  const std::string zeros(static_cast<std::size_t>(kLogBytes - info.st_size), '\0');
  const auto written = ::pwrite(log, zeros.data(), zeros.size(), info.st_size);
  if (written == static_cast<ssize_t>(zeros.size()) && ::fsync(log) == 0) return;
  (void)!::ftruncate(log, info.st_size);
}

}  // namespace

Syncer::Syncer(const std::filesystem::path& log, Gate& gate, std::function<void()> answered)
    : gate_(gate),
      answered_(std::move(answered)),
      log_(::open(log.c_str(), O_RDWR | O_CLOEXEC)),
      path_(log) {
  if (!log_) throw SqliteFailure(errno_error(errno, "database: cannot open " + log.string()));
  lengthen(log_.get());
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
  under_way_ += calls.size();
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
      failure = errno_error(
          errno,
          fmt::format("database: cannot sync {} (nothing more is written until it is opened again)",
                      path_.string()));
      log::error("store.sync_failed", {{"error", failure->message}});
      std::scoped_lock lock(mutex_);
      broken_ = failure;
    }
    for (auto& call : calls) {
      if (failure) call->fail_with(*failure);
      call->answer();
    }
    under_way_ -= calls.size();
    gate_.leave(calls.size());
    answered_();
  }
}

}  // namespace corral::adapters::store::sqlite
