#include "domain/notice.h"

#include <algorithm>

#include "base/utf8.h"

namespace corral::domain {
namespace {

constexpr std::size_t kShort = 80, kShortTool = 40;
constexpr Duration kKeep = std::chrono::hours(24);
constexpr std::string_view kPerson = "user:", kSessionWorkflow = "session";

// The first line that says something, cut to fit.
std::string short_text(std::string_view text, std::size_t most) {
  constexpr std::string_view kBlank = " \t\r\n";
  const auto begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  text = text.substr(begin, text.find_first_of("\r\n", begin) - begin);
  const bool cut = text.size() > most;
  if (cut) {
    text = text.substr(0, most);
    text.remove_suffix(incomplete_utf8_tail(text));
  }
  std::string line = to_valid_utf8(text);
  std::ranges::replace_if(
      line, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }, ' ');
  line.erase(line.find_last_not_of(' ') + 1);
  return cut ? line + "…" : line;
}

std::string what(const NoticeSubject& of) {
  const auto title = short_text(of.prompt.empty() ? of.workflow : of.prompt, kShort);
  const auto project = short_text(of.project, kShort);
  return project.empty() ? title : project + ": " + title;
}

std::vector<std::string> author(const NoticeSubject& of) {
  if (!of.author.starts_with(kPerson)) return {};
  return {of.author};
}

}  // namespace

bool Notice::is_for(std::string_view actor) const {
  return readers.empty() || std::ranges::find(readers, actor) != readers.end();
}

Notice approval_notice(RunId run, const NoticeSubject& of, const ApprovalRequested& asked,
                       Time at) {
  const auto who = short_text(asked.tool.empty() ? asked.step : asked.tool, kShortTool);
  Notice notice{.kind = NoticeKind::needs_you,
                .title = asked.tool.empty() ? fmt::format("{} needs your approval", who)
                                            : fmt::format("May the agent use {}?", who),
                .body = what(of),
                .path = "/runs/" + run.to_string(),
                .subject = "run/" + run.to_string(),
                .keep = kKeep,
                .readers = asked.approvers.empty() ? author(of) : asked.approvers};
  if (asked.until) notice.keep = std::clamp(*asked.until - at, Duration(0), kKeep);
  return notice;
}

std::optional<Notice> end_notice(RunId run, const NoticeSubject& of, RunStatus status) {
  const bool completed = status == RunStatus::completed;
  if (!completed && status != RunStatus::failed) return std::nullopt;
  if (of.nested || of.workflow == kSessionWorkflow) return std::nullopt;
  return Notice{.kind = NoticeKind::done,
                .title = completed ? "Run completed" : "Run failed",
                .body = what(of),
                .path = "/runs/" + run.to_string(),
                .subject = "run/" + run.to_string(),
                .keep = kKeep,
                .readers = author(of)};
}

std::optional<Notice> end_notice(SessionId session, const NoticeSubject& of,
                                 const std::string& agent, const SessionStopped& how,
                                 bool stopped) {
  if (agent.empty() || stopped) return std::nullopt;
  const bool well = how.reason.empty() && how.exit_code == 0;
  return Notice{.kind = NoticeKind::done,
                .title = well ? "Session ended" : "Session ended early",
                .body = what(of),
                .path = "/sessions/" + session.to_string(),
                .subject = "session/" + session.to_string(),
                .keep = kKeep,
                .readers = author(of)};
}

}  // namespace corral::domain
