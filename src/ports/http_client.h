// The port to HTTP servers that workflows name: one request, one answer, both held in memory.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/task.h"

namespace corral::ports {

struct HttpRequest {
  std::string method = "GET";
  std::string url;  // http or https, absolute, without user and password
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  Duration timeout{0};  // for all of it; 0: the client's own
  std::size_t max_response_bytes = 1u << 20;
};

struct HttpResponse {
  int status = 0;
  std::map<std::string, std::string> headers;  // lower-case names; repeated ones joined by ", "
  std::string body;
};

class HttpClient {
 public:
  virtual ~HttpClient() = default;
  // Any answer is an answer, redirects and errors too: nothing is followed and nothing is sent that
  // the request does not say. `invalid` for a URL that does not do, `forbidden` for one that may
  // not be called from here, `unavailable` when it cannot be reached or the answer breaks off,
  // `deadline`, `exhausted` when the answer is larger than it may be. Cancelling ends the request,
  // which the server may have carried out all the same.
  virtual Task<Result<HttpResponse>> send(HttpRequest request) = 0;
};

}  // namespace corral::ports
