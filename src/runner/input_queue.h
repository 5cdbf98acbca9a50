// What goes to the stdin of one process: in order, each input once, bounded.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_set>

#include "base/error.h"
#include "base/fd.h"
#include "runner/loop.h"

namespace corral::runner {

class InputQueue {
 public:
  static constexpr std::size_t kMaxQueuedBytes = 16u << 20;
  // The ids that are remembered; the oldest are forgotten first. Far more than are sent again after
  // a crash.
  static constexpr std::size_t kMaxRemembered = 100'000;

  // Of those who type, likewise.
  static constexpr std::size_t kMaxSources = 1000;

  enum class Kind { pipe, terminal };
  using Answer = std::function<void(Result<void>)>;
  using Typed = std::function<void(Result<std::uint64_t>)>;

  explicit InputQueue(Loop& loop) : loop_(loop) {}
  ~InputQueue() { stop(); }
  InputQueue(const InputQueue&) = delete;
  InputQueue& operator=(const InputQueue&) = delete;

  void open(Fd target, Kind kind);
  // Answers once the bytes are queued: at once, or when the process has read enough. An id seen
  // before is success and adds nothing. `conflict`: the process takes no input (any more), or
  // another input still waits for room.
  void add(std::string id, std::string bytes, Answer answer);
  // The same for a stream: `bytes` begin at `offset` of what `source` types, and what the process
  // has of them already is cut. Answers how much it has of the source by then. No bytes: asks for
  // just that. `invalid` for a gap.
  void type(std::string source, std::uint64_t offset, std::string bytes, Typed answer);
  // End of input, after what is queued. On a terminal: the end-of-file character. Repeating it is
  // fine.
  void close();
  // The process has ended: what is queued is dropped, who waits is told.
  void stop();
  // The one whose input waits for room is gone, and will send it again.
  void forget_waiter() { held_.reset(); }
  int descriptor() const { return target_.get(); }

 private:
  struct Held {
    std::string bytes;
    std::function<void(Result<void>)> done;
  };
  bool fits(std::size_t bytes) const {
    return queued_bytes_ == 0 || queued_bytes_ + bytes <= kMaxQueuedBytes;
  }
  // Calls `done` once the bytes are queued, or cannot be.
  void offer(std::string bytes, std::function<void(Result<void>)> done);
  void accept(std::string bytes);
  void remember(std::string id);
  void count(const std::string& source, std::uint64_t end);
  void write();
  void watch(bool wanted);

  Loop& loop_;
  Fd target_;
  Kind kind_ = Kind::pipe;
  bool closing_ = false, watching_ = false;
  std::deque<std::string> queue_;
  std::size_t queued_bytes_ = 0, front_written_ = 0;
  std::unordered_set<std::string> seen_;
  std::deque<std::string> seen_order_;
  std::map<std::string, std::uint64_t> typed_;  // by source
  std::deque<std::string> typed_order_;
  std::optional<Held> held_;
};

}  // namespace corral::runner
