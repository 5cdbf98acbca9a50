#include "engine/process.h"

#include <csignal>

namespace corral::engine {
namespace {

Task<Result<void>> append_to(std::shared_ptr<session::Log> log, std::string source,
                             std::uint64_t offset, std::string bytes) {
  co_return co_await log->append(std::move(source), offset, std::move(bytes));
}

class Follower {
 public:
  Follower(StepContext& context, std::string process, std::vector<Channel> channels,
           ProcessObserver* observer)
      : context_(context),
        process_(std::move(process)),
        channels_(std::move(channels)),
        observer_(observer),
        never_(context.core.deps.executor),
        aborted_(context.core.deps.executor) {}

  Task<Result<ProcessEnd>> run() {
    auto ended = co_await until(deliver(), supervise());
    // What prints without end would fill the disk that the logs are on.
    if (overflowed_) {
      (void)co_await context_.workspace->signal(process_, SIGKILL);
      co_return ProcessEnd{.failure = domain::Failure{ErrorCode::exhausted, output_message()}};
    }
    if (trouble_) co_return std::unexpected(*trouble_);
    CORRAL_ASSERT(ended);
    ProcessEnd end;
    if (stopped_)
      end.failure = stopped_;
    else if (!*ended)
      end.failure = domain::failure_of(ended->error());
    else if ((*ended)->timed_out)
      end.failure =
          domain::Failure{ErrorCode::deadline, "it took longer than it may and was ended"};
    else if ((*ended)->out_of_memory)
      end.failure = domain::Failure{ErrorCode::exhausted, memory_message()};
    if (*ended) end.exit_code = (*ended)->exit_code;
    co_return end;
  }

 private:
  std::string memory_message() const {
    return fmt::format("it ran out of memory (the workspace has {} MB)",
                       context_.core.options.limits.memory_bytes >> 20);
  }

  std::string output_message() const {
    return fmt::format("it printed more than {} MB and was ended",
                       context_.core.options.max_output_bytes >> 20);
  }

  Task<Result<void>> take(std::size_t channel, std::uint64_t offset, std::string bytes) {
    if (offset + bytes.size() > context_.core.options.max_output_bytes) {
      overflowed_ = true;
      aborted_.notify();
      co_return fail(ErrorCode::exhausted, "too much output");
    }
    auto taken = co_await channels_[channel].sink(offset, std::move(bytes));
    if (!taken && !trouble_) {
      trouble_ = taken.error();
      aborted_.notify();
    }
    co_return taken;
  }

  Task<Result<std::uint64_t>> read(std::size_t channel) {
    co_return co_await context_.workspace->read_output(
        channels_[channel].name, channels_[channel].from,
        [this, channel](std::uint64_t offset, std::string bytes) {
          return take(channel, offset, std::move(bytes));
        });
  }

  Task<Result<ports::ProcessExit>> deliver() {
    if (channels_.size() == 2) {
      auto [first, second] = co_await both(read(0), read(1));
      CORRAL_CO_CHECK(std::move(first));
      CORRAL_CO_CHECK(std::move(second));
    } else {
      CORRAL_CO_CHECK(co_await read(0));
    }
    co_return co_await context_.workspace->wait(process_);
  }

  // Ends when the following must: one channel's trouble ends the other's reading too.
  Task<void> supervise() { (void)co_await until(watch(), wait_for_abort()); }

  Task<void> wait_for_abort() {
    while (!trouble_ && !overflowed_) co_await aborted_.wait();
  }

  // Looks after the run while the process is alive. Ends only on trouble; otherwise it is cancelled
  // with the process.
  Task<int> watch() {
    for (;;) {
      const auto news = context_.seat.news();
      if (auto loaded = co_await context_.reload(); loaded) {
        if (context_.must_stop())
          stopped_ = domain::Failure{ErrorCode::cancelled, "the run was cancelled"};
        else if (observer_ != nullptr)
          stopped_ = observer_->stop_reason();
        if (stopped_) co_await end_process(SIGINT);
        if (observer_ != nullptr) {
          auto done = co_await observer_->on_change();
          if (!done) {
            trouble_ = done.error();
            co_return 0;
          }
          if (observer_->should_end()) {
            co_await context_.core.deps.clock.sleep(context_.core.options.exit_grace);
            co_await end_process(SIGTERM);
          }
        }
      }
      // The time-out is for changes that another process makes: their drivers cannot be told at
      // once.
      if (context_.seat.news() == news)
        co_await wait_or(context_.seat.changed(),
                         context_.core.deps.clock.sleep(context_.core.options.heartbeat));
    }
  }

  // Never returns: the process's end cancels it. A refused signal means that the process has ended
  // or the link is down; what cannot be reached ends with the workspace.
  Task<void> end_process(int first) {
    for (const int number : {SIGINT, SIGTERM, SIGKILL}) {
      if (first == SIGTERM && number == SIGINT) continue;
      (void)co_await context_.workspace->signal(process_, number);
      co_await context_.core.deps.clock.sleep(context_.core.options.stop_grace);
    }
    for (;;) co_await never_.wait();
  }

  StepContext& context_;
  std::string process_;
  std::vector<Channel> channels_;
  ProcessObserver* observer_;
  Signal never_, aborted_;
  std::optional<domain::Failure> stopped_;
  std::optional<Error> trouble_;
  bool overflowed_ = false;
};

}  // namespace

Task<std::optional<domain::Failure>> start_process(StepContext& context, ports::ProcessSpec spec) {
  const std::string program = spec.argv.empty() ? "" : spec.argv.front();
  auto started = co_await context.workspace->start(std::move(spec));
  if (started) co_return std::nullopt;
  co_return domain::Failure{started.error().code, fmt::format("{} could not be started: {}",
                                                              program, started.error().describe())};
}

Task<Result<ProcessEnd>> follow_process(StepContext& context, std::string process,
                                        std::vector<Channel> channels, ProcessObserver* observer) {
  Follower follower(context, std::move(process), std::move(channels), observer);
  co_return co_await follower.run();
}

Task<Result<ProcessEnd>> run_logged_process(StepContext& context, ports::ProcessSpec spec) {
  const std::string id = spec.id;
  if (auto failure = co_await start_process(context, std::move(spec)))
    co_return ProcessEnd{.failure = std::move(failure)};
  std::vector<Channel> channels;
  channels.push_back({id, context.log->source_end(id), log_sink(context.log, id)});
  co_return co_await follow_process(context, id, std::move(channels), nullptr);
}

ports::OutputSink log_sink(std::shared_ptr<session::Log> log, std::string source) {
  return
      [log = std::move(log), source = std::move(source)](std::uint64_t offset, std::string bytes) {
        return append_to(log, source, offset, std::move(bytes));
      };
}

}  // namespace corral::engine
