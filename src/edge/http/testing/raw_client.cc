#include "edge/http/testing/raw_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <strings.h>
#include <sys/socket.h>

#include <array>
#include <stdexcept>

#include <fmt/format.h>

namespace corral::edge::testing {

std::string RawResponse::header(std::string_view name) const {
  std::size_t at = head.find("\r\n");
  while (at != std::string::npos && at + 2 < head.size()) {
    at += 2;
    const auto end = std::min(head.find("\r\n", at), head.size());
    const std::string_view line = std::string_view(head).substr(at, end - at);
    const auto colon = line.find(':');
    if (colon == name.size() && strncasecmp(line.data(), name.data(), name.size()) == 0) {
      auto value = line.substr(colon + 1);
      while (value.starts_with(' ')) value.remove_prefix(1);
      return std::string(value);
    }
    at = end;
  }
  return {};
}

RawClient::RawClient(std::uint16_t port)
    : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), port_(port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    throw std::runtime_error("cannot connect");
}

void RawClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto count = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) return;  // the server has closed: the answer tells
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

bool RawClient::read_some(std::chrono::steady_clock::time_point until) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
      until - std::chrono::steady_clock::now());
  if (left.count() <= 0) return false;
  pollfd waiting{socket_.get(), POLLIN, 0};
  if (::poll(&waiting, 1, static_cast<int>(left.count())) <= 0) return false;
  std::array<char, 65536> bytes;
  const auto count = ::recv(socket_.get(), bytes.data(), bytes.size(), 0);
  if (count <= 0) return false;
  buffer_.append(bytes.data(), static_cast<std::size_t>(count));
  return true;
}

RawResponse RawClient::receive(bool no_body, std::chrono::milliseconds timeout) {
  const auto until = std::chrono::steady_clock::now() + timeout;
  RawResponse response;
  std::size_t end;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos)
    if (!read_some(until)) return response;
  response.head = buffer_.substr(0, end + 2);
  buffer_.erase(0, end + 4);
  response.status = std::stoi(response.head.substr(9, 3));
  if (no_body || response.status == 204 || response.status == 304 || response.status < 200) {
    response.complete = true;
  } else if (response.header("transfer-encoding") == "chunked") {
    while (true) {
      std::size_t line;
      while ((line = buffer_.find("\r\n")) == std::string::npos)
        if (!read_some(until)) return response;
      const auto size = std::stoul(buffer_.substr(0, line), nullptr, 16);
      while (buffer_.size() < line + 2 + size + 2)
        if (!read_some(until)) return response;
      response.body.append(buffer_, line + 2, size);
      buffer_.erase(0, line + 2 + size + 2);
      if (size == 0) break;
    }
    response.complete = true;
  } else if (const auto length = response.header("content-length"); !length.empty()) {
    const auto size = std::stoul(length);
    while (buffer_.size() < size)
      if (!read_some(until)) return response;
    response.body = buffer_.substr(0, size);
    buffer_.erase(0, size);
    response.complete = true;
  } else {
    while (read_some(until)) {
    }
    response.body = std::move(buffer_);
    buffer_.clear();
    response.complete = true;
  }
  return response;
}

RawResponse RawClient::request(std::string_view method, std::string_view target,
                               std::string_view body, std::string_view headers) {
  std::string text =
      fmt::format("{} {} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n{}", method, target, port_, headers);
  if (!body.empty() || method == "POST") text += fmt::format("Content-Length: {}\r\n", body.size());
  send(text + "\r\n" + std::string(body));
  return receive(method == "HEAD");
}

std::string RawClient::read_until(std::string_view text, std::chrono::milliseconds timeout) {
  const auto until = std::chrono::steady_clock::now() + timeout;
  while (buffer_.find(text) == std::string::npos)
    if (!read_some(until)) break;
  const auto at = buffer_.find(text);
  std::string seen = buffer_.substr(0, at == std::string::npos ? buffer_.size() : at + text.size());
  buffer_.erase(0, seen.size());
  return seen;
}

bool RawClient::closed_by_server(std::chrono::milliseconds timeout) {
  const auto until = std::chrono::steady_clock::now() + timeout;
  while (read_some(until)) buffer_.clear();
  return std::chrono::steady_clock::now() < until;
}

}  // namespace corral::edge::testing
