#include "session/live_session.h"

#include <filesystem>
#include <future>

#include <gtest/gtest.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "base/random.h"
#include "base/testing/temporary_folder.h"
#include "ports/contract/run_task.h"

namespace corral::session {
namespace {

TEST(Marks, ReadBackWhatIsWritten) {
  const std::vector<Mark> marks{{0, Time(Duration(5)), Size{80, 24}},
                                {10, Time(Duration(7)), {}},
                                {10, Time(Duration(9)), Size{100, 30}}};
  std::string lines;
  for (const auto& mark : marks) lines += to_line(mark);
  EXPECT_EQ(lines, "0 5 80x24\n10 7\n10 9 100x30\n");
  EXPECT_EQ(parse_marks(lines).value(), marks);
  EXPECT_EQ(parse_marks("").value(), std::vector<Mark>{});
  for (const char* wrong : {"x\n", "1 2", "1\n", "1 2 80\n", "1 2 80x\n", "1 2 0x24\n",
                            "5 1\n4 2\n", "1 2 80x24 \n", "-1 2\n", "1 2\n\n"})
    EXPECT_EQ(parse_marks(wrong).error().code, ErrorCode::corrupt) << wrong;
  EXPECT_EQ(time_of(marks, 9), Time(Duration(5)));
  EXPECT_EQ(time_of(marks, 10), Time(Duration(9)));
  EXPECT_EQ(time_of({}, 10), std::nullopt);
  EXPECT_EQ(size_at(marks, 9), (Size{80, 24}));
  EXPECT_EQ(size_at(marks, 10), (Size{100, 30}));
}

class Keys final : public Terminal {
 public:
  Task<Result<std::uint64_t>> type(std::string source, std::uint64_t offset,
                                   std::string bytes) override {
    auto& text = typed[source];
    if (offset > text.size() && !bytes.empty()) co_return fail(ErrorCode::invalid, "a gap");
    if (offset + bytes.size() > text.size()) text += bytes.substr(text.size() - offset);
    co_return text.size();
  }
  Task<Result<void>> resize(Size size) override {
    sizes.push_back(size);
    co_return Result<void>{};
  }
  Task<Result<void>> signal(int number) override {
    signals.push_back(number);
    co_return Result<void>{};
  }
  std::map<std::string, std::string> typed;
  std::vector<Size> sizes;
  std::vector<int> signals;
};

class LiveSessionTest : public ::testing::Test {
 protected:
  LiveSessionTest() { reopen(); }
  ~LiveSessionTest() override {
    live_.reset();
    logs_.reset();
  }
  template <class T>
  T run(Task<T> task) {
    return ports::contract::run_task(std::move(task));
  }
  // The same for one that need not wait, while others do.
  template <class T>
  T run_beside(Task<T> task) {
    auto& context = ports::contract::test_context();
    std::optional<T> result;
    asio::co_spawn(context, std::move(task),
                   [&](std::exception_ptr, T value) { result.emplace(std::move(value)); });
    context.restart();
    while (!result) context.run_one();
    return std::move(*result);
  }
  // As after a crash: nothing but the files is left.
  void reopen() {
    live_.reset();
    logs_ =
        make_file_log_store(folder_.path(), pool_, ports::contract::test_context().get_executor());
    live_ = run(LiveSession::open(*logs_, "s/1", {20, 4}, clock_)).value();
    keys_ = std::make_shared<Keys>();
  }
  void print(std::string bytes) { ASSERT_TRUE(run(live_->take(live_->taken(), std::move(bytes)))); }
  std::string shown() const {
    const auto snapshot = live_->snapshot(0);
    Screen screen(snapshot.size.columns, snapshot.size.rows);
    screen.feed(snapshot.bytes);
    return screen.text();
  }
  std::unique_ptr<LiveSession::Seat> seat(std::string source, Role role) {
    return std::make_unique<LiveSession::Seat>(
        live_, ViewerInfo{.source = source, .name = source, .role = role});
  }

