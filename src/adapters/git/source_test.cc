#include "adapters/git/source.h"

#include <gtest/gtest.h>

namespace corral::adapters::git {
namespace {

TEST(Source, TakesTheAllowedForms) {
  for (const char* good :
       {"https://github.com/a/b.git", "http://host:8080/a", "ssh://git@host:22/a/b", "git://host/a",
        "git@github.com:a/b.git", "/home/me/project", "/odd path/with 'quotes'",
        "file:///home/me/project", "https://[::1]:8443/a"})
    EXPECT_TRUE(parse_source(good)) << good;
}

TEST(Source, RefusesOptionsHelpersAndHalfPaths) {
  for (const char* bad : {"",
                          "-u",
                          "--upload-pack=touch /tmp/x",
                          "ext::sh -c id",
                          "fd::7",
                          "ftp://host/a",
                          "https::https://h/a",
                          "relative/path",
                          "./x",
                          "host",
                          "ssh://-oProxyCommand=id/a",
                          "ssh://git@-oProxyCommand=id/a",
                          "ssh://-x@host/a",
                          "-oProxyCommand=x@host:path",
                          "git@-host:a",
                          "a@b:-x",
                          "https://",
                          "https://host",
                          "https://host/",
                          "file://relative",
                          "file://",
                          "git://ho st/a",
                          "a/b@c:d",
                          "@host:x",
                          "https://h/a\n--x"})
    EXPECT_EQ(parse_source(bad).error().code, ErrorCode::invalid) << bad;
  EXPECT_EQ(parse_source(std::string("/a\0b", 4)).error().code, ErrorCode::invalid);
  EXPECT_EQ(parse_source("https://h/" + std::string(5000, 'a')).error().code, ErrorCode::invalid);
}

TEST(Source, MovesCredentialsOutOfTheUrl) {
  const auto source = parse_source("https://me:p%40ss@host.example:8443/a/b.git").value();
  EXPECT_EQ(source.url, "https://host.example:8443/a/b.git");
  EXPECT_EQ(source.display, "https://***@host.example:8443/a/b.git");
  ASSERT_EQ(source.config.size(), 1u);
  EXPECT_EQ(source.config[0].first, "http.https://host.example:8443/.extraHeader");
  EXPECT_EQ(source.config[0].second, "Authorization: Basic bWU6cEBzcw==");  // me:p@ss
}

TEST(Source, StarsOutCredentialsWhereverTheyAppear) {
  EXPECT_EQ(redact_urls("fatal: unable to access 'https://tok3n@h/a/': no; see http://u:p@x/y"),
            "fatal: unable to access 'https://***@h/a/': no; see http://***@x/y");
  EXPECT_EQ(redact_urls("ssh://git:secret@host/a ssh://git@host/a"),
            "ssh://git:***@host/a ssh://git@host/a");
  EXPECT_EQ(redact_urls("https://u:p@ss@host/a"), "https://***@host/a");
  EXPECT_EQ(redact_urls("no url"), "no url");
}

TEST(BranchName, FollowsGitsRules) {
  for (const char* good : {"main", "feature/x", "corral/0193-abc", "v1.2", "ünï"})
    EXPECT_TRUE(check_branch_name(good, "branch")) << good;
  for (const char* bad : {"",     "-x",     "a..b",     "a b",   "a/",   "/a",  "a//b", ".a",
                          "a/.b", "a.lock", "a.lock/b", "a~1",   "a^",   "a:b", "a?",   "a*",
                          "a[",   "a\\b",   "@",        "a@{1}", "HEAD", "a.",  "a\n"})
    EXPECT_EQ(check_branch_name(bad, "branch").error().code, ErrorCode::invalid) << bad;
}

}  // namespace
}  // namespace corral::adapters::git
