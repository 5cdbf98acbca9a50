#include "domain/session.h"

#include <gtest/gtest.h>

namespace corral::domain {
namespace {

constexpr Time kNow{std::chrono::milliseconds(1'000'000)};

struct World {
  Session session;
  std::vector<SessionEvent> history;

  Result<void> tell(SessionCommand command, Time now = kNow) {
    CORRAL_TRY(const auto events, decide(session, command, now));
    for (const auto& event : events) {
      apply(session, event, "user:ann");
      history.push_back(event);
    }
    return {};
  }
};

CreateSession create(std::string name = "shell") {
  CreateSession command;
  command.session.uuid.bytes[15] = 1;
  command.request.name = std::move(name);
  command.request.command = {"bash"};
  return command;
}

TEST(Session, GoesFromCreatedToEndedAndSaysWhy) {
  World w;
  EXPECT_EQ(w.tell(StartSession{}).error().code, ErrorCode::not_found);
  ASSERT_TRUE(w.tell(create()));
  EXPECT_EQ(w.session.status, SessionStatus::created);
  EXPECT_EQ(w.session.author, "user:ann");
  ASSERT_TRUE(w.tell(StartSession{}));
  ASSERT_TRUE(w.tell(StopSession{"user:ann"}));
  EXPECT_EQ(w.session.stop_reason, "user:ann");
  ASSERT_TRUE(w.tell(EndSession{129, "stopped", 77}));
  EXPECT_EQ(w.session.status, SessionStatus::ended);
  EXPECT_EQ(w.session.exit_code, 129);
  EXPECT_EQ(w.session.log_bytes, 77u);
  EXPECT_EQ(w.tell(StartSession{}).error().code, ErrorCode::conflict);
}

TEST(Session, EveryCommandMayComeTwice) {
  World w;
  for (const auto& command :
       std::vector<SessionCommand>{create(), StartSession{}, RenameSession{"mine"},
                                   StopSession{"x"}, EndSession{1, "", 2}}) {
    ASSERT_TRUE(w.tell(command));
    const auto version = w.session.version;
    ASSERT_TRUE(w.tell(command));
    EXPECT_EQ(w.session.version, version) << command.index();
  }
  EXPECT_EQ(w.session.name, "mine");
}

TEST(Session, RefusesWhatCanNeverBe) {
  const auto code = [](const CreateSession& command) {
    World w;
    return w.tell(command).error().code;
  };
  EXPECT_EQ(code(create("")), ErrorCode::invalid);
  EXPECT_EQ(code(create("a\nb")), ErrorCode::invalid);
  EXPECT_EQ(code(create(std::string(101, 'a'))), ErrorCode::invalid);
  for (const auto& [columns, rows] : {std::pair(1, 24), {80, 0}, {1001, 24}, {80, 1001}}) {
    auto command = create();
    command.request.columns = columns;
    command.request.rows = rows;
    EXPECT_EQ(code(command), ErrorCode::invalid) << columns << "x" << rows;
  }
  auto command = create();
  command.request.idle_limit = Duration(-1);
  EXPECT_EQ(code(command), ErrorCode::invalid);
}

TEST(Session, LinksOpenUntilTheyRunOutOrAreRevoked) {
  World w;
  ASSERT_TRUE(w.tell(create()));
  const auto soon = kNow + Duration(1000);
  EXPECT_EQ(w.tell(ShareSession{{"a", "hash", ShareRole::view, kNow}}).error().code,
            ErrorCode::invalid);
  ASSERT_TRUE(w.tell(ShareSession{{"a", "hash-a", ShareRole::view, soon}}));
  ASSERT_TRUE(w.tell(ShareSession{{"b", "hash-b", ShareRole::type, soon}}));
  EXPECT_EQ(w.session.opened_by("hash-a", kNow), ShareRole::view);
  EXPECT_EQ(w.session.opened_by("hash-b", kNow), ShareRole::type);
  EXPECT_EQ(w.session.opened_by("hash-b", soon), std::nullopt);
  EXPECT_EQ(w.session.opened_by("", kNow), std::nullopt);
  ASSERT_TRUE(w.tell(RevokeShare{"b"}));
  EXPECT_EQ(w.session.opened_by("hash-b", kNow), std::nullopt);
  EXPECT_EQ(w.tell(RevokeShare{"b"}).error().code, ErrorCode::not_found);
  // Old ones make room, live ones do not.
  for (std::size_t i = w.session.shares.size(); i < kMaxShares; ++i)
    ASSERT_TRUE(w.tell(ShareSession{{std::to_string(i), "h", ShareRole::view, soon}}));
  EXPECT_EQ(w.tell(ShareSession{{"one", "h", ShareRole::view, soon}}).error().code,
            ErrorCode::exhausted);
  ASSERT_TRUE(w.tell(ShareSession{{"one", "h", ShareRole::view, soon + Duration(1)}}, soon));
  EXPECT_EQ(w.session.shares.size(), 1u);
}

TEST(Session, ReadsBackWhatItWrites) {
  World w;
  auto first = create();
  first.request.step = "work";
  first.request.idle_limit = Duration(5000);
  ASSERT_TRUE(w.tell(first));
  ASSERT_TRUE(w.tell(StartSession{}));
  ASSERT_TRUE(w.tell(RenameSession{"ünï"}));
  ASSERT_TRUE(w.tell(ShareSession{{"a", "h", ShareRole::type, kNow + Duration(1)}}));
  ASSERT_TRUE(w.tell(RevokeShare{"a"}));
  ASSERT_TRUE(w.tell(StopSession{"enough"}));
  ASSERT_TRUE(w.tell(EndSession{0, "enough", 1}));
  Session read;
  for (const auto& event : w.history) {
    const auto again = session_event_from(type_of(event), data_of(event));
    ASSERT_TRUE(again) << again.error().message;
    apply(read, *again, "user:ann");
  }
  EXPECT_EQ(read.version, w.session.version);
  EXPECT_EQ(read.name, "ünï");
  EXPECT_EQ(read.request.step, "work");
  EXPECT_EQ(read.request.idle_limit, Duration(5000));
  EXPECT_EQ(read.end_reason, "enough");
  EXPECT_EQ(
      session_event_from("session.teleported", json::object{{"at", to_rfc3339(kNow)}}).error().code,
      ErrorCode::unsupported);
  EXPECT_EQ(session_event_from("session.started", json::object{}).error().code, ErrorCode::corrupt);
}

}  // namespace
}  // namespace corral::domain
