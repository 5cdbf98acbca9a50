#include <set>

#include "runner/client/core.h"

namespace corral::runner::client {
namespace {

constexpr std::size_t kFewBytes = 256;   // are given at once; what is more may gather
constexpr std::size_t kMostAhead = 256;  // calls of a sink under way; then bytes gather

}  // namespace

// A channel's one reader, for as long as it reads.
class Core::ReaderPlace {
 public:
  ReaderPlace(Core& core, const std::string& channel, std::shared_ptr<Reader> reader)
      : core_(core), channel_(channel), reader_(std::move(reader)) {
    core_.readers_.emplace(channel_, reader_);
  }
  ~ReaderPlace() {
    core_.readers_.erase(channel_);
    reader_->arrived = {};
    // Answered to nobody: the runner stops sending, and what is on its way is dropped here.
    if (reader_->number != 0 && !(reader_->ended && reader_->buffer.empty()) &&
        core_.connection_ != nullptr)
      core_.connection_->send_control(
          link::request_text(++core_.last_id_, "stop_reading", {{"channel", channel_}}));
  }
  ReaderPlace(const ReaderPlace&) = delete;
  ReaderPlace& operator=(const ReaderPlace&) = delete;

 private:
  Core& core_;
  const std::string& channel_;
  std::shared_ptr<Reader> reader_;
};

Core::Reader* Core::reader_of(std::uint32_t number) {
  for (auto& [name, reader] : readers_)
    if (reader->number == number && number != 0) return reader.get();
  return nullptr;
}

Result<void> Core::on_data(const link::Frame& frame) {
  Reader* reader = reader_of(frame.channel);
  if (reader == nullptr) return {};  // the rest of a reading that was given up
  if (frame.offset != reader->next || reader->ended)
    return fail(ErrorCode::corrupt, "output of channel {} goes on at {} instead of {}",
                frame.channel, frame.offset, reader->next);
  if (reader->buffer.size() + frame.payload.size() >
      link::kChannelWindowBytes + link::kMaxPayloadBytes)
    return fail(ErrorCode::corrupt, "the runner sends more than was acknowledged");
  reader->buffer.append(frame.payload);
  reader->next += frame.payload.size();
  reader->ended = (frame.flags & link::kEnd) != 0;
  if (reader->arrived && !reader->ended && frame.payload.size() < kFewBytes)
    reader->arrived();
  else
    reader->wake.notify();
  return {};
}

Task<Result<void>> Core::subscribe(std::shared_ptr<Core> self, std::string channel,
                                   std::uint64_t from, std::shared_ptr<Reader> reader) {
  const auto started = [reader](const json::object& result) {
    const json::value value(result);
    reader->number = static_cast<std::uint32_t>(find_int(value, {"channel"}));
    reader->next = static_cast<std::uint64_t>(find_int(value, {"from"}));
  };
  CORRAL_CO_CHECK(co_await call(self, "read", {{"channel", channel}, {"from", from}}, {}, started));
  co_return Result<void>{};
}

Task<Result<std::uint64_t>> Core::read_output(std::shared_ptr<Core> self, std::string channel,
                                              std::uint64_t from, ports::OutputSink sink) {
  if (self->readers_.contains(channel))
    co_return fail(ErrorCode::conflict, "channel \"{}\" has a reader already", channel);
  const auto reader = std::make_shared<Reader>(self->executor_);
  const ReaderPlace place(*self, channel, reader);
  std::uint64_t position = from;  // everything before it was taken
  for (;;) {
    if (!reader->buffer.empty()) {
      auto bytes = std::exchange(reader->buffer, {});
      const auto size = bytes.size();
      CORRAL_CO_CHECK(co_await sink(position, std::move(bytes)));
      position += size;
      if (reader->number != 0 && self->connection_ != nullptr)
        self->connection_->send(
            {.type = link::FrameType::ack, .channel = reader->number, .offset = position});
    } else if (reader->ended) {
      co_return position;
    } else if (reader->failed) {
      co_return std::unexpected(*reader->failed);
    } else if (reader->number != 0) {
      co_await reader->wake.wait();
    } else {
      // At first, and after the link was lost.
      CORRAL_CO_CHECK(co_await subscribe(self, channel, position, reader));
      if (reader->number != 0) position = reader->next - reader->buffer.size();
    }
  }
}

// ---- ahead of what is durable ----

struct Core::Ahead {
  std::shared_ptr<Reader> reader;
  ports::OutputSink sink;
  std::uint64_t given = 0;             // a call has begun for everything before it
  std::uint64_t done = 0;              // and has returned, before it
  std::multiset<std::uint64_t> calls;  // where those that have not begin
  std::optional<Error> failed;
};

Task<void> Core::give(std::shared_ptr<Core> self, std::shared_ptr<Ahead> ahead,
                      std::uint64_t offset, std::string bytes) {
  const auto taken = co_await ahead->sink(offset, std::move(bytes));
  ahead->calls.erase(ahead->calls.find(offset));
  if (!taken && !ahead->failed) ahead->failed = taken.error();
  const auto& reader = *ahead->reader;
  const auto done = ahead->calls.empty() ? ahead->given : *ahead->calls.begin();
  if (!ahead->failed && done > ahead->done) {
    ahead->done = done;
    if (reader.number != 0 && self->connection_ != nullptr)
      self->connection_->send(
          {.type = link::FrameType::ack, .channel = reader.number, .offset = done});
  }
  if (ahead->failed || ahead->calls.empty() || !reader.buffer.empty()) ahead->reader->wake.notify();
}

// What has come, unless too much is under way.
void Core::give_buffer(const std::shared_ptr<Core>& self, const std::shared_ptr<Ahead>& ahead,
                       TaskScope& calls) {
  auto& reader = *ahead->reader;
  if (ahead->failed || reader.buffer.empty() || ahead->calls.size() >= kMostAhead) return;
  auto bytes = std::exchange(reader.buffer, {});
  const auto offset = reader.next - bytes.size();
  ahead->given = std::max(ahead->given, reader.next);
  ahead->calls.insert(offset);
  calls.start("output", give(self, ahead, offset, std::move(bytes)));
}

Task<Result<std::uint64_t>> Core::give_all(std::shared_ptr<Core> self, std::string channel,
                                           std::shared_ptr<Ahead> ahead, TaskScope& calls) {
  auto& reader = *ahead->reader;
  for (;;) {
    if (ahead->failed) co_return std::unexpected(*ahead->failed);
    give_buffer(self, ahead, calls);
    if (!reader.buffer.empty() || !ahead->calls.empty()) {
      co_await reader.wake.wait();
    } else if (reader.ended) {
      co_return ahead->done;
    } else if (reader.failed) {
      co_return std::unexpected(*reader.failed);
    } else if (reader.number != 0) {
      co_await reader.wake.wait();
    } else {
      CORRAL_CO_CHECK(co_await subscribe(self, channel, ahead->done, ahead->reader));
    }
  }
}

Task<Result<std::uint64_t>> Core::read_output_ahead(std::shared_ptr<Core> self, std::string channel,
                                                    std::uint64_t from, ports::OutputSink sink) {
  if (self->readers_.contains(channel))
    co_return fail(ErrorCode::conflict, "channel \"{}\" has a reader already", channel);
  const auto ahead =
      std::make_shared<Ahead>(Ahead{.reader = std::make_shared<Reader>(self->executor_),
                                    .sink = std::move(sink),
                                    .given = from,
                                    .done = from,
                                    .calls = {},
                                    .failed = {}});
  const ReaderPlace place(*self, channel, ahead->reader);
  TaskScope calls(self->executor_);
  // At once, without a trip through the event loop. The place takes it back.
  ahead->reader->arrived = [&self, &ahead, &calls] { give_buffer(self, ahead, calls); };
  std::exception_ptr cut_off;
  Result<std::uint64_t> read = 0;
  try {
    read = co_await give_all(self, channel, ahead, calls);
  } catch (...) {
    cut_off = std::current_exception();
  }
  // The sink's calls end before this does, also when it is cut off.
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  co_await calls.stop();
  if (cut_off) std::rethrow_exception(cut_off);
  co_return read;
}

}  // namespace corral::runner::client
