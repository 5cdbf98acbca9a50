#include "engine/notifier.h"

#include <algorithm>

#include "base/base64url.h"
#include "base/log.h"
#include "base/utf8.h"
#include "engine/digest.h"

namespace corral::engine {
namespace {

constexpr std::uint32_t kPage = 100;
constexpr Duration kWait{5'000};   // for an event, before the store is asked again
constexpr Duration kPace{200};     // between two looks
constexpr Duration kRetry{2'000};  // after trouble; doubled with each attempt
constexpr Duration kLongestRetry = std::chrono::minutes(5);
constexpr std::size_t kTopicBytes = 32;  // the most that a topic may have (RFC 8030, 5.4)

// The service sees the topic: it tells which messages replace each other, and nothing else.
std::string topic_of(const domain::Notice& notice) {
  return sha256_hex("push-topic/" + notice.subject).substr(0, kTopicBytes);
}

ports::PushMessage message_of(const OwedNotice& owed, Time now) {
  const auto& notice = owed.notice;
  const auto topic = topic_of(notice);
  const bool urgent = notice.kind == domain::NoticeKind::needs_you;
  const json::value payload = json::object{{"title", notice.title},
                                           {"body", notice.body},
                                           {"url", notice.path},
                                           {"tag", topic},
                                           {"kind", urgent ? "needs_you" : "done"}};
  return {.payload = json::serialize(payload),
          .ttl = std::chrono::duration_cast<std::chrono::seconds>(owed.at + notice.keep - now),
          .urgency = urgent ? ports::PushUrgency::high : ports::PushUrgency::normal,
          .topic = topic};
}

Result<std::string> key_bytes(std::string_view name, const std::string& text) {
  auto bytes = from_base64url(text);
  if (!bytes) return fail(ErrorCode::invalid, "{}: is not base64url without padding", name);
  return *std::move(bytes);
}

}  // namespace

Notifier::Notifier(NotifierDeps deps)
    : deps_(std::move(deps)),
      devices_(deps_.store),
      adding_(deps_.executor),
      opened_(deps_.executor),
      scope_(deps_.executor) {}

Task<Result<void>> Notifier::start() {
  CORRAL_CO_TRY(const auto devices, co_await devices_.all());
  for (const auto& device : devices)
    if (device.key == push_key()) open_line(device);
  scope_.start("notifier", follow());
  co_return Result<void>{};
}

// ---- devices ----

void Notifier::open_line(const Device& device) {
  position_ = lines_.empty() ? device.position : std::min(position_, device.position);
  auto line = std::make_shared<Line>(deps_.executor, device.id, device.actor, device.position);
  lines_[device.id] = line;
  scope_.start("notifier.device", serve(line));
  opened_.notify();
}

void Notifier::close_line(const std::string& id) {
  const auto at = lines_.find(id);
  if (at == lines_.end()) return;
  at->second->gone = true;
  at->second->changed.notify();
  lines_.erase(at);
}

Task<Result<json::value>> Notifier::add_device(NewDevice asked, Caller by) {
  Device device{.id = device_id(asked.endpoint),
                .actor = by.actor,
                .name = std::move(asked.name),
                .key = push_key(),
                .created = deps_.clock.now()};
  device.target.endpoint = std::move(asked.endpoint);
  CORRAL_CO_TRY(device.target.p256dh, key_bytes("keys.p256dh", asked.p256dh));
  CORRAL_CO_TRY(device.target.auth, key_bytes("keys.auth", asked.auth));
  CORRAL_CO_CHECK(deps_.push.check(device.target));
  if (device.name.size() > kMaxDeviceName || !is_utf8(device.name))
    co_return fail(ErrorCode::invalid, "name: at most {} bytes", kMaxDeviceName);

  const auto turn = co_await adding_.lock();
  for (;;) {
    CORRAL_CO_TRY(const bool fresh, co_await admit(device));
    if (!fresh) co_return device_json(device);
    const auto kept = co_await devices_.put(device);
    if (kept) break;
    // It has just been told something.
    if (kept.error().code != ErrorCode::conflict) co_return std::unexpected(kept.error());
  }
  const auto line = lines_.find(device.id);
  if (line == lines_.end() || line->second->actor != device.actor) {
    close_line(device.id);
    open_line(device);
  }
  log::info("push.device_added", {{"device", device.id}, {"actor", device.actor}});
  co_return device_json(device);
}

Task<Result<bool>> Notifier::admit(Device& device) {
  CORRAL_CO_TRY(const auto all, co_await devices_.all());
  const auto known = std::ranges::find(all, device.id, &Device::id);
  std::size_t others = 0, own = 0;
  for (const auto& other : all) {
    if (other.id == device.id) continue;
    ++others;
    if (other.actor == device.actor) ++own;
  }
  if (own >= kMaxDevicesOfOne)
    co_return fail(ErrorCode::conflict,
                   "{} devices of yours are told already: remove one of them first", own);
  if (others >= kMaxDevices)
    co_return fail(ErrorCode::conflict, "{} devices are told already, which is the most", others);
  const bool same = known != all.end() && known->actor == device.actor && known->key == device.key;
  if (known != all.end()) {
    device.created = known->created;
    device.version = known->version;
  }
  if (same) {
    device.position = known->position;
    co_return known->target != device.target || known->name != device.name ||
        !lines_.contains(device.id);
  }
  // What happened before is no news to it. (An empty transaction tells where the log ends.)
  CORRAL_CO_TRY(device.position, co_await deps_.store.commit({}));
  co_return true;
}

Task<Result<std::vector<json::value>>> Notifier::list_devices(std::string actor) {
  CORRAL_CO_TRY(auto all, co_await devices_.all());
  std::ranges::sort(all, std::greater(), &Device::created);
  std::vector<json::value> own;
  for (const auto& device : all)
    if (device.actor == actor) own.push_back(device_json(device));
  co_return own;
}

Task<Result<void>> Notifier::remove_device(std::string id, Caller by) {
  CORRAL_CO_TRY(const auto device, co_await devices_.get(id));
  if (!device || device->actor != by.actor)
    co_return fail(ErrorCode::not_found, "no device of yours has the id {}", id);
  CORRAL_CO_CHECK(co_await devices_.remove(id));
  close_line(id);
  log::info("push.device_removed", {{"device", id}, {"actor", by.actor}});
  co_return Result<void>{};
}

// ---- what is owed ----

Task<void> Notifier::follow() {
  for (;;) {
    if (lines_.empty()) {
      co_await opened_.wait();
      continue;
    }
    const auto seen = co_await look();
    if (!seen) {
      log::warning("push.cannot_follow", {{"why", seen.error().describe()}});
      co_await deps_.clock.sleep(kRetry);
      continue;
    }
    if (*seen == kPage) continue;
    (void)co_await deps_.store.wait_after(position_, kWait);
    co_await deps_.clock.sleep(kPace);
  }
}

Task<Result<std::uint64_t>> Notifier::look() {
  // Whatever the filter passes over up to here need not be waited for.
  CORRAL_CO_TRY(const auto end, co_await deps_.store.commit({}));
  CORRAL_CO_TRY(const auto events,
                co_await deps_.store.read_all(
                    {.after_position = position_, .types = told_events(), .limit = kPage}));
  for (const auto& event : events) {
    CORRAL_CO_TRY(const auto owed, co_await notice_of(deps_.store, event));
    position_ = event.position;
    if (!owed) continue;
    for (const auto& [id, line] : lines_) owe(*line, *owed);
  }
  if (events.size() < kPage) position_ = std::max(position_, end);
  co_return events.size();
}

void Notifier::owe(Line& line, const OwedNotice& owed) {
  if (owed.position <= line.position || !owed.notice.is_for(line.actor)) return;
  line.position = owed.position;
  std::erase_if(line.owed, [&](const OwedNotice& earlier) {
    return earlier.notice.subject == owed.notice.subject;
  });
  if (line.owed.size() == kMaxOwed) {
    log::info("push.dropped", {{"device", line.id}, {"why", "its service takes nothing"}});
    line.owed.pop_front();
  }
  line.owed.push_back(owed);
  line.changed.notify();
}

// ---- telling ----

Task<void> Notifier::serve(std::shared_ptr<Line> line) {
  while (!line->gone) {
    if (line->owed.empty()) {
      co_await line->changed.wait();
      continue;
    }
    const auto owed = std::move(line->owed.front());
    line->owed.pop_front();
    const auto told = co_await tell(line, owed);
    if (line->gone) break;
    if (told == Told::gone || !co_await advance(line->id, owed.position)) {
      // Not another line's that has taken its place meanwhile.
      if (const auto at = lines_.find(line->id); at != lines_.end() && at->second == line)
        close_line(line->id);
      break;
    }
  }
}

Task<Notifier::Told> Notifier::tell(std::shared_ptr<Line> line, OwedNotice owed) {
  Duration wait = kRetry;
  for (int attempt = 1;; ++attempt) {
    Duration pause{0};
    const auto told = co_await try_once(line, owed, pause);
    if (told) co_return *told;
    if (!retryable(told.error().code) || attempt == kAttempts) {
      log::warning("push.not_told",
                   {{"device", line->id}, {"attempts", attempt}, {"why", told.error().describe()}});
      co_return Told::no;
    }
    const double jitter = 1 + deps_.random.unit() / 4;
    const auto patience = std::chrono::duration_cast<Duration>(wait * jitter);
    wait = std::min(2 * wait, kLongestRetry);
    co_await deps_.clock.sleep(std::max(pause, patience));
    // There may be news of the same run meanwhile.
    if (line->gone || std::ranges::any_of(line->owed, [&](const OwedNotice& later) {
          return later.notice.subject == owed.notice.subject;
        }))
      co_return Told::no;
  }
}

// An error is the reason why it may have to be tried again.
Task<Result<Notifier::Told>> Notifier::try_once(std::shared_ptr<Line> line, OwedNotice owed,
                                                Duration& pause) {
  CORRAL_CO_TRY(const auto device, co_await devices_.get(line->id));
  if (!device || device->key != push_key()) co_return Told::gone;
  const auto now = deps_.clock.now();
  CORRAL_CO_TRY(const auto current, co_await is_still_so(deps_.store, owed, now));
  if (!current) co_return Told::no;
  CORRAL_CO_TRY(const auto answer, co_await deps_.push.send(device->target, message_of(owed, now)));
  switch (answer.outcome) {
    case ports::PushAnswer::Outcome::accepted: co_return Told::yes;
    case ports::PushAnswer::Outcome::busy:
      pause = answer.pause;
      co_return fail(ErrorCode::unavailable, "the push service is busy");
    case ports::PushAnswer::Outcome::gone: break;
  }
  CORRAL_CO_CHECK(co_await devices_.remove(line->id));
  log::info("push.device_gone", {{"device", line->id}, {"actor", line->actor}});
  co_return Told::gone;
}

Task<bool> Notifier::advance(std::string id, std::uint64_t position) {
  for (;;) {
    const auto there = co_await devices_.advance(id, position);
    if (there) co_return *there;
    log::warning("push.not_noted", {{"device", id}, {"why", there.error().describe()}});
    co_await deps_.clock.sleep(kRetry);
  }
}

}  // namespace corral::engine
