// An HTTP/1.1 server on Beast, behind types of our own: handlers include this and no Beast.
// Used twice: the API (TCP listener) and the LLM gateway (connections that come through a
// workspace's door).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "base/task.h"
#include "edge/websocket/websocket.h"

namespace corral::edge {

struct Request {
  std::string method;                                      // upper case
  std::string target;                                      // as sent
  std::string path;                                        // percent-decoded, without the query
  std::vector<std::pair<std::string, std::string>> query;  // decoded, in order
  std::map<std::string, std::string> headers;  // lower-case names; repeated ones joined with ", "
  std::string body;
  std::string peer;                           // address of the client; empty on a door connection
  std::map<std::string, std::string> params;  // set by the router: {id} → value

  std::optional<std::string> query_value(std::string_view name) const;
  std::string_view header(std::string_view name) const;  // empty when absent
};

using Headers = std::vector<std::pair<std::string, std::string>>;

// The answer to one request: either send() once, or start() then write()… (chunked) and return.
// A client that went away: calls fail with `cancelled`, and the handler should return.
class Responder {
 public:
  virtual ~Responder() = default;
  virtual Task<Result<void>> send(int status, Headers headers, std::string body) = 0;
  virtual Task<Result<void>> start(int status, Headers headers) = 0;
  virtual Task<Result<void>> write(
      std::string bytes) = 0;  // awaits the socket: a slow client slows its own stream only
  virtual bool started() const = 0;
  virtual bool gone() const = 0;  // the client has closed
  // Returns when the client closes: to be awaited beside what a stream waits for, and cancelled
  // when that comes.
  virtual Task<void> wait_gone();
  // Ends the connection after a started answer without its final chunk, so that the client sees it
  // is incomplete.
  virtual void abort() {}
  // Instead of all of these: turns the request into a WebSocket (101, with `headers` added), which
  // the handler keeps no longer than it runs; nothing more is answered then. A request that does
  // not ask for one properly has been refused when this returns (`unsupported`: 426, `invalid`:
  // 400); `unsupported`, and nothing sent, where there is no connection of its own to turn.
  virtual Task<Result<std::unique_ptr<WebSocket>>> upgrade(WebSocketOptions options,
                                                           Headers headers = {});
};

using Handler = std::function<Task<void>(Request request, Responder& responder)>;

struct ServerOptions {
  std::size_t max_body_bytes = 20u << 20;  // more is answered with 413
  std::size_t max_header_bytes = 64u << 10;
  std::size_t max_connections = 1024;
  std::chrono::milliseconds idle_timeout{60'000};  // between requests, and for receiving one
};

// Lives on one executor. A handler that throws or returns without an answer is answered with a 500
// problem and logged.
class HttpServer {
 public:
  HttpServer(Executor executor, Handler handler, ServerOptions options);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;

  // `address` is an IP literal; port 0 picks one. Returns the port. `conflict` when it is taken.
  Result<std::uint16_t> listen(std::string_view address, std::uint16_t port);
  // Serves one connected stream socket; `peer` becomes Request::peer.
  void serve(Fd connection, std::string peer = {});
  // Stops accepting, ends all connections, waits for the handlers.
  Task<void> stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace corral::edge
