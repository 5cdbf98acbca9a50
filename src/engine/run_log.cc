#include "engine/run_log.h"

namespace corral::engine {
namespace {

class RunLogView final : public session::Log {
 public:
  RunLogView(std::shared_ptr<session::Log> log, std::shared_ptr<RunEnds::End> end)
      : log_(std::move(log)), end_(std::move(end)) {}

  Task<Result<void>> append(std::string, std::uint64_t, std::string) override {
    co_return read_only();
  }
  Task<Result<void>> close() override { co_return read_only(); }
  std::uint64_t source_end(const std::string& source) const override {
    return log_->source_end(source);
  }
  std::uint64_t end() const override { return log_->end(); }
  bool closed() const override { return end_->ended || log_->closed(); }
  Task<Result<std::string>> read(std::uint64_t offset, std::size_t max_bytes) override {
    co_return co_await log_->read(offset, max_bytes);
  }
  std::optional<Time> time_of(std::uint64_t offset) const override { return log_->time_of(offset); }

  Task<void> wait_beyond(std::uint64_t offset, Duration timeout) override {
    if (closed() || log_->end() > offset) co_return;
    (void)co_await until(until_ended(end_), log_->wait_beyond(offset, timeout));
  }

 private:
  static Result<void> read_only() {
    return fail(ErrorCode::unsupported, "a run's log is written by its driver alone");
  }
  static Task<int> until_ended(std::shared_ptr<RunEnds::End> end) {
    while (!end->ended) co_await end->changed.wait();
    co_return 0;
  }

  std::shared_ptr<session::Log> log_;
  std::shared_ptr<RunEnds::End> end_;
};

}  // namespace

std::shared_ptr<session::Log> make_run_log_view(std::shared_ptr<session::Log> log,
                                                std::shared_ptr<RunEnds::End> end) {
  return std::make_shared<RunLogView>(std::move(log), std::move(end));
}

}  // namespace corral::engine
