#include "domain/notice.h"

#include <gtest/gtest.h>

namespace corral::domain {
namespace {

const RunId kRun = *RunId::parse("019ab000-0000-7000-8000-000000000001");
const SessionId kSession = *SessionId::parse("019ab000-0000-7000-8000-000000000002");
const Time kNow{std::chrono::hours(1000)};

NoticeSubject subject(std::string prompt = "Fix the parser") {
  return {
      .project = "tally", .prompt = std::move(prompt), .workflow = "task", .author = "user:ann"};
}
ApprovalRequested asked(std::string tool) {
  ApprovalRequested approval;
  approval.step = "agent";
  approval.tool = std::move(tool);
  approval.text = "a secret of the agent's";
  approval.input = json::object{{"command", "cat /etc/secret"}};
  return approval;
}

TEST(Notice, AnApprovalIsAskedForWithoutWhatTheToolIsGiven) {
  const auto notice = approval_notice(kRun, subject(), asked("Bash"), kNow);
  EXPECT_EQ(notice.kind, NoticeKind::needs_you);
  EXPECT_EQ(notice.title, "May the agent use Bash?");
  EXPECT_EQ(notice.body, "tally: Fix the parser");
  EXPECT_EQ(notice.path, "/runs/" + kRun.to_string());
  EXPECT_EQ(approval_notice(kRun, subject(), asked(""), kNow).title, "agent needs your approval");
}

TEST(Notice, AnApprovalIsWorthTellingUntilItAnswersItself) {
  auto soon = asked("");
  soon.until = kNow + std::chrono::minutes(5);
  EXPECT_EQ(approval_notice(kRun, subject(), soon, kNow).keep, std::chrono::minutes(5));
  EXPECT_EQ(approval_notice(kRun, subject(), soon, kNow + std::chrono::hours(1)).keep, Duration(0));
  EXPECT_EQ(approval_notice(kRun, subject(), asked(""), kNow).keep, std::chrono::hours(24));
}

TEST(Notice, WhoMayAnswerIsToldElseTheAuthorElseEverybody) {
  auto named = asked("");
  named.approvers = {"user:bob", "user:cid"};
  const auto for_them = approval_notice(kRun, subject(), named, kNow);
  EXPECT_TRUE(for_them.is_for("user:cid"));
  EXPECT_FALSE(for_them.is_for("user:ann"));
  const auto for_author = approval_notice(kRun, subject(), asked("Bash"), kNow);
  EXPECT_TRUE(for_author.is_for("user:ann"));
  EXPECT_FALSE(for_author.is_for("user:bob"));
  auto by_the_clock = subject();
  by_the_clock.author = "schedule:nightly";
  EXPECT_TRUE(end_notice(kRun, by_the_clock, RunStatus::completed)->is_for("user:bob"));
}

TEST(Notice, ARunThatEndsIsToldUnlessAPersonCancelledIt) {
  EXPECT_EQ(end_notice(kRun, subject(), RunStatus::completed)->title, "Run completed");
  EXPECT_EQ(end_notice(kRun, subject(), RunStatus::failed)->title, "Run failed");
  EXPECT_FALSE(end_notice(kRun, subject(), RunStatus::cancelled));
  auto nested = subject();
  nested.nested = true;
  EXPECT_FALSE(end_notice(kRun, nested, RunStatus::completed)) << "its parent's end is told";
  auto workspace = subject("");
  workspace.workflow = "session";
  EXPECT_FALSE(end_notice(kRun, workspace, RunStatus::completed)) << "its session's end is told";
  EXPECT_EQ(end_notice(kRun, subject(), RunStatus::failed)->subject,
            approval_notice(kRun, subject(), asked("Bash"), kNow).subject)
      << "an end makes a question obsolete";
}

TEST(Notice, AnAgentsSessionIsToldUnlessAPersonEndedIt) {
  SessionStopped how;
  EXPECT_EQ(end_notice(kSession, subject(), "claude", how, false)->title, "Session ended");
  EXPECT_EQ(end_notice(kSession, subject(), "claude", how, false)->path,
            "/sessions/" + kSession.to_string());
  EXPECT_FALSE(end_notice(kSession, subject(), "", how, false)) << "a shell";
  EXPECT_FALSE(end_notice(kSession, subject(), "claude", how, true));
  how.exit_code = 1;
  EXPECT_EQ(end_notice(kSession, subject(), "claude", how, false)->title, "Session ended early");
}

TEST(Notice, OfAPromptOnlyTheFirstWordsAreTold) {
  EXPECT_EQ(end_notice(kRun, subject("\n  Fix\tit \nTOKEN=abc"), RunStatus::completed)->body,
            "tally: Fix it");
  const auto long_one =
      end_notice(kRun, subject(std::string(79, 'x') + "äöü"), RunStatus::completed);
  EXPECT_EQ(long_one->body, "tally: " + std::string(79, 'x') + "…") << "no half a letter";
  EXPECT_EQ(end_notice(kRun, subject(""), RunStatus::completed)->body, "tally: task");
}

}  // namespace
}  // namespace corral::domain
