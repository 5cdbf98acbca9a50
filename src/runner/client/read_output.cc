#include "runner/client/core.h"

namespace corral::runner::client {

// A channel's one reader, for as long as it reads.
class Core::ReaderPlace {
 public:
  ReaderPlace(Core& core, const std::string& channel, std::shared_ptr<Reader> reader)
      : core_(core), channel_(channel), reader_(std::move(reader)) {
    core_.readers_.emplace(channel_, reader_);
  }
  ~ReaderPlace() {
    core_.readers_.erase(channel_);
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
  reader->wake.notify();
  return {};
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
      const auto started = [reader](const json::object& result) {
        const json::value value(result);
        reader->number = static_cast<std::uint32_t>(find_int(value, {"channel"}));
        reader->next = static_cast<std::uint64_t>(find_int(value, {"from"}));
      };
      CORRAL_CO_CHECK(
          co_await call(self, "read", {{"channel", channel}, {"from", position}}, {}, started));
      if (reader->number != 0) position = reader->next - reader->buffer.size();
    }
  }
}

}  // namespace corral::runner::client
