#include "edge/cli/paging.h"

#include "edge/cli/test_server.h"

namespace corral::edge::cli {
namespace {

using ::testing::ElementsAre;

// Numbers from 0, two a page; "fail" is refused.
void count(const TestRequest& request, TestReply& reply) {
  if (request.target.starts_with("/fail")) return reply.problem(503, "unavailable", "not now");
  const auto at = request.target.find("&cursor=");
  const int from = at == std::string::npos ? 0 : std::stoi(request.target.substr(at + 8));
  if (request.target.starts_with("/gaps") && from == 2)
    return reply.json(json::object{{"items", json::array{}}, {"next_cursor", "4"}});
  if (from == 6) return reply.json(json::object{{"items", json::array{}}, {"next_cursor", "6"}});
  reply.json(json::object{{"items", json::array{from, from + 1}},
                          {"next_cursor", std::to_string(from + 2)}});
}

struct Paging : ::testing::Test {
  std::vector<std::string> asked() const {
    std::vector<std::string> targets;
    for (const auto& request : server.requests()) targets.push_back(request.target);
    return targets;
  }
  TestServer server{count};
  HttpClient client{{.url = server.url(), .token = ""}};
};

TEST_F(Paging, ReadsOnUntilThereIsNoMore) {
  EXPECT_EQ(read_list(client, "/numbers").value(), (json::array{0, 1, 2, 3, 4, 5}));
  EXPECT_THAT(asked(), ElementsAre("/numbers?limit=500", "/numbers?limit=500&cursor=2",
                                   "/numbers?limit=500&cursor=4", "/numbers?limit=500&cursor=6"));
}

TEST_F(Paging, AnEmptyPageThatLeadsOnIsNotTheEnd) {
  EXPECT_EQ(read_list(client, "/gaps").value(), (json::array{0, 1, 4, 5}));
}

TEST_F(Paging, AsksForNoMoreThanIsWanted) {
  const ListFilter filter{{"state", "a&b"}, {"kind", ""}};
  EXPECT_EQ(read_list(client, "/numbers", filter, 4).value(), (json::array{0, 1, 2, 3}));
  EXPECT_THAT(asked(),
              ElementsAre("/numbers?limit=4&state=a%26b", "/numbers?limit=2&state=a%26b&cursor=2"));
  EXPECT_TRUE(read_list(client, "/numbers", {}, 0).value().empty());
  EXPECT_EQ(asked().size(), 2u);
}

TEST_F(Paging, SaysWhyAPageCouldNotBeRead) {
  const auto refused = read_list(client, "/fail");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
}

}  // namespace
}  // namespace corral::edge::cli