  BlockingPool pool_{1};
  Clock& clock_ = SystemClock::instance();
  TemporaryFolder folder_;
  std::unique_ptr<LogStore> logs_;
  std::shared_ptr<LiveSession> live_;
  std::shared_ptr<Keys> keys_;
};

TEST_F(LiveSessionTest, TheScreenIsTheSameAfterACrash) {
  print("hello\r\n\x1b[31mred");
  ASSERT_TRUE(run(live_->take(0, "hello\r\n")));  // sent again: nothing changes
  const auto before = live_->snapshot(100);
  EXPECT_TRUE(shown().starts_with("hello\nred\n")) << shown();
  reopen();
  const auto after = live_->snapshot(100);
  EXPECT_EQ(after.offset, before.offset);
  EXPECT_EQ(after.bytes, before.bytes);
}

TEST_F(LiveSessionTest, SizesAreAppliedWhereTheyChanged) {
  live_->connect(keys_);
  print("0123456789012345678901234");  // wraps at 20
  const auto ann = seat("ann", Role::own);
  ASSERT_TRUE(run(ann->resize({30, 5})));
  ASSERT_TRUE(run(ann->resize({30, 5})));
  EXPECT_EQ(keys_->sizes, (std::vector<Size>{{30, 5}}));
  print("\r\nmore");
  EXPECT_EQ(live_->size(), (Size{30, 5}));
  EXPECT_EQ(live_->size_at(10), (Size{20, 4}));
  const auto before = live_->snapshot(100);
  reopen();
  EXPECT_EQ(live_->snapshot(100).bytes, before.bytes);
  EXPECT_EQ(live_->resizes().size(), 2u);
}

TEST_F(LiveSessionTest, ALongOneStartsFromItsCheckpoint) {
  std::string line(1000, 'x');
  for (int i = 0; i < 10; ++i) print(std::string(1 << 20, static_cast<char>('a' + i)));
  print("\x1b[2J\x1b[Hend");
  const auto before = live_->snapshot(100);
  ASSERT_TRUE(std::filesystem::exists(folder_ / "s/1/screen"));
  reopen();
  EXPECT_EQ(live_->snapshot(100).bytes, before.bytes);
  // One that a crash cut off is passed over.
  auto log = run(logs_->open("s/1/screen", LogStore::Open::existing)).value();
  ASSERT_TRUE(run(log->append("corral", log->source_end("corral"), std::string(100, 'z'))));
  log.reset();
  reopen();
  EXPECT_EQ(live_->snapshot(100).bytes, before.bytes);
}

TEST_F(LiveSessionTest, QueriesAreAnsweredOnceAlsoAfterACrash) {
  live_->connect(keys_);
  print("\x1b[6n");
  EXPECT_EQ(keys_->typed["screen"], "\x1b[1;1R");
  const auto keys = keys_;
  reopen();
  live_->connect(keys);
  print("ab\x1b[6n");
  EXPECT_EQ(keys->typed["screen"], "\x1b[1;1R\x1b[1;3R");
}

TEST_F(LiveSessionTest, WhoMayTypeIsSaidByRoleAndKeyboard) {
  const auto ann = seat("ann", Role::own), bob = seat("bob", Role::type),
             eve = seat("eve", Role::view);
  live_->connect(keys_);
  EXPECT_EQ(run(ann->type(0, "a")).value(), 1u);
  EXPECT_EQ(run(bob->type(0, "b")).value(), 1u);
  EXPECT_EQ(run(eve->type(0, "e")).error().code, ErrorCode::forbidden);
  EXPECT_EQ(run(eve->typed()).value(), 0u);
  EXPECT_EQ(eve->take_keyboard().error().code, ErrorCode::forbidden);
  EXPECT_EQ(run(bob->resize({30, 5})).error().code, ErrorCode::forbidden);
  ASSERT_TRUE(ann->take_keyboard());
  EXPECT_EQ(run(bob->type(1, "b")).error().code, ErrorCode::forbidden);
  EXPECT_EQ(run(bob->signal(2)).error().code, ErrorCode::forbidden);
  EXPECT_EQ(ann->give_keyboard("nobody").error().code, ErrorCode::not_found);
  ASSERT_TRUE(ann->give_keyboard(bob->id()));
  EXPECT_EQ(run(ann->type(1, "a")).error().code, ErrorCode::forbidden);
  ASSERT_TRUE(run(bob->signal(2)));
  ASSERT_TRUE(bob->free_keyboard());
  EXPECT_EQ(run(ann->type(1, "a")).value(), 2u);
  EXPECT_EQ(live_->viewers().size(), 3u);
  EXPECT_TRUE(find_bool(live_->viewers()[0], {"typing"}));
  EXPECT_EQ(keys_->signals, std::vector<int>{2});
}

TEST_F(LiveSessionTest, TheKeyboardIsFreeOnceItsHolderIsGone) {
  live_->connect(keys_);
  const auto bob = seat("bob", Role::type);
  auto ann = seat("ann", Role::type);
  ASSERT_TRUE(ann->take_keyboard());
  auto again = seat("ann", Role::type);  // back, before the old connection is known to be dead
  EXPECT_EQ(again->id(), ann->id());
  ann.reset();
  EXPECT_EQ(live_->keyboard(), again->id());
  again.reset();
  EXPECT_EQ(live_->keyboard(), "");
  EXPECT_EQ(live_->viewer_count(), 1u);
}

TEST_F(LiveSessionTest, AnEndedOneCanStillBeLookedAt) {
  live_->connect(keys_);
  print("last words");
  const auto news = live_->news();
  ASSERT_TRUE(run(live_->close()));
  EXPECT_NE(live_->news(), news);
  const auto ann = seat("ann", Role::own);
  EXPECT_EQ(run(ann->type(0, "x")).error().code, ErrorCode::conflict);
  reopen();
  EXPECT_TRUE(live_->closed());
  EXPECT_TRUE(shown().starts_with("last words\n"));
  EXPECT_GE(run(live_->marks()).value().size(), 1u);
}

std::string text(const Piece& piece) {
  std::string all;
  for (const auto part : piece.parts) all += part;
  return all;
}

TEST_F(LiveSessionTest, ViewersSeeWhatIsNotYetDurable) {
  print("one ");
  const auto ann = seat("ann", Role::view);
  // The disk is slow.
  std::promise<void> disk;
  auto& context = ports::contract::test_context();
  asio::co_spawn(
      context,
      [](BlockingPool& pool, std::shared_future<void> ready) -> Task<void> {
        co_await pool.run([ready] { ready.wait(); });
      }(pool_, disk.get_future().share()),
      [](std::exception_ptr) {});
  std::vector<Result<void>> taken;
  std::vector<std::string> order;
  for (const std::string word : {"two ", "three"})
    asio::co_spawn(context, live_->take(live_->end() + (word == "three" ? 4 : 0), word),
                   [&, word](std::exception_ptr, Result<void> done) {
                     taken.push_back(done);
                     order.push_back(word);
                   });
  context.restart();
  while (live_->end() < 13) context.run_one();
  EXPECT_EQ(text(run_beside(live_->read(4, 100)).value()), "two three");
  EXPECT_EQ(live_->snapshot(0).offset, 13u);
  EXPECT_EQ(live_->taken(), 4u);
  EXPECT_EQ(live_->output().end(), 4u);
  // The first call gathers, and stands for the second: until it returns, nothing from its beginning
  // on is durable.
  while (taken.empty()) context.run_one();
  EXPECT_EQ(order, std::vector<std::string>{"three"});
  EXPECT_EQ(live_->taken(), 4u);
  EXPECT_EQ(run_beside(live_->take(20, "x")).error().code, ErrorCode::invalid) << "a gap";
  disk.set_value();
  context.restart();
  while (taken.size() < 2) context.run_one();
  EXPECT_TRUE(taken[0] && taken[1]);
  EXPECT_EQ(live_->taken(), 13u);
  EXPECT_EQ(run(live_->output().read(0, 100)).value(), "one two three");
}

TEST_F(LiveSessionTest, KeysOfOneWhoTypesAreWrittenTogether) {
  const auto ann = seat("ann", Role::view);
  auto& context = ports::contract::test_context();
  int returned = 0;
  std::string all;
  std::uint64_t at_first = 0;  // durable when the first call returned
  for (int i = 0; i < 1000; ++i) {
    asio::co_spawn(context, live_->take(all.size(), "k"), [&, i](std::exception_ptr, auto done) {
      EXPECT_TRUE(done);
      ++returned;
      if (i == 0) at_first = live_->taken();
    });
    all += 'k';
  }
  context.restart();
  while (returned < 999) context.run_one();
  EXPECT_EQ(live_->end(), 1000u);
  EXPECT_EQ(live_->taken(), 0u) << "the first one still gathers";
  while (returned < 1000) context.run_one();
  EXPECT_EQ(at_first, 1000u);
  // Much is not gathered, whoever gathers.
  std::vector<int> order;
  for (const int i : {0, 1})
    asio::co_spawn(
        context,
        live_->take(live_->end() + (i == 0 ? 0 : 1), std::string(i == 0 ? 1 : 1 << 20, 'm')),
        [&, i](std::exception_ptr, auto done) {
          EXPECT_TRUE(done);
          order.push_back(i);
          EXPECT_EQ(live_->taken(), live_->end());
        });
  context.restart();
  while (order.size() < 2) context.run_one();
  EXPECT_EQ(run(live_->output().read(0, 2000)).value(), all + std::string(1000, 'm'));
}

TEST_F(LiveSessionTest, WhatAnEarlierServerHadShownIsWaitedFor) {
  // The process is not found again yet: what it printed comes once it is.
  auto& context = ports::contract::test_context();
  bool reached = false;
  asio::co_spawn(context, live_->reach(5), [&](std::exception_ptr) { reached = true; });
  context.restart();
  context.poll();
  EXPECT_FALSE(reached);
  print("01234");
  EXPECT_TRUE(reached) << "print() runs until nobody waits any more";
  run(live_->reach(5));
  // Nothing comes from a session that has ended.
  ASSERT_TRUE(run(live_->close()));
  run(live_->reach(6));
  EXPECT_EQ(live_->end(), 5u);
}

TEST_F(LiveSessionTest, WhoIsFarBehindReadsTheLog) {
  const auto ann = seat("ann", Role::view);
  std::string all;
  for (int i = 0; i < 6; ++i) {
    const std::string part(500'000, static_cast<char>('a' + i));
    print(part);
    all += part;
  }
  std::string got;
  while (got.size() < all.size()) {
    const auto piece = run(live_->read(got.size(), 70'000)).value();
    ASSERT_GT(piece.bytes, 0u);
    got += text(piece);
    if (got.size() > 1'000'000) live_->rest();
  }
  EXPECT_TRUE(got == all);
  EXPECT_EQ(run(live_->read(got.size(), 10)).value().bytes, 0u);
}

TEST(Roles, HaveNames) {
  for (const auto role : {Role::view, Role::type, Role::own})
    EXPECT_EQ(role_from(to_string(role)), role);
  EXPECT_EQ(role_from("king"), std::nullopt);
}

}  // namespace
}  // namespace corral::session
