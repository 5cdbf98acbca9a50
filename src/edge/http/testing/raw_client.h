// A blocking client that sends exactly the bytes it is told to: for tests of what well-behaved
// clients never send.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/fd.h"

namespace corral::edge::testing {

struct RawResponse {
  int status = 0;         // 0: the server closed without an answer
  std::string head;       // status line and header fields
  std::string body;       // chunked coding removed
  bool complete = false;  // the framing said that this is all of it
  // Value of a header field (any case); empty when absent.
  std::string header(std::string_view name) const;
};

class RawClient {
 public:
  explicit RawClient(std::uint16_t port);  // 127.0.0.1
  explicit RawClient(Fd socket) : socket_(std::move(socket)) {}

  void send(std::string_view bytes);
  // Reads one response; `no_body` for answers to HEAD. Gives up after `timeout`.
  RawResponse receive(bool no_body = false,
                      std::chrono::milliseconds timeout = std::chrono::seconds(10));
  // Sends a request with Host and the given extra header lines ("A: b\r\n"…), and reads the answer.
  RawResponse request(std::string_view method, std::string_view target, std::string_view body = {},
                      std::string_view headers = {});
  // Whatever arrives until `text` has been seen; what came by then when it does not.
  std::string read_until(std::string_view text,
                         std::chrono::milliseconds timeout = std::chrono::seconds(10));
  // True when the server closes within `timeout`; what it sends before is dropped.
  bool closed_by_server(std::chrono::milliseconds timeout = std::chrono::seconds(10));
  // What has been read beyond the last answer.
  std::string take_rest() { return std::exchange(buffer_, {}); }
  void close() { socket_.reset(); }
  int fd() const { return socket_.get(); }

 private:
  bool read_some(std::chrono::steady_clock::time_point until);  // false: end or time out
  Fd socket_;
  std::uint16_t port_ = 0;
  std::string buffer_;
};

}  // namespace corral::edge::testing
