// One API request and its answer: puts what every answer carries (request id, security fields, rate
// limit) on it, and remembers how it went, for figures and the log.
#pragma once

#include <chrono>
#include <string>

#include "edge/http/server.h"

namespace corral::edge {

class Exchange final : public Responder {
 public:
  explicit Exchange(Responder& out) : out_(out), began_(std::chrono::steady_clock::now()) {}

  void add(std::string name, std::string value) {
    extra_.emplace_back(std::move(name), std::move(value));
  }
  int status() const { return status_; }
  bool streamed() const { return streamed_; }
  std::chrono::duration<double> elapsed() const {
    return std::chrono::steady_clock::now() - began_;
  }

  Task<Result<void>> send(int status, Headers headers, std::string body) override {
    return out_.send(status, complete(status, std::move(headers)), std::move(body));
  }
  Task<Result<void>> start(int status, Headers headers) override {
    streamed_ = true;
    return out_.start(status, complete(status, std::move(headers)));
  }
  Task<Result<void>> write(std::string bytes) override { return out_.write(std::move(bytes)); }
  bool started() const override { return out_.started(); }
  bool gone() const override { return out_.gone(); }
  Task<void> wait_gone() override { return out_.wait_gone(); }
  void abort() override { out_.abort(); }
  Task<Result<std::unique_ptr<WebSocket>>> upgrade(WebSocketOptions options,
                                                   Headers headers) override;

  // As a problem.
  Task<Result<void>> refuse(int status, std::string_view detail, std::string_view request_id,
                            Headers headers = {});
  Task<Result<void>> refuse(const Error& error, std::string_view request_id, Headers headers = {});

 private:
  Headers complete(int status, Headers headers) {
    status_ = status;
    headers.insert(headers.end(), extra_.begin(), extra_.end());
    return headers;
  }

  Responder& out_;
  std::chrono::steady_clock::time_point began_;
  Headers extra_;
  int status_ = 0;
  bool streamed_ = false;
};

}  // namespace corral::edge
