#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "base/id.h"
#include "base/json.h"
#include "base/secret.h"
#include "base/subprocess.h"

namespace corral {
namespace {

template <class T>
T run(Task<T> task) {
  asio::io_context context;
  std::optional<T> result;
  asio::co_spawn(context, std::move(task), [&](std::exception_ptr thrown, T value) {
    if (thrown) std::rethrow_exception(thrown);
    result.emplace(std::move(value));
  });
  context.run();
  return std::move(*result);
}

TEST(Id, SortsByTimeAndSurvivesText) {
  SeededRandom random(1);
  const auto early = RunId::make(Time{Duration{1000}}, random),
             late = RunId::make(Time{Duration{2000}}, random);
  EXPECT_LT(early, late);
  EXPECT_EQ(RunId::parse(early.to_string()), early);
  EXPECT_EQ(early.to_string()[14], '7');
  EXPECT_FALSE(RunId::parse("0193-nonsense"));
}

TEST(Time, ReadsWhatItWrites) {
  const auto time = time_from_rfc3339("2026-11-21T09:10:11.123Z");
  ASSERT_TRUE(time);
  EXPECT_EQ(to_rfc3339(*time), "2026-11-21T09:10:11.123Z");
  EXPECT_EQ(time_from_rfc3339("2026-11-21T10:10:11.123+01:00"), time);
  for (const char* bad : {"", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-11-21T09:10:11",
                          "2026-11-21T09:10:11.Z", "2026-11-21T09:10:11Zx"})
    EXPECT_FALSE(time_from_rfc3339(bad)) << bad;
}

TEST(JsonReader, NamesTheFieldThatIsWrong) {
  const auto value = parse_json(R"({"name":1,"extra":true})", "body").value();
  auto reader = JsonReader::of(value, "body").value();
  EXPECT_EQ(reader.string("name").error().message, "body: \"name\" must be a string");
  EXPECT_EQ(reader.finish().error().message, "body: unknown field \"extra\"");
  EXPECT_FALSE(parse_json("{", "body"));
}

TEST(Secret, ComparesWithoutPrinting) {
  Secret secret("s3cret");
  EXPECT_TRUE(secret.equals("s3cret"));
  EXPECT_FALSE(secret.equals("s3cre"));
  Secret moved = std::move(secret);
  EXPECT_TRUE(secret.empty());
  EXPECT_EQ(moved.expose(), "s3cret");
}

// One after the other, so that descriptors are closed and opened all the time.
Task<int> run_many(std::string script, int times) {
  int killed = 0;
  for (int i = 0; i < times; ++i) {
    const auto done = co_await run_command({.argv = {"sh", "-c", script}, .env = inherited_env()});
    if (!done || done->exit_code != 0) ++killed;
  }
  co_return killed;
}

TEST(Subprocess, NoneIsEndedForWhatHappensToAnother) {
  asio::io_context context;
  int killed = 0;
  const auto count = [&killed](const std::exception_ptr& thrown, int more) {
    if (thrown) std::rethrow_exception(thrown);
    killed += more;
  };
  for (int i = 0; i < 8; ++i)
    asio::co_spawn(context, run_many("echo a; echo b >&2; exec >&-; echo c >&2", 60), count);
  for (int i = 0; i < 8; ++i) asio::co_spawn(context, run_many("sleep 0.05; true", 15), count);
  context.run();
  EXPECT_EQ(killed, 0);
}

TEST(Subprocess, GivesOutputErrorsAndExitCode) {
  const auto result = run(run_command({.argv = {"sh", "-c", "cat; echo oops >&2; exit 3"},
                                       .env = inherited_env(),
                                       .input = "hello"}))
                          .value();
  EXPECT_EQ(result.output, "hello");
  EXPECT_EQ(result.errors, "oops\n");
  EXPECT_EQ(result.exit_code, 3);
}

TEST(Subprocess, KillsTheWholeGroupAtItsDeadline) {
  const auto result = run(run_command({.argv = {"sh", "-c", "sleep 60 & sleep 60"},
                                       .env = inherited_env(),
                                       .timeout = std::chrono::milliseconds(50)}));
  EXPECT_EQ(result.error().code, ErrorCode::deadline);
}

TEST(Subprocess, SaysWhenAProgramIsMissing) {
  EXPECT_EQ(run(run_command({.argv = {"no-such-program-x"}, .env = inherited_env()})).error().code,
            ErrorCode::not_found);
}

}  // namespace
}  // namespace corral
