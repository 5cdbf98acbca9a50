#include "edge/http/exchange.h"

#include "edge/http/problem.h"
#include "edge/websocket/handshake.h"

namespace corral::edge {
namespace {

Headers problem_headers(Headers headers) {
  headers.emplace_back("Content-Type", std::string(kProblemType));
  headers.emplace_back("Cache-Control", "no-store");
  return headers;
}

}  // namespace

Task<Result<void>> Exchange::refuse(int status, std::string_view detail,
                                    std::string_view request_id, Headers headers) {
  return send(status, problem_headers(std::move(headers)),
              problem_json(status, problem_code(status), detail, request_id));
}

Task<Result<void>> Exchange::refuse(const Error& error, std::string_view request_id,
                                    Headers headers) {
  const int status = http_status(error);
  if (status == 429 || status == 503)
    headers.emplace_back("Retry-After", status == 429 ? "30" : "2");
  return send(status, problem_headers(std::move(headers)), problem_json(error, request_id));
}

Task<Result<std::unique_ptr<WebSocket>>> Exchange::upgrade(WebSocketOptions options,
                                                           Headers headers) {
  auto socket = co_await out_.upgrade(std::move(options), complete(101, std::move(headers)));
  if (!socket) {
    status_ = refusal_status(socket.error());
  } else {
    streamed_ = true;
  }
  co_return socket;
}

}  // namespace corral::edge
