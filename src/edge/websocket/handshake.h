// The opening handshake (RFC 6455, 4; RFC 7692, 5) as values, for both ends.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "edge/websocket/deflate.h"
#include "edge/websocket/websocket.h"

namespace corral::edge {

using HeaderFields = std::vector<std::pair<std::string, std::string>>;

// What of a request says that it asks for a WebSocket. Absent fields are empty.
struct UpgradeRequest {
  bool get = false;  // GET, and HTTP/1.1
  std::string connection, upgrade, version, key, subprotocols, extensions;
};

// What the two ends have agreed on.
struct Agreement {
  std::string subprotocol;
  std::optional<DeflateParams> deflate;
  HeaderFields fields;  // server: of the 101, besides Date and the like
};

// The server's part. `unsupported`: it asks for no WebSocket, to be answered with 426; `invalid`:
// it does so wrongly, 400. Both answers carry the fields below.
Result<Agreement> agree(const UpgradeRequest& request, const WebSocketOptions& options);
int refusal_status(const Error& error);
HeaderFields refusal_fields(const Error& error);

// The client's part: the fields of its request; `key` is 16 random bytes in Base64. `answer` has
// lower-case names. `invalid` when what answered 101 does not speak RFC 6455, or takes what was not
// offered.
HeaderFields ask(const std::string& key, const WebSocketOptions& options);
Result<Agreement> check_answer(const std::map<std::string, std::string>& answer,
                               const std::string& key, const WebSocketOptions& options);

std::string base64(std::string_view bytes);
// Sec-WebSocket-Accept.
std::string accept_key(std::string_view key);

// Inverse of http_status(), for what a server answers with 400 and above.
ErrorCode error_code_of_status(long status);

}  // namespace corral::edge
