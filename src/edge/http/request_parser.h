// HTTP/1.1 requests from bytes (RFC 9112), strict where laxness lets two parsers disagree (request
// smuggling). No I/O: the connection feeds it, and so does the fuzzer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "edge/http/server.h"

namespace corral::edge {

// Decodes %XX (and nothing else); false when a % is not followed by two hex digits or the result
// holds a NUL.
bool percent_decode(std::string_view text, std::string& out);

// Splits an origin-form target into decoded path and query ("+" in the query is a space). False
// when it is not one.
bool parse_target(std::string_view target, Request& request);

class RequestParser {
 public:
  RequestParser(std::size_t max_header_bytes, std::size_t max_body_bytes);
  ~RequestParser();
  RequestParser(const RequestParser&) = delete;

  enum class State {
    more,      // feed again with the unconsumed bytes and more
    header,    // the header has been read, the body has not: feed again at once
    complete,  // take() the request; unconsumed bytes belong to the next one
    failed,    // answer with status() and detail(), then close
  };
  // Reads from `bytes`, which begin with what the last call left over. `consumed` says how many
  // were used.
  State feed(std::string_view bytes, std::size_t& consumed);

  // From State::header on.
  bool expects_continue() const { return expects_continue_; }
  bool keep_alive() const { return keep_alive_; }
  bool http_1_0() const { return http_1_0_; }
  const Request& request() const { return request_; }
  Request take();

  int status() const { return status_; }
  const std::string& detail() const { return detail_; }

 private:
  struct Impl;
  State refuse(int status, std::string detail);
  State read_header();

  std::unique_ptr<Impl> impl_;
  std::size_t max_header_bytes_;
  Request request_;
  bool begun_ = false;
  bool header_read_ = false;
  bool expects_continue_ = false;
  bool keep_alive_ = false;
  bool http_1_0_ = false;
  int status_ = 0;
  std::string detail_;
};

}  // namespace corral::edge
