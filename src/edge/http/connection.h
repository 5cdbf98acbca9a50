// One connection of HttpServer: reads requests one after the other, answers each before it looks at
// the next.
#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <string>

#include "edge/http/request_parser.h"
#include "edge/http/server.h"
#include "edge/websocket/byte_stream.h"
#include "edge/websocket/handshake.h"

namespace corral::edge {

using SteadyTime = std::chrono::steady_clock::time_point;

class Connection final : public Responder {
 public:
  // `handler` and `options` outlive the connection.
  Connection(StreamSocket socket, std::string peer, const Handler& handler,
             const ServerOptions& options)
      : socket_(std::move(socket)), peer_(std::move(peer)), handler_(handler), options_(options) {}

  // Serves until either side closes.
  Task<void> run();
  // Ends the read or write under way when it takes too long; the server calls it now and then for
  // all connections, which is cheaper than a timer for each request.
  void enforce_deadline(SteadyTime now);

  Task<Result<void>> send(int status, Headers headers, std::string body) override;
  Task<Result<void>> start(int status, Headers headers) override;
  Task<Result<void>> write(std::string bytes) override;
  bool started() const override { return answer_ != Answer::none; }
  bool gone() const override;
  Task<void> wait_gone() override;
  void abort() override { broken_ = true; }
  Task<Result<std::unique_ptr<WebSocket>>> upgrade(WebSocketOptions options,
                                                   Headers headers) override;

 private:
  enum class Received { request, closed, refused };
  enum class Answer { none, whole, stream };

  Task<Received> receive(RequestParser& parser);
  Task<void> answer(Request request);
  Task<std::size_t> read_more(std::size_t max_bytes);  // 0: nothing more will come
  Task<Result<void>> write_all(std::string head, std::string body = {}, std::string_view tail = {});
  Task<void> send_problem(int status, std::string detail);
  Task<void> linger();
  std::string head_of(int status, const Headers& headers) const;
  void set_deadline();
  void clear_deadline() { deadline_ = SteadyTime::max(); }

  StreamSocket socket_;
  std::string peer_;
  const Handler& handler_;
  const ServerOptions& options_;
  std::string buffer_;  // received, not yet consumed
  SteadyTime deadline_ = SteadyTime::max();
  bool timed_out_ = false;
  bool broken_ = false;  // nothing more can be written
  bool keep_alive_ = true;
  bool http_1_0_ = false;
  bool head_request_ = false;
  UpgradeRequest upgrade_;  // of the request under way
  Answer answer_ = Answer::none;
};

}  // namespace corral::edge
