#include "edge/cli/http_client.h"

#include <algorithm>
#include <mutex>

#include "edge/cli/curl_handle.h"
#include "edge/websocket/handshake.h"

namespace corral::edge::cli {
namespace {

constexpr long kConnectTimeoutMs = 10'000;
constexpr std::size_t kMaxAnswerBytes = 256u << 20;

bool is_loopback(std::string_view url) {
  return url.starts_with("http://127.") || url.starts_with("http://localhost") ||
         url.starts_with("http://[::1]");
}

struct Transfer {
  Answer answer;
  std::function<bool(std::string_view)> on_bytes;  // of a 200; otherwise the body is collected
  CURL* easy = nullptr;
  bool stopped = false;
  bool too_large = false;
};

std::size_t on_body(char* data, std::size_t size, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const std::string_view bytes(data, size * count);
  if (transfer.on_bytes) {
    long status = 0;
    curl_easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &status);
    if (status < 400) {
      if (transfer.on_bytes(bytes)) return bytes.size();
      transfer.stopped = true;
      return 0;
    }
  }
  if (transfer.answer.body.size() + bytes.size() > kMaxAnswerBytes) {
    transfer.too_large = true;
    return 0;
  }
  transfer.answer.body += bytes;
  return bytes.size();
}

std::size_t on_header(char* data, std::size_t size, std::size_t count, void* user) {
  auto& headers = static_cast<Transfer*>(user)->answer.headers;
  std::string_view line(data, size * count);
  const auto colon = line.find(':');
  if (line.starts_with("HTTP/")) headers.clear();
  if (colon == std::string_view::npos) return line.size();
  std::string name(line.substr(0, colon));
  std::ranges::transform(name, name.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  auto value = line.substr(colon + 1);
  while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
  while (!value.empty() && (value.back() == '\r' || value.back() == '\n' || value.back() == ' '))
    value.remove_suffix(1);
  headers[std::move(name)] = value;
  return line.size();
}

}  // namespace

void append(CurlList& list, const std::string& line) {
  auto* longer = curl_slist_append(list.get(), line.c_str());
  CORRAL_ASSERT(longer != nullptr);
  // The list's head may be a new one; the old pointer is part of it.
  [[maybe_unused]] const auto* old = list.release();
  list.reset(longer);
}

CurlEasy make_easy() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  CurlEasy easy(curl_easy_init());
  CORRAL_ASSERT(easy != nullptr);
  return easy;
}

void prepare(CURL* easy, const Endpoint& endpoint, const std::string& path, CurlList& headers) {
  curl_easy_setopt(easy, CURLOPT_URL, (endpoint.url + path).c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "corral-cli");
  if (is_loopback(endpoint.url)) curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
  if (!endpoint.token.empty()) append(headers, "Authorization: Bearer " + endpoint.token);
  append(headers, "Expect:");  // a large prompt is sent without waiting for "100 Continue"
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers.get());
}

Error transfer_error(CURLcode code, const char* words, const Endpoint& endpoint) {
  const std::string why = words != nullptr && *words != '\0' ? words : curl_easy_strerror(code);
  if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL)
    return Error{ErrorCode::invalid,
                 fmt::format("'{}' is not a server's URL; give one like http://127.0.0.1:8420",
                             endpoint.url),
                 nullptr};
  return Error{ErrorCode::unavailable,
               fmt::format("no server answers at {} ({}); start one with 'corral serve', or name "
                           "another with --server URL",
                           endpoint.url, why),
               nullptr};
}

Error problem_error(long status, std::string_view body) {
  Error error{error_code_of_status(status), {}, nullptr};
  if (const auto problem = parse_json(body, "problem"); problem) {
    error.message = find_string(*problem, {"detail"});
    if (error.message.empty()) error.message = find_string(*problem, {"title"});
  }
  if (error.message.empty())
    error.message = fmt::format("the server answered with status {}", status);
  if (error.code == ErrorCode::unauthenticated)
    error.message += "; give the server's token by --token-file FILE or in CORRAL_TOKEN";
  return error;
}

std::string percent_encode(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    if (plain)
      result += c;
    else
      result += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return result;
}

struct HttpClient::Impl {
  Endpoint endpoint;
  CurlEasy easy = make_easy();

