#include "adapters/store/sqlite/readers.h"

namespace corral::adapters::store::sqlite {

Readers::Readers(const std::filesystem::path& path, std::size_t count, std::size_t max_waiting,
                 Duration busy_timeout)
    : gate_(max_waiting) {
  for (std::size_t i = 0; i < count; ++i)
    databases_.push_back(std::make_unique<Database>(path, Database::Mode::read_only, busy_timeout));
  for (auto& database : databases_) threads_.emplace_back([this, &database] { loop(*database); });
}

Readers::~Readers() {
  {
    std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  arrived_.notify_all();
  for (auto& thread : threads_) thread.join();
}

void Readers::push(std::unique_ptr<Call<ReadContext>> call) {
  {
    std::scoped_lock lock(mutex_);
    queue_.push_back(std::move(call));
  }
  arrived_.notify_one();
}

void Readers::loop(Database& database) {
  ReadContext context{database};
  for (;;) {
    std::unique_ptr<Call<ReadContext>> call;
    {
      std::unique_lock lock(mutex_);
      arrived_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (queue_.empty()) return;
      call = std::move(queue_.front());
      queue_.pop_front();
    }
    try {
      call->run(context);
    } catch (const SqliteFailure& failure) {
      call->fail_with(failure.error);
    }
    call->answer();
    gate_.leave(1);
  }
}

}  // namespace corral::adapters::store::sqlite
