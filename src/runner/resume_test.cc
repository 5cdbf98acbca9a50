// What survives the loss of the link, and of the server.
#include <fstream>
#include <random>

#include "runner/testing/runner_test.h"

namespace corral::runner {
namespace {

class ResumeTest : public RunnerTest {
 protected:
  std::uint64_t spool_bytes() const {
    std::uint64_t sum = 0;
    std::error_code gone;  // segments come and go meanwhile
    for (const auto& entry : std::filesystem::directory_iterator(folder_ / "spool"))
      if (const auto size = entry.file_size(gone); !gone) sum += size;
    return sum;
  }
  // Numbered lines, so that a gap or a repeat shows where it is.
  static std::string numbers(std::uint64_t bytes) {
    return fmt::format("seq -f %015.0f 1 {} ; echo end", bytes / 16);
  }
  static std::string expected(std::uint64_t bytes) {
    std::string text;
    for (std::uint64_t i = 1; i <= bytes / 16; ++i) text += fmt::format("{:015}\n", i);
    return text + "end\n";
  }
};

// Checks order and offsets, and can be slow or fail.
struct Taker {
  std::uint64_t next = 0;
  std::string text;
  int calls = 0;
  std::function<Result<void>(int call)> verdict;
  std::function<void()> meanwhile;
  ports::OutputSink sink() {
    return [this](std::uint64_t offset, std::string bytes) {
      return take(this, offset, std::move(bytes));
    };
  }
  static Task<Result<void>> take(Taker* self, std::uint64_t offset, std::string bytes) {
    if (offset != self->next)
      co_return fail(ErrorCode::corrupt, "offset {} instead of {}", offset, self->next);
    if (self->meanwhile) self->meanwhile();
    if (self->verdict) CORRAL_CO_CHECK(self->verdict(++self->calls));
    self->next += bytes.size();
    self->text += bytes;
    co_return Result<void>{};
  }
};

TEST_F(ResumeTest, OffsetsAreExactOverFiftyMegabytes) {
  start_all();
  constexpr std::uint64_t kBytes = 50'000'000;
  ASSERT_TRUE(start("a", numbers(kBytes)));
  Taker taker;
  EXPECT_EQ(run(client_->read_output("a", 0, taker.sink())).value(), kBytes / 16 * 16 + 4);
  EXPECT_TRUE(taker.text == expected(kBytes));
  // Nothing of it is left in the spool but the runner's mark, once the last acknowledgement is
  // there.
  run_until([&] { return spool_bytes() < 100; });
}

TEST_F(ResumeTest, AFullSpoolMakesTheProcessWaitAndDropsNothing) {
  config_.spool_bytes = 300'000;
  start_all();
  constexpr std::uint64_t kBytes = 3'200'000;
  ASSERT_TRUE(start("a", numbers(kBytes) + "; touch finished"));
  // Nobody reads. The spool fills up and stays as it is; another channel still has its share.
  ASSERT_TRUE(start("b", "echo hello"));
  EXPECT_EQ(output("b"), "hello\n");
  run_until([&] { return spool_bytes() >= 300'000; });
  EXPECT_LE(spool_bytes(), 400'000u);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "work/finished"));
  Taker taker;
  run(client_->read_output("a", 0, taker.sink())).value();
  EXPECT_TRUE(taker.text == expected(kBytes));
  EXPECT_EQ(exit_of("a").exit_code, 0);
}

TEST_F(ResumeTest, NoGapAndNoRepeatWhenTheLinkIsCutAtRandomMoments) {
  start_all();
  constexpr std::uint64_t kBytes = 20'000'000;
  std::mt19937 random(20261121);
  ASSERT_TRUE(start("a", numbers(kBytes)));
  Taker taker;
  int cuts = 0;
  // Of the data's arrivals, some break the link: before, after, and in the middle of what is on its
  // way.
  taker.meanwhile = [&] {
    if (random() % 4 == 0 && cuts < 60) ++cuts, cut();
  };
  EXPECT_EQ(run(client_->read_output("a", 0, taker.sink())).value(), kBytes / 16 * 16 + 4);
  EXPECT_TRUE(taker.text == expected(kBytes));
  EXPECT_GT(cuts, 5);
  EXPECT_GT(connections_, 5);
  EXPECT_EQ(exit_of("a").exit_code, 0);
}

// Uses what comes at once, and has it for good only later; what it knows already it passes over.
struct Eager {
  std::string text;
  int waiting = 0, most_waiting = 0;
  std::function<void()> meanwhile;
  ports::OutputSink sink() {
    return [this](std::uint64_t offset, std::string bytes) {
      return take(this, offset, std::move(bytes));
    };
  }
  static Task<Result<void>> take(Eager* self, std::uint64_t offset, std::string bytes) {
    if (offset > self->text.size()) co_return fail(ErrorCode::corrupt, "a gap");
    const auto known = std::min<std::uint64_t>(self->text.size() - offset, bytes.size());
    self->text += bytes.substr(known);
    self->most_waiting = std::max(self->most_waiting, ++self->waiting);
    if (self->meanwhile) self->meanwhile();
    asio::steady_timer later(co_await asio::this_coro::executor, 1ms);
    co_await later.async_wait(asio::use_awaitable);
    --self->waiting;
    co_return Result<void>{};
  }
};

TEST_F(ResumeTest, ReadingAheadLosesNothingWhenTheLinkIsCut) {
  start_all();
  constexpr std::uint64_t kBytes = 20'000'000;
  std::mt19937 random(20261121);
  ASSERT_TRUE(start("a", numbers(kBytes)));
  Eager eager;
  int cuts = 0;
  eager.meanwhile = [&] {
    if (random() % 4 == 0 && cuts < 60) ++cuts, cut();
  };
  EXPECT_EQ(run(client_->read_output_ahead("a", 0, eager.sink())).value(), kBytes / 16 * 16 + 4);
  EXPECT_TRUE(eager.text == expected(kBytes));
  EXPECT_GT(cuts, 5);
  EXPECT_EQ(eager.waiting, 0);
  EXPECT_GT(eager.most_waiting, 1);
}

TEST_F(ResumeTest, ReadingAheadAcknowledgesOnlyWhatWasTaken) {
  start_all();
  ASSERT_TRUE(start("a", "printf one; read x; printf two; sleep 300", {.input = true}));
  std::string seen;
  bool hold = true;
  // The first call waits; what comes after it is there all the same.
  struct Holding {
    static Task<Result<void>> take(std::string* seen, const bool* hold, std::string bytes) {
      *seen += bytes;
      asio::steady_timer later(co_await asio::this_coro::executor);
      while (*hold && bytes == "one") {
        later.expires_after(1ms);
        co_await later.async_wait(asio::use_awaitable);
      }
      if (bytes == "two") co_return fail(ErrorCode::exhausted, "no room");
      co_return Result<void>{};
    }
  };
  std::optional<Result<std::uint64_t>> read;
  asio::co_spawn(context_,
                 client_->read_output_ahead("a", 0,
                                            [&](std::uint64_t, std::string bytes) {
                                              return Holding::take(&seen, &hold, std::move(bytes));
                                            }),
                 [&](std::exception_ptr, Result<std::uint64_t> result) { read = result; });
  run_until([&] { return seen == "one"; });
  ASSERT_TRUE(run(client_->input("a", "1", "go\n")));
  run_until([&] { return seen == "onetwo"; });
  run_until([&] { return read.has_value(); });
  EXPECT_EQ(read->error().message, "no room") << "the others are cut off";
  // Neither was taken for good: both come again.
  hold = false;
  const auto again = read_on("a");
  run_until([&] { return again->text == "onetwo"; });
}

TEST_F(ResumeTest, WhatWasNotTakenComesAgain) {
  start_all();
  ASSERT_TRUE(start("a", numbers(1'000'000)));
  Taker taker;
  for (int stopped = 0; stopped < 5; ++stopped) {
    taker.calls = 0;
    taker.verdict = [](int call) -> Result<void> {
      if (call == 2) return fail(ErrorCode::exhausted, "no room");
      return {};
    };
    const auto result = run(client_->read_output("a", taker.next, taker.sink()));
    if (result) break;
    EXPECT_EQ(result.error().message, "no room");
  }
  taker.verdict = {};
  ASSERT_TRUE(run(client_->read_output("a", taker.next, taker.sink())));
  EXPECT_TRUE(taker.text == expected(1'000'000));
}

TEST_F(ResumeTest, RefusesASecondReaderAndAnOffsetPastTheEnd) {
  start_all();
  ASSERT_TRUE(start("a", "echo hello; exec sleep 300"));
  std::string text;
  const auto reading = read_on("a");
  run_until([&] { return reading->text == "hello\n"; });
  EXPECT_EQ(run(client_->read_output("a", 0, collect(&text))).error().code, ErrorCode::conflict);
  ASSERT_TRUE(run(client_->signal("a", SIGKILL)));
  run_until([&] { return reading->total.has_value(); });
  EXPECT_EQ(run(client_->read_output("a", 7, collect(&text))).error().code, ErrorCode::invalid);
  EXPECT_EQ(run(client_->read_output("nothing", 0, collect(&text))).error().code,
            ErrorCode::not_found);
}

TEST_F(ResumeTest, InputArrivesOnceHoweverOftenTheLinkBreaks) {
  start_all();
  ASSERT_TRUE(run(client_->start({.id = "a", .argv = {"cat"}, .input = true})));
  std::mt19937 random(7);
  std::string sent;
  for (int i = 0; i < 200; ++i) {
    const auto word = fmt::format("word {}\n", i);
    sent += word;
    if (random() % 3 == 0) asio::post(context_, [this] { cut(); });
    ASSERT_TRUE(run(client_->input("a", fmt::format("id-{}", i), word)));
    if (i % 5 == 0) {
      ASSERT_TRUE(run(client_->input("a", fmt::format("id-{}", i), word)));  // as after a crash
    }
  }
  ASSERT_TRUE(run(client_->close_input("a")));
  EXPECT_EQ(output("a"), sent);
  EXPECT_GT(connections_, 20);
}

TEST_F(ResumeTest, ANewServerFindsEverythingAsItWas) {
  start_all();
  ASSERT_TRUE(start("ended", "echo bye; exit 7"));
  EXPECT_EQ(exit_of("ended").exit_code, 7);
  ASSERT_TRUE(start("busy", "echo $$ > pid; echo one; read go; echo two; exit 5", {.input = true}));
  run_until([&] {
    return std::filesystem::exists(folder_ / "work/pid") &&
           !read_file(folder_ / "work/pid").value().empty();
  });
  const auto pid = read_file(folder_ / "work/pid").value();
  stop_server();
  start_server();
  ASSERT_TRUE(run(client_->connected(10s)));
  ASSERT_TRUE(start("busy", "echo again"));  // it is there already
  ASSERT_TRUE(run(client_->input("busy", "1", "go\n")));
  EXPECT_EQ(output("busy"), "one\ntwo\n");
  EXPECT_EQ(exit_of("busy").exit_code, 5);
  EXPECT_EQ(output("ended"), "bye\n");
  EXPECT_EQ(exit_of("ended").exit_code, 7);
  EXPECT_EQ(read_file(folder_ / "work/pid").value(), pid);
}

TEST_F(ResumeTest, OutputGoesOnWhileThereIsNoServer) {
  start_all();
  ASSERT_TRUE(start("a", "read go; echo one; touch done", {.input = true}));
  ASSERT_TRUE(run(client_->input("a", "1", "go\n")));
  stop_server();
  run_until([&] { return std::filesystem::exists(folder_ / "work/done"); });
  start_server();
  EXPECT_EQ(output("a"), "one\n");  // waits for the link by itself
}

TEST_F(ResumeTest, CallsThatWaitFailOnceTheRunnerIsGone) {
  start_all();
  ASSERT_TRUE(start("a", "exec sleep 300"));
  std::optional<Result<ports::ProcessExit>> exit;
  asio::co_spawn(
      context_, client_->wait("a"),
      [&](std::exception_ptr, Result<ports::ProcessExit> result) { exit = std::move(result); });
  end_runner(SIGKILL);
  run_until([&] { return !client_->linked(); });
  EXPECT_FALSE(exit);
  EXPECT_FALSE(client_->gone());
  client_->mark_gone(Error{ErrorCode::internal, "it was killed", nullptr});
  run_until([&] { return exit.has_value(); });
  EXPECT_EQ(exit->error().code, ErrorCode::unavailable);
  EXPECT_TRUE(client_->gone());
  EXPECT_EQ(run(client_->start({.id = "b", .argv = {"true"}})).error().code,
            ErrorCode::unavailable);
}

TEST_F(ResumeTest, ASecondRunnerRefusesTheSpoolOfAnEarlierOne) {
  start_all();
  end_runner(SIGKILL);
  start_runner();
  EXPECT_EQ(end_runner(0), 2);
  EXPECT_TRUE(read_file(errors_).value().contains("belongs to an earlier runner"));
}

TEST_F(ResumeTest, ARunnerWithoutAServerEndsAfterItsTime) {
  config_.orphan_s = 1;
  start_all();
  ASSERT_TRUE(start("a", "exec sleep 300"));
  stop_server();
  EXPECT_EQ(end_runner(0), 0);
}

TEST_F(ResumeTest, ASilentPeerIsTakenForDead) {
  start_server();
  auto impatient = options();
  impatient.ping_after = Duration{50};
  impatient.dead_after = Duration{150};
  client_ = std::make_shared<client::RunnerClient>(context_.get_executor(), SystemClock::instance(),
                                                   std::move(impatient));
  start_runner();
  ASSERT_TRUE(run(client_->connected(10s)));
  ::kill(runner_, SIGSTOP);
  run_until([&] { return !client_->linked(); });
  ::kill(runner_, SIGCONT);
  ASSERT_TRUE(run(client_->connected(10s)));
  ASSERT_TRUE(start("a", "exit 4"));
  EXPECT_EQ(exit_of("a").exit_code, 4);
}

}  // namespace
}  // namespace corral::runner
