// Control messages of the runner link: JSON-RPC 2.0 (https://www.jsonrpc.org/specification),
// without batches. Ids are numbers from 1 to 2^32-1, chosen by the caller, each used once a
// connection.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/json.h"

namespace corral::runner::link {

struct Message {
  enum class Kind { request, notification, response };
  Kind kind = Kind::notification;
  std::uint32_t id = 0;  // of a request or response
  std::string method;    // of a request or notification
  json::object params;   // likewise
  std::uint64_t body_bytes =
      0;  // bytes that came before it in body frames ("body" beside params or result)
  Result<json::object> result;  // of a response
};

std::string request_text(std::uint32_t id, std::string_view method, json::object params,
                         std::uint64_t body_bytes = 0);
std::string notification_text(std::string_view method, json::object params);
std::string result_text(std::uint32_t id, json::object result, std::uint64_t body_bytes = 0);
std::string error_text(std::uint32_t id, const Error& error);

// `corrupt` for anything that is not one of the above.
Result<Message> parse_message(std::string_view text);

// The bodies that come in for requests or answers that are not here yet. Bounded: kMaxBodyBytes
// each, kMaxOpenBodies.
class Bodies {
 public:
  // `corrupt` for a gap, or past a bound.
  Result<void> add(std::uint32_t id, std::uint64_t offset, std::string_view bytes);
  // The body of a message that says it has `bytes` of it. `corrupt` when that is not what came.
  Result<std::string> take(std::uint32_t id, std::uint64_t bytes);

 private:
  std::vector<std::pair<std::uint32_t, std::string>> open_;
};

}  // namespace corral::runner::link
