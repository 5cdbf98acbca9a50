// One connection from inside a workspace to its door: a stream of the link, spliced to one end of a
// socket pair whose other end the door's owner serves. Flow control is by credit, each way: neither
// side holds more than the credit.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <boost/asio/local/stream_protocol.hpp>

#include "base/error.h"
#include "base/fd.h"
#include "runner/client/connection.h"
#include "runner/client/wake.h"

namespace corral::runner::client {

class DoorStream : public std::enable_shared_from_this<DoorStream> {
 public:
  using OnClosed = std::function<void(std::uint32_t id)>;
  struct Opened {
    std::shared_ptr<DoorStream> stream;
    Fd outside;  // blocking; for the door's owner
  };
  static Result<Opened> open(Executor executor, std::shared_ptr<Connection> connection,
                             std::uint32_t id, OnClosed on_closed);
  DoorStream(Executor executor, std::shared_ptr<Connection> connection, std::uint32_t id,
             OnClosed on_closed);

  // Data, credit, end and close frames of this stream. An error drops the connection.
  Result<void> on_frame(const link::Frame& frame);
  // The link is lost.
  void abort();

 private:
  static Task<void> to_runner(std::shared_ptr<DoorStream> self);
  static Task<void> from_runner(std::shared_ptr<DoorStream> self);
  void finish_if_over();

  std::shared_ptr<Connection> connection_;
  std::uint32_t id_;
  OnClosed on_closed_;
  asio::local::stream_protocol::socket socket_;
  Wake credit_wake_, inbound_wake_;
  std::uint64_t credit_ = link::kStreamCreditBytes;  // what the runner still takes
  std::string inbound_;                              // from the runner, not yet taken outside
  bool inbound_over_ = false;                        // no more of it will come
  bool peer_closed_ = false;
  bool sending_over_ = false, taking_over_ = false;  // the two tasks' halves
};

}  // namespace corral::runner::client
