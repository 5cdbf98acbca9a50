#include "adapters/http/addresses.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

namespace corral::adapters::http {
namespace {

bool is_public(const char* text) {
  sockaddr_storage storage{};
  auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
  if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
    storage.ss_family = AF_INET;
  else if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1)
    storage.ss_family = AF_INET6;
  else
    ADD_FAILURE() << text << " is no address";
  return is_public_address(reinterpret_cast<const sockaddr&>(storage));
}

TEST(Addresses, OfThePublicInternetAreTold) {
  for (const char* address :
       {"1.1.1.1", "8.8.8.8", "93.184.216.34", "172.15.255.255", "172.32.0.0", "100.63.255.255",
        "100.128.0.0", "192.167.255.255", "223.255.255.255", "2606:4700:4700::1111",
        "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"})
    EXPECT_TRUE(is_public(address)) << address;
}

TEST(Addresses, OfMachineNetworkAndCloudAreNot) {
  for (const char* address : {"0.0.0.0",
                              "10.1.2.3",
                              "100.64.0.1",
                              "100.100.100.200",
                              "127.0.0.1",
                              "127.255.255.254",
                              "168.63.129.16",
                              "169.254.169.254",
                              "172.16.0.1",
                              "172.31.255.255",
                              "192.0.0.192",
                              "192.0.2.1",
                              "192.168.1.1",
                              "198.18.0.1",
                              "198.19.255.255",
                              "198.51.100.7",
                              "203.0.113.9",
                              "224.0.0.1",
                              "240.0.0.1",
                              "255.255.255.255",
                              "::",
                              "::1",
                              "::ffff:127.0.0.1",
                              "::ffff:10.0.0.1",
                              "::127.0.0.1",
                              "fe80::1",
                              "fec0::1",
                              "fc00::1",
                              "fd00:ec2::254",
                              "ff02::1",
                              "2001::1",
                              "2001:db8::1",
                              "2002:7f00:1::",
                              "3fff::1",
                              "64:ff9b::7f00:1",
                              "64:ff9b:1::1",
                              "64:ff9b::a9fe:a9fe"})
    EXPECT_FALSE(is_public(address)) << address;
}

TEST(Addresses, NoOtherFamilyIsPublic) {
  sockaddr_storage storage{};
  storage.ss_family = AF_UNIX;
  EXPECT_FALSE(is_public_address(reinterpret_cast<const sockaddr&>(storage)));
}

TEST(AllowedHost, IsAHostOrAHostAndAPort) {
  const auto covers = [](std::string_view allowed, std::string_view host, std::uint16_t port) {
    return parse_allowed_host(allowed).value().covers(host, port);
  };
  EXPECT_TRUE(covers("Deploy.Internal", "deploy.internal", 80));
  EXPECT_TRUE(covers("10.0.0.7:8080", "10.0.0.7", 8080));
  EXPECT_FALSE(covers("10.0.0.7:8080", "10.0.0.7", 80));
  EXPECT_FALSE(covers("internal", "deploy.internal", 80));
  EXPECT_TRUE(covers("[::1]", "[::1]", 443));
  EXPECT_TRUE(covers("[::1]:443", "[::1]", 443));
  EXPECT_FALSE(covers("[::1]:443", "[::1]", 80));
  for (const char* wrong : {"", ":80", "a:", "a:0", "a:99999", "a:80x", "http://a", "a/b", "*",
                            "a b", "::1", "[]", "[::1", "[x]:1", "10.0.0.0/8"})
    EXPECT_FALSE(parse_allowed_host(wrong)) << wrong;
}

}  // namespace
}  // namespace corral::adapters::http
