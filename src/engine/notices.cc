#include "engine/notices.h"

#include <algorithm>

#include "engine/projection.h"
#include "engine/session_host.h"

namespace corral::engine {
namespace {

constexpr std::string_view kRuns = "run/", kSessions = "session/", kPerson = "user:";
constexpr std::uint32_t kMaxSessionEvents = 500;

using Found = Result<std::optional<OwedNotice>>;

std::string text(const json::value& body, std::initializer_list<std::string_view> path) {
  return std::string(find_string(body, path));
}

domain::NoticeSubject subject_of(const json::value& run) {
  return {.project = text(run, {"project", "name"}),
          .prompt = text(run, {"prompt"}),
          .workflow = text(run, {"workflow"}),
          .author = text(run, {"created_by"}),
          .nested = !text(run, {"parent"}).empty()};
}

Task<Found> of_run(ports::Store& store, ports::Event event, RunId run) {
  CORRAL_CO_TRY(const auto document, co_await store.get(std::string(kRunKind), run.to_string()));
  const auto told = domain::event_from(event.type, event.data);
  if (!document || !told) co_return std::nullopt;
  const auto subject = subject_of(document->body);
  OwedNotice owed{.position = event.position, .at = event.time};
  if (const auto* asked = std::get_if<domain::ApprovalRequested>(&told->body)) {
    owed.notice = domain::approval_notice(run, subject, *asked, event.time);
    owed.kind = kApprovalKind;
    owed.id = asked->approval;
    owed.state = "open";
    co_return owed;
  }
  const bool completed = std::holds_alternative<domain::RunCompleted>(told->body);
  const auto status = completed ? domain::RunStatus::completed : domain::RunStatus::failed;
  auto notice = domain::end_notice(run, subject, status);
  if (!notice) co_return std::nullopt;
  owed.notice = *std::move(notice);
  owed.kind = kRunKind;
  owed.id = run.to_string();
  owed.state = to_string(status);
  co_return owed;
}

Task<Found> of_session(ports::Store& store, ports::Event event, SessionId session) {
  CORRAL_CO_TRY(const auto document,
                co_await store.get(std::string(kSessionKind), session.to_string()));
  const auto told = domain::session_event_from(event.type, event.data);
  if (!document || !told) co_return std::nullopt;
  CORRAL_CO_TRY(const auto run,
                co_await store.get(std::string(kRunKind), text(document->body, {"run"})));
  CORRAL_CO_TRY(const auto before, co_await store.read_stream(event.stream, 0, kMaxSessionEvents));
  const bool stopped = std::ranges::any_of(before, [](const ports::Event& earlier) {
    return earlier.type == domain::SessionStopRequested::kType &&
           earlier.origin.actor.starts_with(kPerson);
  });
  const domain::NoticeSubject subject{
      .project = run ? text(run->body, {"project", "name"}) : std::string(),
      .prompt = text(document->body, {"name"}),
      .workflow = {},
      .author = text(document->body, {"author"})};
  auto notice = domain::end_notice(session, subject, text(document->body, {"agent"}),
                                   std::get<domain::SessionStopped>(told->body), stopped);
  if (!notice) co_return std::nullopt;
  co_return OwedNotice{.position = event.position, .at = event.time, .notice = *std::move(notice)};
}

}  // namespace

const std::vector<std::string>& told_events() {
  static const std::vector<std::string> types{
      std::string(domain::ApprovalRequested::kType), std::string(domain::RunCompleted::kType),
      std::string(domain::RunFailed::kType), std::string(domain::SessionStopped::kType)};
  return types;
}

Task<Found> notice_of(ports::Store& store, ports::Event event) {
  const std::string_view stream = event.stream;
  if (stream.starts_with(kRuns)) {
    if (const auto run = RunId::parse(stream.substr(kRuns.size())))
      co_return co_await of_run(store, std::move(event), *run);
  } else if (stream.starts_with(kSessions)) {
    if (const auto session = SessionId::parse(stream.substr(kSessions.size())))
      co_return co_await of_session(store, std::move(event), *session);
  }
  co_return std::nullopt;
}

Task<Result<bool>> is_still_so(ports::Store& store, OwedNotice owed, Time now) {
  if (now >= owed.at + owed.notice.keep) co_return false;
  if (owed.kind.empty()) co_return true;
  CORRAL_CO_TRY(const auto document, co_await store.get(owed.kind, owed.id));
  co_return document && document->state == owed.state;
}

}  // namespace corral::engine
