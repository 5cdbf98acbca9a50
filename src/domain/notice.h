// What people are told on their devices while they look elsewhere, and who: that something waits
// for them, and that something has ended. Short enough for a locked screen: a title and the first
// words of what was asked for, nothing that an agent was given or has said.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "domain/events.h"
#include "domain/session.h"

namespace corral::domain {

enum class NoticeKind { needs_you, done };

struct Notice {
  NoticeKind kind = NoticeKind::done;
  std::string title, body;           // a line each
  std::string path;                  // where on the page it is looked at
  std::string subject;               // a later notice about the same makes an earlier one obsolete
  Duration keep{0};                  // worth telling for so long
  std::vector<std::string> readers;  // actors; none: everybody

  bool is_for(std::string_view actor) const;
};

// What a notice says of the run or session that it is about.
struct NoticeSubject {
  std::string project;
  std::string prompt;    // of a run; of a session: its name
  std::string workflow;  // named when there is no prompt
  std::string author;    // actor; told alone when it is a person
  bool nested = false;   // a step of another run, which is told about instead
};

// An approval waits. For those who may answer it, when they are named.
Notice approval_notice(RunId run, const NoticeSubject& of, const ApprovalRequested& asked, Time at);
// It completed or failed. Nothing for another status, for a run within a run, and for one that is
// only the workspace of a session.
std::optional<Notice> end_notice(RunId run, const NoticeSubject& of, RunStatus status);
// An agent's session ended. Nothing when it had no agent, and when a person `stopped` it.
std::optional<Notice> end_notice(SessionId session, const NoticeSubject& of,
                                 const std::string& agent, const SessionStopped& how, bool stopped);

}  // namespace corral::domain
