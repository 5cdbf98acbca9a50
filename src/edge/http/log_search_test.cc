// Text in logs, over HTTP.
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>

#include "edge/http/testing/api_server.h"
#include "edge/http/testing/raw_client.h"

namespace corral::edge {
namespace {

class LogSearch : public ::testing::Test {
 protected:
  json::value get(const std::string& target, int status = 200) {
    testing::RawClient client(server.port());
    const auto answer = client.request("GET", target);
    EXPECT_EQ(answer.status, status) << target << '\n' << answer.body;
    return json::parse(answer.body);
  }
  std::string make(const std::string& what, const std::string& body) {
    testing::RawClient client(server.port());
    return std::string(
        client.request("POST", "/api/v1/" + what, body, "Content-Type: application/json\r\n")
            .header("location"));
  }
  testing::ApiServer server;
};

TEST_F(LogSearch, FindsWhatASessionPrintedPageByPage) {
  const auto path = make("sessions", R"({"git_url":"/repo","command":["cat"]})");
  const auto id = *SessionId::parse(path.substr(path.rfind('/') + 1));
  std::atomic<bool> done = false;
  const auto before = SystemClock::instance().now() - std::chrono::seconds(1);
  server.run([&](testing::FakeService&) {
    asio::co_spawn(
        server.executor(),
        server.sessions().print(id, "one\r\n\x1b[31mERR\x1b[0mor 1\r\ntwo\r\nerror 2\r\n"),
        [&](std::exception_ptr, Result<void> printed) {
          EXPECT_TRUE(printed);
          done = true;
        });
  });
  ASSERT_TRUE(server.eventually([&](testing::FakeService&) { return done.load(); }));
  const auto found = get(path + "/log/search?q=error&ignore_case=true&limit=1");
  ASSERT_EQ(found.at("items").as_array().size(), 1u);
  const auto& match = found.at("items").at(0);
  EXPECT_EQ(find_int(match, {"offset"}), 5);
  EXPECT_EQ(find_string(match, {"text"}), "ERRor 1");
  const auto time = time_from_rfc3339(find_string(match, {"time"}));
  ASSERT_TRUE(time);
  EXPECT_GT(*time, before);
  const auto rest = get(fmt::format("{}/log/search?q=error&ignore_case=true&cursor={}", path,
                                    find_string(found, {"next_cursor"})));
  ASSERT_EQ(rest.at("items").as_array().size(), 1u);
  EXPECT_EQ(find_string(rest.at("items").at(0), {"text"}), "error 2");
  EXPECT_TRUE(rest.at("next_cursor").is_null());
  EXPECT_EQ(get(path + "/log/search?q=error").at("items").as_array().size(), 1u);
  EXPECT_EQ(find_string(get(path + "/log/search", 400), {"code"}), "invalid");
  for (const char* bad :
       {"q=", "q=x&cursor=12a", "q=x&cursor=9999", "q=x&ignore_case=1", "q=a%0Ab"})
    get(path + "/log/search?" + bad, 400);
  get("/api/v1/sessions/01900000-0000-7000-8000-000000000000/log/search?q=x", 404);
}

TEST_F(LogSearch, FindsWhatARunPrinted) {
  const auto path = make("runs", R"({"git_url":"/repo","prompt":"p"})");
  server.run([&](testing::FakeService& service) {
    service.run(service.newest()).log->put("one\ntwo\nthree\n");
  });
  const auto found = get(path + "/log/search?q=t");
  ASSERT_EQ(found.at("items").as_array().size(), 2u);
  EXPECT_EQ(find_int(found.at("items").at(1), {"offset"}), 8);
  EXPECT_TRUE(found.at("items").at(1).at("time").is_null());
  EXPECT_TRUE(get(path + "/log/search?q=four").at("items").as_array().empty());
}

}  // namespace
}  // namespace corral::edge
