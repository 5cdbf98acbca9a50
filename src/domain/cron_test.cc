#include "domain/cron.h"

#include <gtest/gtest.h>

#include "domain/testing/summer.h"

namespace corral::domain {
namespace {

using namespace std::chrono;

class Utc final : public Zone {
 public:
  local_seconds to_local(sys_seconds time) const override {
    return local_seconds(time.time_since_epoch());
  }
  std::optional<sys_seconds> to_time(local_seconds local) const override {
    return sys_seconds(local.time_since_epoch());
  }
};

Time at(std::string_view text) { return time_from_rfc3339(text).value(); }

std::string next(std::string_view cron, std::string_view after, const Zone& zone = Utc()) {
  const auto parsed = Cron::parse(cron);
  if (!parsed) return parsed.error().message;
  const auto time = parsed->next_after(at(after), zone);
  return time ? to_rfc3339(*time).substr(0, 16) : "never";
}

TEST(Cron, TheNextTime) {
  struct Row {
    std::string_view cron, after, next;
  };
  const std::vector<Row> rows{
      {"* * * * *", "2030-01-01T00:00:00Z", "2030-01-01T00:01"},
      {"* * * * *", "2030-01-01T00:00:59.999Z", "2030-01-01T00:01"},
      {"* * * * *", "2030-01-01T00:00:59.999Z", "2030-01-01T00:01"},
      {"30 3 * * *", "2030-01-01T03:29:59Z", "2030-01-01T03:30"},
      {"30 3 * * *", "2030-01-01T03:30:00Z", "2030-01-02T03:30"},
      {"30 3 * * *", "2030-12-31T03:30:00Z", "2031-01-01T03:30"},
      {" 0\t0 1,15 * * ", "2030-01-02T00:00:00Z", "2030-01-15T00:00"},
      {"*/15 * * * *", "2030-01-01T00:46:00Z", "2030-01-01T01:00"},
      {"5/20 * * * *", "2030-01-01T00:26:00Z", "2030-01-01T00:45"},
      {"10-30/10 * * * *", "2030-01-01T00:30:00Z", "2030-01-01T01:10"},
      {"0 9-17/4 * * *", "2030-01-01T13:00:00Z", "2030-01-01T17:00"},
      {"0 0 * feb *", "2030-03-01T00:00:00Z", "2031-02-01T00:00"},
      {"0 0 1 JAN-Mar *", "2030-03-01T00:00:00Z", "2031-01-01T00:00"},
      {"0 0 29 2 *", "2029-01-01T00:00:00Z", "2032-02-29T00:00"},
      {"0 0 31 * *", "2030-01-31T00:00:00Z", "2030-03-31T00:00"},
      // 1 January 2030 is a Tuesday.
      {"0 0 * * 0", "2030-01-01T00:00:00Z", "2030-01-06T00:00"},
      {"0 0 * * 7", "2030-01-01T00:00:00Z", "2030-01-06T00:00"},
      {"0 0 * * Sun", "2030-01-01T00:00:00Z", "2030-01-06T00:00"},
      {"0 0 * * mon-fri", "2030-01-04T00:00:00Z", "2030-01-07T00:00"},
      {"0 0 * * 5-7", "2030-01-06T00:00:00Z", "2030-01-11T00:00"},
      {"0 0 * * sat,wed", "2030-01-02T00:00:00Z", "2030-01-05T00:00"},
      {"@hourly", "2030-01-01T00:00:00Z", "2030-01-01T01:00"},
      {"@daily", "2030-01-01T00:00:00Z", "2030-01-02T00:00"},
      {"@midnight", "2030-01-01T00:00:00Z", "2030-01-02T00:00"},
      {"@weekly", "2030-01-01T00:00:00Z", "2030-01-06T00:00"},
      {"@monthly", "2030-01-01T00:00:00Z", "2030-02-01T00:00"},
      {"@yearly", "2030-01-01T00:00:00Z", "2031-01-01T00:00"},
      {"@annually", "2030-01-01T00:00:00Z", "2031-01-01T00:00"},
      // Before 1970.
      {"30 3 * * *", "1969-12-31T12:00:00Z", "1970-01-01T03:30"},
  };
  for (const auto& row : rows)
    EXPECT_EQ(next(row.cron, row.after), row.next) << row.cron << " after " << row.after;
}

// POSIX: with both restricted one is enough; "*" and "*/n" restrict nothing by themselves.
TEST(Cron, ADayOfTheMonthOrOfTheWeek) {
  EXPECT_EQ(next("0 0 13 * fri", "2030-01-01T00:00:00Z"), "2030-01-04T00:00");
  EXPECT_EQ(next("0 0 13 * fri", "2030-01-11T00:00:00Z"), "2030-01-13T00:00");
  EXPECT_EQ(next("0 0 13 * *", "2030-01-01T00:00:00Z"), "2030-01-13T00:00");
  EXPECT_EQ(next("0 0 * * fri", "2030-01-11T00:00:00Z"), "2030-01-18T00:00");
  // Each second day that is a Friday.
  EXPECT_EQ(next("0 0 */2 * fri", "2030-01-01T00:00:00Z"), "2030-01-11T00:00");
}

TEST(Cron, WhatNeverComesIsNoTime) {
  EXPECT_EQ(next("0 0 30 2 *", "2030-01-01T00:00:00Z"), "never");
  EXPECT_EQ(next("0 0 31 4,6,9,11 *", "2030-01-01T00:00:00Z"), "never");
  EXPECT_EQ(next("0 0 29 2 *", "2096-03-01T00:00:00Z"), "never") << "2100 is no leap year";
}

TEST(Cron, ATimeThatTheClockLeavesOutIsNoTime) {
  const Summer zone;
  EXPECT_EQ(next("30 2 * * *", "2030-03-30T00:00:00Z", zone), "2030-03-30T01:30");
  EXPECT_EQ(next("30 2 * * *", "2030-03-30T01:30:00Z", zone), "2030-04-01T00:30");
  EXPECT_EQ(next("0 * * * *", "2030-03-31T00:00:00Z", zone), "2030-03-31T01:00") << "03:00 there";
  EXPECT_EQ(next("*/30 * * * *", "2030-03-31T00:30:00Z", zone), "2030-03-31T01:00");
}

TEST(Cron, ATimeThatTheClockShowsTwiceIsTheFirst) {
  const Summer zone;
  EXPECT_EQ(next("30 2 * * *", "2030-10-26T22:00:00Z", zone), "2030-10-27T00:30");
  EXPECT_EQ(next("30 2 * * *", "2030-10-27T00:30:00Z", zone), "2030-10-28T01:30");
  // While it shows them again: those are past.
  EXPECT_EQ(next("30 2 * * *", "2030-10-27T01:10:00Z", zone), "2030-10-28T01:30");
  EXPECT_EQ(next("*/30 * * * *", "2030-10-27T00:30:00Z", zone), "2030-10-27T02:00") << "03:00";
  EXPECT_EQ(next("0 3 * * *", "2030-10-27T00:59:59Z", zone), "2030-10-27T02:00");
}

TEST(Cron, ZonesMoveDays) {
  const Summer zone;
  EXPECT_EQ(next("0 0 1 * *", "2030-06-15T00:00:00Z", zone), "2030-06-30T22:00");
  EXPECT_EQ(next("30 23 * * *", "2030-01-01T22:45:00Z", zone), "2030-01-02T22:30");
}

TEST(Cron, WhatIsWrongIsNamed) {
  EXPECT_EQ(
      next("* * * *", "2030-01-01T00:00:00Z"),
      "cron: \"* * * *\" has 4 fields, not the five minute, hour, day of month, month, day of "
      "week (\"30 3 * * 1-5\", or @daily)");
  EXPECT_NE(next("* * * * * *", "2030-01-01T00:00:00Z").find("has 6 fields"), std::string::npos);
  EXPECT_NE(next("", "2030-01-01T00:00:00Z").find("has 0 fields"), std::string::npos);
  EXPECT_NE(next("@never", "2030-01-01T00:00:00Z").find("has 1 fields"), std::string::npos);
  EXPECT_EQ(next("60 * * * *", "2030-01-01T00:00:00Z"),
            "cron: \"60\" is no minute: use * or 0 to 59, with lists 1,2 ranges 1-5 and steps */2");
  struct Row {
    std::string_view cron, what;
  };
  const std::vector<Row> rows{
      {"-1 * * * *", "minute"},
      {"x * * * *", "minute"},
      {"1,,2 * * * *", "minute"},
      {",1 * * * *", "minute"},
      {"1, * * * *", "minute"},
      {"*/0 * * * *", "minute"},
      {"*/ * * * *", "minute"},
      {"*/x * * * *", "minute"},
      {"*/-5 * * * *", "minute"},
      {"30-10 * * * *", "minute"},
      {"1- * * * *", "minute"},
      {"1-2-3 * * * *", "minute"},
      {"1/2/3 * * * *", "minute"},
      {"? * * * *", "minute"},
      {"** * * * *", "minute"},
      {"1.5 * * * *", "minute"},
      {"jan * * * *", "minute"},
      {"* 24 * * *", "hour"},
      {"* * 0 * *", "day of month"},
      {"* * 32 * *", "day of month"},
      {"* * L * *", "day of month"},
      {"* * * 0 *", "month"},
      {"* * * 13 *", "month"},
      {"* * * january *", "month"},
      {"* * * * 8", "day of week"},
      {"* * * * fri-mon", "day of week"},
      {"99999999999999999999 * * * *", "minute"},
      {"*/99999999999999999999 * * * *", "minute"},
  };
  for (const auto& row : rows) {
    const auto parsed = Cron::parse(row.cron);
    ASSERT_FALSE(parsed) << row.cron;
    EXPECT_EQ(parsed.error().code, ErrorCode::invalid);
    EXPECT_NE(parsed.error().message.find(fmt::format("is no {}: use", row.what)),
              std::string::npos)
        << parsed.error().message;
  }
}

TEST(Cron, AStepBeyondTheFieldLeavesItsBegin) {
  EXPECT_EQ(next("*/2147483647 * * * *", "2030-01-01T00:00:00Z"), "2030-01-01T01:00");
  EXPECT_EQ(next("7/2147483647 * * * *", "2030-01-01T00:00:00Z"), "2030-01-01T00:07");
  EXPECT_EQ(next("0 0 1-31/2147483647 * *", "2030-01-01T00:00:00Z"), "2030-02-01T00:00");
  EXPECT_EQ(next("0 0 1 */2147483647 *", "2030-01-01T00:00:00Z"), "2031-01-01T00:00");
}

}  // namespace
}  // namespace corral::domain
