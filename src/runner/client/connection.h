// One connection from a runner: frames in, frames out, alive or not. What the frames mean is the
// core's matter.
#pragma once

#include <memory>
#include <string>

#include <boost/asio/local/stream_protocol.hpp>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/task.h"
#include "runner/client/wake.h"
#include "runner/link/frame.h"
#include "runner/link/message.h"

namespace corral::runner::client {

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  class Handler {
   public:
    virtual ~Handler() = default;
    // An error drops the connection.
    virtual Result<void> on_frame(Connection& connection, const link::Frame& frame) = 0;
    virtual Result<void> on_message(Connection& connection, link::Message message,
                                    std::string body) = 0;
    // Once, whoever dropped it; not called by abandon().
    virtual void on_dropped(Connection& connection, const Error& why) = 0;
  };

  // `handler` is kept alive by the connection's tasks, which end soon after it was dropped.
  Connection(Executor executor, Clock& clock, std::shared_ptr<Handler> handler, Fd socket);

  // Begins to read and write. A connection that is not greeted() within `greet_within` is dropped.
  void begin(Duration ping_after, Duration dead_after, Duration greet_within);
  void greeted() { greeted_ = true; }
  bool is_greeted() const { return greeted_; }

  // Queued, and written soon; dropped silently when the connection is.
  void send(const link::Frame& frame);
  void send_control(std::string_view text);
  // A request with its body, written at once as far as the socket takes it.
  void send_request(std::uint32_t id, std::string_view text, std::string_view body);
  std::size_t queued_bytes() const { return out_.size(); }
  // Returns once less than `bytes` are queued, or it was dropped.
  Task<void> wait_until_queued_below(std::size_t bytes);

  // Ends it, telling the handler. What is queued is written first when `last_words`.
  enum class Flush { nothing, last_words };
  void drop(const Error& why, Flush flush = Flush::nothing);
  // Ends it without a word.
  void abandon();
  bool dropped() const { return dropped_; }

  // Tasks that end with the connection.
  TaskScope& scope() { return scope_; }

 private:
  static Task<void> read_loop(std::shared_ptr<Connection> self);
  static Task<void> write_loop(std::shared_ptr<Connection> self);
  static Task<void> watch(std::shared_ptr<Connection> self, Duration ping_after,
                          Duration dead_after);
  static Task<void> await_greeting(std::shared_ptr<Connection> self, Duration within);
  Result<void> take(const link::Frame& frame);

  Clock& clock_;
  std::shared_ptr<Handler> handler_;
  asio::local::stream_protocol::socket socket_;
  link::FrameReader reader_;
  link::ControlAssembler control_;
  link::Bodies bodies_;
  std::string out_;
  Wake queued_, written_;
  bool writing_ = false, greeted_ = false, heard_ = true, closing_ = false, dropped_ = false;
  TaskScope scope_;
};

}  // namespace corral::runner::client
