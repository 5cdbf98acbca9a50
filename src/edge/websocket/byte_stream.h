// The connection below a WebSocket: a socket, or TLS over one.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <boost/asio/generic/stream_protocol.hpp>

#include "base/error.h"
#include "base/task.h"

namespace corral::edge {

using StreamSocket = asio::generic::stream_protocol::socket;

// Lives on one executor. One read and one write at a time.
class ByteStream {
 public:
  virtual ~ByteStream() = default;

  // What has come, at least one byte; may be changed, and is valid until the caller next awaits.
  // Empty: nothing more will come, or close() was called. Cancelling it throws and loses nothing.
  virtual Task<std::span<char>> read() = 0;
  // All of the parts, which stay alive meanwhile; false when the connection is lost.
  virtual Task<bool> write(std::span<const std::string_view> parts) = 0;
  // The same without a task: `done` is called on the executor, perhaps before this returns, and
  // also after close() and the stream's end.
  virtual void write_then(std::string bytes, std::function<void(bool written)> done) = 0;
  // Bytes taken by the socket so far: whether a write goes on.
  virtual std::uint64_t written() const = 0;
  // The peer reads the end after what has been written.
  virtual void end_writing() = 0;
  // Ends the calls under way.
  virtual void close() = 0;
  virtual Executor executor() = 0;
};

std::unique_ptr<ByteStream> make_socket_stream(StreamSocket socket);

// TLS as a client: the certificate must be good for `host` (a name or an address), by the system's
// authorities and those in `ca_file`, if one is named. `unavailable` when it is not, or when the
// other side does not speak TLS.
Task<Result<std::unique_ptr<ByteStream>>> make_tls_stream(StreamSocket socket, std::string host,
                                                          std::string ca_file);

}  // namespace corral::edge
