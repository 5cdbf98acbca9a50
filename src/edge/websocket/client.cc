#include "edge/websocket/client.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

#include <boost/asio/connect.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include "base/json.h"
#include "base/random.h"
#include "edge/websocket/endpoint.h"

namespace corral::edge {
namespace {

using asio::ip::tcp;
constexpr std::size_t kMaxAnswerBytes = 64u << 10;

struct Address {
  bool tls = false;
  std::string host, port, authority, target;
};

Result<Address> parse_address(const std::string& text) {
  const auto wrong = [&text] {
    return fail(ErrorCode::invalid, "\"{}\" is not a URL like ws://host:port/path", text);
  };
  const auto url = boost::urls::parse_uri(text);
  if (!url || url->encoded_host().empty()) return wrong();
  Address address;
  const std::string scheme = url->scheme();
  address.tls = scheme == "wss" || scheme == "https";
  if (!address.tls && scheme != "ws" && scheme != "http") return wrong();
  address.host = url->host_address();  // without the brackets of IPv6
  address.port = url->has_port() ? std::string(url->port()) : address.tls ? "443" : "80";
  address.authority = url->encoded_host_and_port();
  address.target = url->encoded_path().empty() ? "/" : std::string(url->encoded_path());
  if (url->has_query()) address.target += "?" + std::string(url->encoded_query());
  return address;
}

// A line break in a value would forge further fields.
std::string without_breaks(std::string value) {
  std::ranges::replace_if(
      value, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  return value;
}

struct Answer {
  int status = 0;
  std::map<std::string, std::string> fields;  // lower-case names
  std::string rest;                           // what came after the header
};

// Nothing when it is no HTTP.
std::optional<Answer> parse_answer(std::string_view head) {
  Answer answer;
  if (!head.starts_with("HTTP/1.1 ") || head.size() < 12) return std::nullopt;
  const auto [end, error] = std::from_chars(head.data() + 9, head.data() + 12, answer.status);
  if (error != std::errc{} || end != head.data() + 12) return std::nullopt;
  for (auto at = head.find("\r\n"); at != std::string_view::npos;) {
    head.remove_prefix(at + 2);
    at = head.find("\r\n");
    const auto line = head.substr(0, at);
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    std::string name(line.substr(0, colon));
    std::ranges::transform(name, name.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    });
    auto value = line.substr(colon + 1);
    while (value.starts_with(' ') || value.starts_with('\t')) value.remove_prefix(1);
    while (value.ends_with(' ') || value.ends_with('\t')) value.remove_suffix(1);
    auto [found, fresh] = answer.fields.try_emplace(std::move(name), value);
    if (!fresh) found->second.append(", ").append(value);
  }
  return answer;
}

Task<Result<Answer>> read_answer(ByteStream& stream) {
  std::string text;
  std::size_t head = std::string::npos;
  while ((head = text.find("\r\n\r\n")) == std::string::npos) {
    if (text.size() > kMaxAnswerBytes)
      co_return fail(ErrorCode::invalid, "what answers there does not speak HTTP");
    const auto chunk = co_await stream.read();
    if (chunk.empty())
      co_return fail(ErrorCode::unavailable, "the server closed the connection without an answer");
    text.append(chunk.data(), chunk.size());
  }
  auto answer = parse_answer(std::string_view(text).substr(0, head + 2));
  if (!answer) co_return fail(ErrorCode::invalid, "what answers there does not speak HTTP/1.1");
  answer->rest = text.substr(head + 4);
  co_return *std::move(answer);
}

// The refusal's own words, as far as they come.
Task<Error> refusal(ByteStream& stream, Answer answer) {
  std::size_t size = 0;
  const auto& length = answer.fields["content-length"];
  std::from_chars(length.data(), length.data() + length.size(), size);
  size = std::min(size, kMaxAnswerBytes);
  while (answer.rest.size() < size) {
    const auto chunk = co_await stream.read();
    if (chunk.empty()) break;
    answer.rest.append(chunk.data(), chunk.size());
  }
  Error error{answer.status < 400 ? ErrorCode::invalid : error_code_of_status(answer.status),
              fmt::format("the server answered with status {} instead of opening a WebSocket",
                          answer.status),
              nullptr};
  if (const auto problem = parse_json(answer.rest, "problem"); problem)
    if (auto detail = find_string(*problem, {"detail"}); !detail.empty())
      error.message = std::move(detail);
  co_return error;
}

Task<Result<StreamSocket>> connect_socket(Address address) {
  const auto executor = co_await asio::this_coro::executor;
  boost::system::error_code error;
  tcp::resolver resolver(executor);
  const auto found = co_await resolver.async_resolve(
      address.host, address.port, asio::redirect_error(asio::use_awaitable, error));
  tcp::socket socket(executor);
  if (!error)
    co_await asio::async_connect(socket, found, asio::redirect_error(asio::use_awaitable, error));
  if (error)
    co_return fail(ErrorCode::unavailable, "no server answers at {} port {} ({})", address.host,
                   address.port, error.message());
  socket.set_option(tcp::no_delay(true), error);
  co_return StreamSocket(std::move(socket));
}

Task<Result<std::unique_ptr<WebSocket>>> open(Address address, HeaderFields headers,
                                              WebSocketClientOptions options) {
  auto socket = co_await connect_socket(address);
  if (!socket) co_return std::unexpected(std::move(socket).error());
  std::unique_ptr<ByteStream> stream;
  if (address.tls) {
    auto tls = co_await make_tls_stream(*std::move(socket), address.host, options.ca_file);
    if (!tls) co_return std::unexpected(std::move(tls).error());
    stream = *std::move(tls);
  } else {
    stream = make_socket_stream(*std::move(socket));
  }
  std::array<unsigned char, 16> random;
  SystemRandom::instance().fill(random);
  const std::string key = base64({reinterpret_cast<const char*>(random.data()), random.size()});
  std::string request =
      fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\n", address.target, address.authority);
  const HeaderFields asked = ask(key, options.websocket);
  headers.insert(headers.end(), asked.begin(), asked.end());
  for (const auto& [name, value] : headers)
    request += fmt::format("{}: {}\r\n", without_breaks(name), without_breaks(value));
  request += "\r\n";
  const std::array<std::string_view, 1> parts{request};
  if (!co_await stream->write(parts))
    co_return fail(ErrorCode::unavailable, "the server closed the connection");
  auto answer = co_await read_answer(*stream);
  if (!answer) co_return std::unexpected(std::move(answer).error());
  if (answer->status != 101)
    co_return std::unexpected(co_await refusal(*stream, *std::move(answer)));
  auto agreement = check_answer(answer->fields, key, options.websocket);
  if (!agreement) co_return std::unexpected(std::move(agreement).error());
  co_return make_websocket(Role::client, std::move(stream), *std::move(agreement),
                           std::move(options.websocket), std::move(answer->rest));
}

Task<void> wait_for(std::chrono::milliseconds time) {
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  boost::system::error_code ignored;
  co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

}  // namespace

Task<Result<std::unique_ptr<WebSocket>>> connect_websocket(
    std::string url, std::vector<std::pair<std::string, std::string>> headers,
    WebSocketClientOptions options) {
  using namespace asio::experimental::awaitable_operators;
  auto address = parse_address(url);
  if (!address) co_return std::unexpected(std::move(address).error());
  const auto timeout = options.connect_timeout;
  auto first = co_await (open(*std::move(address), std::move(headers), std::move(options)) ||
                         wait_for(timeout));
  if (first.index() == 0) co_return std::get<0>(std::move(first));
  co_return fail(ErrorCode::deadline, "{} did not answer within {} ms", url, timeout.count());
}

}  // namespace corral::edge