  Result<Answer> perform(const char* method, const std::string& path, const std::string* body,
                         const std::vector<std::string>& lines,
                         std::function<bool(std::string_view)> on_bytes) {
    curl_easy_reset(easy.get());
    CurlList headers;
    for (const auto& line : lines) append(headers, line);
    prepare(easy.get(), endpoint, path, headers);
    char words[CURL_ERROR_SIZE] = "";
    Transfer transfer{.answer = {}, .on_bytes = std::move(on_bytes), .easy = easy.get()};
    curl_easy_setopt(easy.get(), CURLOPT_ERRORBUFFER, words);
    curl_easy_setopt(easy.get(), CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(easy.get(), CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy.get(), CURLOPT_WRITEDATA, &transfer);
    curl_easy_setopt(easy.get(), CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy.get(), CURLOPT_HEADERDATA, &transfer);
    // A server that stops answering in the middle is given up; a live stream has keep-alive
    // comments.
    curl_easy_setopt(easy.get(), CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(easy.get(), CURLOPT_LOW_SPEED_TIME, 120L);
    if (body != nullptr) {
      curl_easy_setopt(easy.get(), CURLOPT_POSTFIELDS, body->data());
      curl_easy_setopt(easy.get(), CURLOPT_POSTFIELDSIZE_LARGE,
                       static_cast<curl_off_t>(body->size()));
    }
    const auto code = curl_easy_perform(easy.get());
    if (transfer.too_large)
      return fail(ErrorCode::exhausted, "the answer is larger than {} MiB; ask for less of it",
                  kMaxAnswerBytes >> 20);
    curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &transfer.answer.status);
    // An early refusal (413) may cut the upload short: the answer counts.
    const bool answered = code == CURLE_OK ||
                          (transfer.answer.status >= 400 && !transfer.answer.body.empty()) ||
                          transfer.stopped;
    if (!answered) return std::unexpected(transfer_error(code, words, endpoint));
    if (transfer.answer.status >= 400)
      return std::unexpected(problem_error(transfer.answer.status, transfer.answer.body));
    if (transfer.answer.status >= 300)
      return fail(ErrorCode::invalid, "{} is not a Corral server: it answered with status {}",
                  endpoint.url, transfer.answer.status);
    return std::move(transfer.answer);
  }
};

HttpClient::HttpClient(Endpoint endpoint) : impl_(std::make_unique<Impl>()) {
  impl_->endpoint = std::move(endpoint);
}
HttpClient::~HttpClient() = default;
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&&) noexcept = default;

const Endpoint& HttpClient::endpoint() const { return impl_->endpoint; }

Result<Answer> HttpClient::get(const std::string& path, const std::string& accept) {
  return impl_->perform("GET", path, nullptr, {"Accept: " + accept}, nullptr);
}

Result<json::value> HttpClient::get_json(const std::string& path) {
  CORRAL_TRY(const auto answer, get(path));
  auto value = parse_json(answer.body, "the server's answer");
  if (!value)
    return fail(ErrorCode::invalid, "{} does not answer as a Corral server does: {}",
                impl_->endpoint.url, value.error().message);
  return value;
}

Result<json::value> HttpClient::post_json(const std::string& path, const json::value& body,
                                          const std::vector<std::string>& headers) {
  auto lines = headers;
  lines.insert(lines.end(), {"Accept: application/json", "Content-Type: application/json"});
  const auto text = json::serialize(body);
  CORRAL_TRY(const auto answer, impl_->perform("POST", path, &text, lines, nullptr));
  if (answer.body.empty()) return json::value(nullptr);
  return parse_json(answer.body, "the server's answer");
}

Result<void> HttpClient::remove(const std::string& path) {
  CORRAL_CHECK(impl_->perform("DELETE", path, nullptr, {"Accept: application/json"}, nullptr));
  return {};
}

Result<void> HttpClient::upload(const std::string& path, const std::string& bytes) {
  CORRAL_CHECK(impl_->perform(
      "PUT", path, &bytes, {"Accept: application/json", "Content-Type: application/octet-stream"},
      nullptr));
  return {};
}

Result<void> HttpClient::download(const std::string& path, const std::string& accept,
                                  std::function<bool(std::string_view)> on_bytes) {
  CORRAL_CHECK(impl_->perform("GET", path, nullptr, {"Accept: " + accept}, std::move(on_bytes)));
  return {};
}

}  // namespace corral::edge::cli
