#include "adapters/http/addresses.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include <arpa/inet.h>
#include <netinet/in.h>

namespace corral::adapters::http {
namespace {

struct Block4 {
  std::uint32_t first;
  int bits;
};
constexpr std::uint32_t ip(unsigned a, unsigned b, unsigned c, unsigned d) {
  return a << 24 | b << 16 | c << 8 | d;
}
constexpr std::array kNotPublic{
    Block4{ip(0, 0, 0, 0), 8},         // this host
    Block4{ip(10, 0, 0, 0), 8},        // private
    Block4{ip(100, 64, 0, 0), 10},     // carriers' and clouds' own, metadata among them
    Block4{ip(127, 0, 0, 0), 8},       // loopback
    Block4{ip(168, 63, 129, 16), 32},  // Azure's platform
    Block4{ip(169, 254, 0, 0), 16},    // link-local, metadata among them
    Block4{ip(172, 16, 0, 0), 12},     // private
    Block4{ip(192, 0, 0, 0), 24},      // protocol assignments, metadata among them
    Block4{ip(192, 0, 2, 0), 24},      // documentation
    Block4{ip(192, 88, 99, 0), 24},    // 6to4 relays
    Block4{ip(192, 168, 0, 0), 16},    // private
    Block4{ip(198, 18, 0, 0), 15},     // benchmarks
    Block4{ip(198, 51, 100, 0), 24},   // documentation
    Block4{ip(203, 0, 113, 0), 24},    // documentation
    Block4{ip(224, 0, 0, 0), 3},       // multicast, reserved, broadcast
};

bool is_public(std::uint32_t address) {
  return std::ranges::none_of(kNotPublic, [&](const Block4& block) {
    return (address ^ block.first) >> (32 - block.bits) == 0;
  });
}

std::uint32_t last_four(const std::uint8_t* bytes) {
  return ip(bytes[12], bytes[13], bytes[14], bytes[15]);
}

bool starts_with(const std::uint8_t* bytes, std::initializer_list<std::uint8_t> prefix) {
  return std::equal(prefix.begin(), prefix.end(), bytes);
}

bool is_public(const std::uint8_t* bytes) {
  if (starts_with(bytes, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}) ||
      starts_with(bytes, {0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0}))
    return is_public(last_four(bytes));
  const bool global = (bytes[0] & 0xe0) == 0x20;                           // 2000::/3
  return global && !(starts_with(bytes, {0x20, 0x01}) && bytes[2] < 2) &&  // Teredo and others
         !starts_with(bytes, {0x20, 0x01, 0x0d, 0xb8}) &&                  // documentation
         !starts_with(bytes, {0x20, 0x02}) &&                              // 6to4
         !(starts_with(bytes, {0x3f, 0xff}) && bytes[2] < 0x10);           // documentation
}

}  // namespace

bool is_public_address(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    return is_public(ntohl(v4.sin_addr.s_addr));
  }
  if (address.sa_family != AF_INET6) return false;
  sockaddr_in6 v6{};
  std::memcpy(&v6, &address, sizeof v6);
  return is_public(v6.sin6_addr.s6_addr);
}

Result<AllowedHost> parse_allowed_host(std::string_view text) {
  AllowedHost allowed;
  std::string_view host = text, port;
  const auto bracket = text.rfind(']');
  const auto colon = text.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (colon != std::string_view::npos) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    std::uint16_t number = 0;
    const auto read = std::from_chars(port.data(), port.data() + port.size(), number);
    if (read.ec != std::errc() || read.ptr != port.data() + port.size() || number == 0) host = {};
    allowed.port = number;
  }
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789.-_";
  constexpr std::string_view kHex = "0123456789abcdef:.";
  allowed.host = host;
  std::ranges::transform(allowed.host, allowed.host.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  const std::string_view name = allowed.host;
  const bool v6 = name.size() > 2 && name.front() == '[' && name.back() == ']';
  const auto inner = v6 ? name.substr(1, name.size() - 2) : name;
  if (inner.empty() || inner.find_first_not_of(v6 ? kHex : kLetters) != std::string_view::npos)
    return fail(ErrorCode::invalid,
                "\"{}\" is no host that can be allowed: write HOST, HOST:PORT or [IPv6]:PORT",
                text);
  return allowed;
}

}  // namespace corral::adapters::http
