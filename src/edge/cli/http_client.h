// A blocking HTTP client for the API, on libcurl's easy interface.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace corral::edge::cli {

struct Endpoint {
  std::string url;    // http://127.0.0.1:8420, no slash at the end
  std::string token;  // for Authorization; may be empty
};

struct Answer {
  long status = 0;
  std::map<std::string, std::string> headers;  // lower-case names
  std::string body;
};

// One use at a time; connections are kept between requests. `unavailable` when nothing answers; an
// answer of 400 and above is an Error with the problem's own code and detail.
class HttpClient {
 public:
  explicit HttpClient(Endpoint endpoint);
  ~HttpClient();
  HttpClient(HttpClient&&) noexcept;
  HttpClient& operator=(HttpClient&&) noexcept;

  const Endpoint& endpoint() const;

  // `path` from the root: "/api/v1/runs?limit=1".
  Result<Answer> get(const std::string& path, const std::string& accept = "application/json");
  Result<json::value> get_json(const std::string& path);
  // `headers` are whole lines ("Idempotency-Key: …").
  Result<json::value> post_json(const std::string& path, const json::value& body,
                                const std::vector<std::string>& headers = {});
  Result<void> remove(const std::string& path);
  Result<void> upload(const std::string& path, const std::string& bytes);  // by PUT
  // Passes a 200's body on as it comes; `on_bytes` returns false to stop, which is success.
  Result<void> download(const std::string& path, const std::string& accept,
                        std::function<bool(std::string_view)> on_bytes);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// What an answer of 400 and above means, with what to do about it.
Error problem_error(long status, std::string_view body);

std::string percent_encode(std::string_view text);

}  // namespace corral::edge::cli
