// What is asked for, agreed on and refused before the first frame.
#include "edge/websocket/handshake.h"

#include <gtest/gtest.h>

namespace corral::edge {
namespace {

UpgradeRequest request() {
  return {.get = true,
          .connection = "keep-alive, Upgrade",
          .upgrade = "websocket",
          .version = "13",
          .key = "dGhlIHNhbXBsZSBub25jZQ==",
          .subprotocols = {},
          .extensions = {}};
}

std::string field(const Agreement& agreement, std::string_view name) {
  for (const auto& [key, value] : agreement.fields)
    if (key == name) return value;
  return {};
}

TEST(WebSocketHandshake, AnswersTheExampleOfTheStandard) {
  const auto agreement = agree(request(), {}).value();
  EXPECT_EQ(field(agreement, "Sec-WebSocket-Accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  EXPECT_FALSE(agreement.deflate);
}

TEST(WebSocketHandshake, RefusesWhatIsNoneAndWhatIsWrong) {
  const auto status = [](void (*change)(UpgradeRequest&)) {
    auto wrong = request();
    change(wrong);
    const auto agreed = agree(wrong, {});
    return agreed ? 101 : refusal_status(agreed.error());
  };
  EXPECT_EQ(status([](UpgradeRequest&) {}), 101);
  EXPECT_EQ(status([](UpgradeRequest& r) { r.connection = "Keep-Alive, UPGRADE"; }), 101);
  EXPECT_EQ(status([](UpgradeRequest& r) { r.get = false; }), 426);
  EXPECT_EQ(status([](UpgradeRequest& r) { r.upgrade = "h2c"; }), 426);
  EXPECT_EQ(status([](UpgradeRequest& r) { r.connection = "close"; }), 426);
  EXPECT_EQ(status([](UpgradeRequest& r) { r.version = "8"; }), 400);
  EXPECT_EQ(status([](UpgradeRequest& r) { r.version.clear(); }), 400);
  EXPECT_EQ(status([](UpgradeRequest& r) { r.key.clear(); }), 400);
  EXPECT_EQ(status([](UpgradeRequest& r) { r.key = "dGhlIHNhbXBsZSBub25jZQ="; }), 400);
  EXPECT_EQ(status([](UpgradeRequest& r) { r.key += ", " + r.key; }), 400);
  EXPECT_EQ(status([](UpgradeRequest& r) { r.key = "dGhlIHNhbXBsZSBub25j!Q=="; }), 400);
}

TEST(WebSocketHandshake, ChoosesTheSubprotocolThatTheServerLikesBest) {
  auto asked = request();
  asked.subprotocols = "chat, corral.v1,corral.v2";
  const auto chosen = [&](std::vector<std::string> ours) {
    return agree(asked, {.subprotocols = std::move(ours)}).value().subprotocol;
  };
  EXPECT_EQ(chosen({"corral.v2", "corral.v1"}), "corral.v2");
  EXPECT_EQ(chosen({"other"}), "");
  EXPECT_EQ(chosen({}), "");
}

TEST(WebSocketHandshake, TakesTheFirstOfferOfCompressionThatItCan) {
  const auto taken = [](std::string offers, bool on = true) {
    auto asked = request();
    asked.extensions = std::move(offers);
    return field(agree(asked, {.deflate = on}).value(), "Sec-WebSocket-Extensions");
  };
  EXPECT_EQ(taken("permessage-deflate; client_max_window_bits"), "permessage-deflate");
  EXPECT_EQ(taken("permessage-deflate", false), "");
  EXPECT_EQ(taken("x-webkit-deflate-frame, permessage-deflate;server_no_context_takeover ; "
                  "client_no_context_takeover; server_max_window_bits=\"10\""),
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
            "server_max_window_bits=10");
  // zlib has no window of 8 bits; the second offer is as good.
  EXPECT_EQ(taken("permessage-deflate; server_max_window_bits=8, permessage-deflate"),
            "permessage-deflate");
  for (const char* bad :
       {"permessage-deflate; server_max_window_bits=7", "permessage-deflate; unknown",
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_max_window_bits=08",
        "permessage-deflate; client_no_context_takeover=1", "permessage-deflate; ",
        "permessage-deflate; server_max_window_bits=10; server_max_window_bits=11", ";", "\"", ","})
    EXPECT_EQ(taken(bad), "") << bad;
}

TEST(WebSocketHandshake, AClientTakesOnlyWhatItOffered) {
  const WebSocketOptions options{.subprotocols = {"corral.v1"}};
  const std::string key = base64("0123456789abcdef");
  const auto check = [&](std::map<std::string, std::string> fields) {
    fields.insert({{"upgrade", "WebSocket"},
                   {"connection", "upgrade"},
                   {"sec-websocket-accept", accept_key(key)}});
    return check_answer(fields, key, options);
  };
  EXPECT_TRUE(check({}));
  EXPECT_EQ(check({{"sec-websocket-protocol", "corral.v1"}}).value().subprotocol, "corral.v1");
  EXPECT_FALSE(check({{"sec-websocket-protocol", "corral.v2"}}));
  EXPECT_FALSE(check({{"sec-websocket-accept", accept_key("other")}}));
  EXPECT_FALSE(check({{"upgrade", "h2c"}}));
  const auto deflate =
      check({{"sec-websocket-extensions",
              "permessage-deflate; client_max_window_bits=10; server_no_context_takeover"}})
          .value()
          .deflate.value();
  EXPECT_EQ(deflate.ours.window_bits, 10);
  EXPECT_FALSE(deflate.theirs.context_takeover);
  for (const char* bad : {"x-other", "permessage-deflate, permessage-deflate",
                          "permessage-deflate; client_max_window_bits",
                          "permessage-deflate; client_max_window_bits=8"})
    EXPECT_FALSE(check({{"sec-websocket-extensions", bad}})) << bad;
}

}  // namespace
}  // namespace corral::edge
