#include "edge/http/request_parser.h"

#include <algorithm>

#include <fmt/format.h>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

namespace corral::edge {
namespace {

namespace http = boost::beast::http;

constexpr std::size_t kLastChunkBytes = 5;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

}  // namespace

bool percent_decode(std::string_view text, std::string& out) {
  out.clear();
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size()) return false;
      const int high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return false;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    }
    if (c == '\0') return false;
    out.push_back(c);
  }
  return true;
}

bool parse_target(std::string_view target, Request& request) {
  request.target = target;
  request.query.clear();
  // absolute-form (RFC 9112, 3.2.2): a server accepts it and serves the path in it.
  for (const std::string_view scheme : {"http://", "https://"})
    if (target.starts_with(scheme)) {
      const auto slash = target.find('/', scheme.size());
      target = slash == std::string_view::npos ? std::string_view("/") : target.substr(slash);
    }
  if (target == "*") return request.path = "*", true;
  if (!target.starts_with('/') || target.contains('#')) return false;
  const auto mark = target.find('?');
  if (!percent_decode(target.substr(0, mark), request.path)) return false;
  if (mark == std::string_view::npos) return true;
  std::string_view rest = target.substr(mark + 1);
  while (!rest.empty()) {
    const auto end = std::min(rest.find('&'), rest.size());
    std::string pair(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (pair.empty()) continue;
    std::ranges::replace(pair, '+', ' ');
    const auto equals = std::min(pair.find('='), pair.size());
    std::string name, value;
    if (!percent_decode(std::string_view(pair).substr(0, equals), name)) return false;
    if (equals < pair.size() && !percent_decode(std::string_view(pair).substr(equals + 1), value))
      return false;
    request.query.emplace_back(std::move(name), std::move(value));
  }
  return true;
}

struct RequestParser::Impl {
  http::request_parser<http::string_body> parser;
};

RequestParser::RequestParser(std::size_t max_header_bytes, std::size_t max_body_bytes)
    : impl_(std::make_unique<Impl>()), max_header_bytes_(max_header_bytes) {
  impl_->parser.header_limit(static_cast<std::uint32_t>(max_header_bytes));
  impl_->parser.body_limit(max_body_bytes);
}

RequestParser::~RequestParser() = default;

RequestParser::State RequestParser::refuse(int status, std::string detail) {
  status_ = status;
  detail_ = std::move(detail);
  return State::failed;
}

RequestParser::State RequestParser::feed(std::string_view bytes, std::size_t& consumed) {
  consumed = 0;
  auto& parser = impl_->parser;
  while (true) {
    boost::system::error_code error;
    // Empty lines before a request line are skipped (RFC 9112, 2.2): some clients send one after a
    // body.
    while (!begun_ && bytes.substr(consumed).starts_with("\r\n")) consumed += 2;
    const auto left = bytes.substr(consumed);
    if (left.empty() || (!begun_ && left == "\r")) return State::more;
    begun_ = true;
    // From any place within a chunked body at least "0\r\n\r\n" must come, and Beast 1.81 aborts
    // when it looks at a final chunk of less.
    if (header_read_ && parser.chunked() && left.size() < kLastChunkBytes) return State::more;
    consumed += parser.put(boost::asio::const_buffer(left.data(), left.size()), error);
    if (error == http::error::need_more) {
      // Chunk headers and trailers have no limit of their own in the parser.
      if (bytes.size() - consumed > max_header_bytes_)
        return refuse(header_read_ ? 400 : 431, "a header or chunk line is too long");
      return State::more;
    }
    if (error == http::error::header_limit)
      return refuse(431,
                    fmt::format("the request's header is larger than {} bytes", max_header_bytes_));
    if (error == http::error::body_limit)
      return refuse(413, "the request's body is larger than this server accepts");
    if (error == http::error::bad_version)
      return refuse(505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
    if (error == http::error::bad_transfer_encoding)
      return refuse(400, "Content-Length and Transfer-Encoding exclude each other");
    if (error)
      return refuse(400, fmt::format("the request is not valid HTTP/1.1: {}", error.message()));
    if (!header_read_ && parser.is_header_done()) {
      header_read_ = true;
      parser.eager(true);
      if (const State state = read_header(); state == State::failed) return state;
      if (!parser.is_done()) return State::header;
    }
    if (parser.is_done()) {
      request_.body = std::move(parser.get().body());
      return State::complete;
    }
  }
}

// Taken before the body is read, so that trailer fields of a chunked body never count as header
// fields.
RequestParser::State RequestParser::read_header() {
  const auto& message = impl_->parser.get();
  http_1_0_ = message.version() < 11;
  keep_alive_ = message.keep_alive();
  request_.method = std::string(view(message.method_string()));
  int hosts = 0;
  for (const auto& field : message) {
    auto name = lower(view(field.name_string()));
    const auto value = view(field.value());
    if (name == "host") ++hosts;
    auto [at, fresh] = request_.headers.try_emplace(std::move(name), value);
    if (!fresh) at->second.append(", ").append(value);
  }
  if (hosts > 1 || (hosts == 0 && !http_1_0_))
    return refuse(400, "exactly one Host header is needed");
  const auto coding = request_.headers.find("transfer-encoding");
  if (coding != request_.headers.end()) {
    if (http_1_0_) return refuse(400, "HTTP/1.0 has no Transfer-Encoding");
    if (lower(coding->second) != "chunked")
      return refuse(501, "the only transfer coding understood here is chunked");
  }
  if (!parse_target(view(message.target()), request_))
    return refuse(400, "the request target is not a valid path");
  if (const auto expect = request_.header("expect"); !expect.empty()) {
    if (lower(expect) != "100-continue")
      return refuse(417, "the only expectation understood here is 100-continue");
    expects_continue_ = !http_1_0_;
  }
  return State::header;
}

Request RequestParser::take() { return std::move(request_); }

}  // namespace corral::edge
