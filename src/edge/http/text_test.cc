// The small text tools: UTF-8, event framing, negotiation, targets.
#include <gtest/gtest.h>

#include "base/utf8.h"
#include "edge/http/negotiation.h"
#include "edge/http/request_parser.h"
#include "edge/http/sse.h"

namespace corral::edge {
namespace {

TEST(Utf8, ReplacesEachInvalidPart) {
  EXPECT_EQ(to_valid_utf8("plain äöü 🐎"), "plain äöü 🐎");
  EXPECT_EQ(to_valid_utf8("a\xff"
                          "b"),
            "a\xef\xbf\xbd"
            "b");
  EXPECT_EQ(to_valid_utf8("\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");  // a surrogate
  EXPECT_EQ(to_valid_utf8("\xf0\x9f\x90"
                          "x"),
            "\xef\xbf\xbdx");
  for (const char* bad : {"\xc0\x80", "\xe0\x80\x80", "\xf4\x90\x80\x80", "\x80", "\xe2\x82"})
    EXPECT_FALSE(is_utf8(bad));
}

TEST(Utf8, KnowsWhatMayStillBecomeACodePoint) {
  EXPECT_EQ(incomplete_utf8_tail("ab"), 0u);
  EXPECT_EQ(incomplete_utf8_tail("a\xc3"), 1u);
  EXPECT_EQ(incomplete_utf8_tail("a\xf0\x9f\x90"), 3u);
  EXPECT_EQ(incomplete_utf8_tail("🐎"), 0u);
  EXPECT_EQ(incomplete_utf8_tail("\xe0\x80"), 0u);  // can never become one
  EXPECT_EQ(incomplete_utf8_tail("\xff"), 0u);
}

TEST(Sse, NeverSplitsACodePointWhateverTheSplit) {
  const std::string text = "a🐎ä\xff€b";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    std::string seen;
    const auto first = text_ready(std::string_view(text).substr(0, cut), true);
    seen += to_valid_utf8(std::string_view(text).substr(0, first));
    seen += to_valid_utf8(std::string_view(text).substr(first));
    EXPECT_EQ(seen, to_valid_utf8(text)) << cut;
  }
  EXPECT_EQ(text_ready("a\xc3", false), 2u);  // nothing more will come
}

TEST(Sse, FramesEvents) {
  std::string out;
  append_event(out, 7, "log", "\"x\\n\"");
  append_event(out, 8, "", "{}");
  EXPECT_EQ(out, "id: 7\nevent: log\ndata: \"x\\n\"\n\nid: 8\ndata: {}\n\n");
  EXPECT_EQ(lines_ready("{}\n{}\n{"), 6u);
  EXPECT_EQ(lines_ready("{"), 0u);
}

TEST(Negotiation, ChoosesWhatTheClientLikesBest) {
  const std::vector<std::string_view> offered{"text/plain", "text/event-stream"};
  EXPECT_EQ(choose_media_type("", offered), "text/plain");
  EXPECT_EQ(choose_media_type("*/*", offered), "text/plain");
  EXPECT_EQ(choose_media_type("text/event-stream", offered), "text/event-stream");
  EXPECT_EQ(choose_media_type("text/*;q=0.5, Text/Event-Stream", offered), "text/event-stream");
  EXPECT_EQ(choose_media_type("text/plain;q=0, */*;q=0.1", offered), "text/event-stream");
  EXPECT_EQ(choose_media_type("application/json", offered), "");
  EXPECT_EQ(choose_media_type("text/html", {"*/*"}), "*/*");
}

TEST(Negotiation, ReadsAcceptEncoding) {
  EXPECT_TRUE(accepts_encoding("gzip, deflate, br", "br"));
  EXPECT_FALSE(accepts_encoding("gzip, br;q=0", "br"));
  EXPECT_TRUE(accepts_encoding("*", "gzip"));
  EXPECT_FALSE(accepts_encoding("", "gzip"));
}

TEST(Negotiation, ComparesEntityTags) {
  const auto tag = etag_of("content");
  EXPECT_NE(tag, etag_of("Content"));
  EXPECT_TRUE(etag_matches("\"other\", W/" + tag, tag));
  EXPECT_TRUE(etag_matches("*", tag));
  EXPECT_FALSE(etag_matches("\"other\"", tag));
  EXPECT_FALSE(etag_matches("", tag));
}

TEST(Target, IsDecodedOnce) {
  Request request;
  ASSERT_TRUE(parse_target("/a%2Fb%2525?x=%26%3D+&empty&y=1#", request) == false);
  ASSERT_TRUE(parse_target("/a%2Fb%2525?x=%26%3D+&empty&&y=1", request));
  EXPECT_EQ(request.path, "/a/b%25");
  EXPECT_EQ(request.query_value("x"), "&= ");
  EXPECT_EQ(request.query_value("empty"), "");
  EXPECT_EQ(request.query_value("z"), std::nullopt);
  ASSERT_TRUE(parse_target("http://host:1/p?q=1", request));
  EXPECT_EQ(request.path, "/p");
  for (const char* bad : {"", "a", "/%", "/%4", "/%gg", "/%00", "/?a=%"})
    EXPECT_FALSE(parse_target(bad, request)) << bad;
}

}  // namespace
}  // namespace corral::edge
