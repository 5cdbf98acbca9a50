#include "adapters/http/target.h"

#include <gtest/gtest.h>

namespace corral::adapters::http {
namespace {

TEST(Target, IsWhatLibcurlWouldCall) {
  const auto usual = target_of("HTTPS://Push.Example.NET/send/abc?x#y").value();
  EXPECT_EQ(usual.scheme, "https");
  EXPECT_EQ(usual.host, "push.example.net");
  EXPECT_EQ(usual.port, 443);
  EXPECT_EQ(target_of("http://[::1]:8080/").value().host, "[::1]");
  EXPECT_EQ(target_of("http://0x7f.1/").value().host, "127.0.0.1");
  for (const char* url : {"", "push.example.net", "ftp://a/", "https://user@a/", "https://", "//a/",
                          "https://a:0/", "https://a b/", "javascript:1"})
    EXPECT_FALSE(target_of(url)) << url;
  EXPECT_FALSE(target_of("https://a/" + std::string(9000, 'a')));
}

TEST(Target, SaysWhetherItsHostIsPrivate) {
  for (const char* url :
       {"https://127.0.0.1/", "https://2130706433/", "https://10.1.2.3/", "https://localhost/",
        "https://a.localhost/", "https://LOCALHOST./", "https://[::1]/", "https://[fd00::1]/",
        "https://[::ffff:10.0.0.1]/", "https://169.254.169.254/"})
    EXPECT_TRUE(target_of(url).value().is_private()) << url;
  for (const char* url : {"https://fcm.googleapis.com/", "https://8.8.8.8/", "https://[2a00::1]/",
                          "https://localhost.example.net/"})
    EXPECT_FALSE(target_of(url).value().is_private()) << url;
}

}  // namespace
}  // namespace corral::adapters::http
