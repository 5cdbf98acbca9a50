// One output channel: from a pipe or terminal of a process into its log, and from there, or
// straight from memory, to the server that reads it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/fd.h"
#include "runner/loop.h"
#include "runner/spool.h"

namespace corral::runner {

// Where a channel's bytes go while a server is linked. Implemented by the link.
class Outlet {
 public:
  virtual ~Outlet() = default;
  // Whether more may be queued now.
  virtual bool open() const = 0;
  virtual void send_data(std::uint32_t channel, std::uint64_t offset, std::string_view bytes,
                         bool end) = 0;
  // The channel cannot be read back any more.
  virtual void send_failure(const std::string& channel, const Error& error) = 0;
};

class Channel {
 public:
  Channel(Loop& loop, Spool& spool, Outlet& outlet, std::uint32_t number, std::string name);
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // Starts reading `source` (a pipe, or the master of a terminal; non-blocking). `ended` is called
  // once, when no more will come; it may not destroy the channel.
  void take(Fd source, std::function<void()> ended);
  // Wakes a channel that rests because the spool was full, or the disk failed.
  void retry();
  // No writer is left: what is in the pipe is the last of it, even when it does not say so.
  void finish();
  bool ended() const { return ended_; }

  // ---- towards the server ----
  // Begins to deliver at `from` (not before what was acknowledged); returns where. All before
  // `from` is durable there.
  Result<std::uint64_t> subscribe(std::uint64_t from);
  void unsubscribe() { subscribed_ = false; }
  Result<void> acknowledge(std::uint64_t offset);
  // Sends what it may; false when there is nothing (more) to send now.
  bool pump();

  std::uint32_t number() const { return number_; }
  const std::string& name() const { return name_; }
  std::uint64_t end() const { return log_.end(); }

 private:
  void readable();
  void store(std::string_view bytes);
  void rest();
  void close_source();
  bool window_open() const;

  Loop& loop_;
  Outlet& outlet_;
  std::uint32_t number_;
  std::string name_;
  ChannelLog log_;
  Fd source_;
  std::function<void()> on_ended_;
  std::string pending_;  // read, but refused by the disk; at most one read
  Loop::Timer retry_timer_ = 0;
  bool resting_ = false;  // not watching the source
  bool finishing_ = false;
  std::uint64_t last_bytes_ = ~std::uint64_t{0};  // when finishing: how much is still taken
  bool ended_ = false;
  bool subscribed_ = false;
  bool end_sent_ = false;
  std::uint64_t sent_ = 0;  // to the present subscriber
};

}  // namespace corral::runner
