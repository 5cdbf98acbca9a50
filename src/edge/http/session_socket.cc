#include "edge/http/session_socket.h"

#include <algorithm>
#include <array>

#include "base/plain_text.h"
#include "base/utf8.h"
#include "domain/session.h"
#include "edge/http/squeeze.h"
#include "edge/websocket/session_frame.h"

namespace corral::edge {
namespace {

using session::LiveSession;
using session::Role;

constexpr std::size_t kMaxChannels = 64;
constexpr std::size_t kMaxUnderWay = 64u << 10;  // typed, not yet arrived
constexpr std::size_t kPieceBytes = 64u << 10;
constexpr std::uint64_t kSkipBehind = 1u << 20;
constexpr std::uint64_t kMaxCredit = 1u << 30;
constexpr std::int64_t kMaxScrollback = 10'000;
constexpr Duration kLookAgain{30'000}, kCheckGuestEvery{10'000};

bool is_viewer_id(std::string_view id) {
  return id.size() >= 16 && id.size() <= 64 && std::ranges::all_of(id, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_' || c == '-';
         });
}

Result<std::int64_t> whole(const json::value& message, std::string_view name, std::int64_t least,
                           std::int64_t most, std::optional<std::int64_t> otherwise) {
  const auto* field = find(message, {name});
  if (field == nullptr && otherwise) return *otherwise;
  if (field == nullptr || !field->is_int64() || field->get_int64() < least ||
      field->get_int64() > most)
    return fail(ErrorCode::invalid, "\"{}\" must be a whole number from {} to {}", name, least,
                most);
  return field->get_int64();
}

}  // namespace

struct SessionSocket::Channel {
  std::uint32_t number = 0;
  SessionId session;
  Role role = Role::type;
  std::optional<std::uint64_t> from;
  std::size_t scrollback = 0;
  std::uint64_t credit = 1u << 20;

  std::shared_ptr<LiveSession> live;
  std::shared_ptr<LiveSession::Seat> seat;
  std::uint64_t position = 0;                    // sent up to here
  std::size_t resizes = 0;                       // of those told
  std::optional<std::uint64_t> news, documents;  // as last told
  bool may_skip = true;
  bool snapshot_wanted = false;
  bool ended = false;  // told
  bool detached = false;
  Squeeze squeeze;

  struct Input {
    std::uint64_t position;
    std::string bytes;
  };
  std::deque<Input> inputs;
  std::size_t under_way = 0;
  std::optional<std::uint64_t> arrived;  // of what was typed, not yet told
  Condition typed;

  // Something for pump() to look at.
  void stir() {
    if (seat) seat->stirred().notify_all();
  }
  void detach() {
    detached = true;
    stir();
    typed.notify_all();
  }
};

SessionSocket::SessionSocket(engine::SessionService& sessions, std::unique_ptr<WebSocket> socket,
                             WorkspaceId workspace, Caller caller, Executor executor, Clock& clock)
    : sessions_(sessions),
      socket_(std::move(socket)),
      workspace_(workspace),
      caller_(std::move(caller)),
      clock_(clock),
      tasks_(std::move(executor)) {}

Task<void> SessionSocket::run() {
  // The channels' tasks end before this does, also when the server is stopping and this is cut off.
  std::exception_ptr cut_off;
  try {
    co_await converse();
  } catch (...) {
    cut_off = std::current_exception();
  }
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  for (auto& [number, channel] : channels_) channel->detach();
  co_await tasks_.stop();
  if (cut_off) std::rethrow_exception(cut_off);
}

Task<void> SessionSocket::converse() {
  if (co_await greet()) {
    for (;;) {
      auto message = co_await socket_->receive();
      if (!message) break;
      if (message->kind == Message::Kind::binary) {
        if (auto done = co_await on_frame(message->bytes); !done)
          co_await complain(std::nullopt, "input", done.error());
        continue;
      }
      boost::system::error_code error;
      const auto parsed = json::parse(message->bytes, error);
      if (error || !parsed.is_object()) {
        co_await complain(std::nullopt, "",
                          Error{ErrorCode::invalid, "a message is one JSON object", nullptr});
        continue;
      }
      co_await on_message(parsed);
    }
  }
}

Task<bool> SessionSocket::greet() {
  json::object hello{{"type", "hello"},
                     {"version", 1},
                     {"workspace", workspace_.to_string()},
                     {"time", to_rfc3339(clock_.now())}};
  if (!co_await tell(std::move(hello))) co_return false;
  const auto first = co_await socket_->receive();
  if (!first) co_return false;
  boost::system::error_code error;
  const auto message =
      first->kind == Message::Kind::text ? json::parse(first->bytes, error) : json::value(nullptr);
  viewer_ = find_string(message, {"viewer"});
  name_ = find_string(message, {"name"});
  if (error || find_string(message, {"type"}) != "hello" || find_int(message, {"version"}) != 1 ||
      !is_viewer_id(viewer_) || name_.size() > 64) {
    co_await socket_->close(kClosePolicy,
                            "begin with {\"type\":\"hello\",\"version\":1,\"viewer\":…}");
    co_return false;
  }
  // Others see it, on terminals too: nothing in it moves their cursor or turns their text around.
  name_ = plain_text(name_);
  std::ranges::replace(name_, '\n', ' ');
  if (name_.find_first_not_of(' ') == std::string::npos)
    name_ = caller_.guest ? "guest" : caller_.actor.substr(caller_.actor.find(':') + 1);
  co_return true;
}

Task<Result<void>> SessionSocket::tell(json::object message) {
  co_return co_await socket_->send(Message::Kind::text, json::serialize(message), Compress::yes);
}

Task<void> SessionSocket::complain(std::optional<std::uint32_t> channel, std::string_view of,
                                   const Error& error) {
  json::object message{{"type", "error"},
                       {"code", to_string(error.code)},
                       {"message", error.describe()},
                       {"of", of}};
  if (channel) message["channel"] = *channel;
  (void)co_await tell(std::move(message));
}

// ---- messages ----

Task<void> SessionSocket::on_message(const json::value& message) {
  const auto type = find_string(message, {"type"});
  const auto done = co_await handle(type, message);
  if (done) co_return;
  const auto number = find_int(message, {"channel"});
  co_await complain(number > 0 ? std::optional(static_cast<std::uint32_t>(number)) : std::nullopt,
                    type, done.error());
}

Result<SessionSocket::ChannelPtr> SessionSocket::channel_of(const json::value& message) const {
  CORRAL_TRY(const auto number, whole(message, "channel", 1, 0xffffffff, std::nullopt));
  const auto at = channels_.find(static_cast<std::uint32_t>(number));
  if (at == channels_.end())
    return fail(ErrorCode::not_found, "channel {} is not attached", number);
  return at->second;
}

Task<Result<void>> SessionSocket::handle(std::string_view type, const json::value& message) {
  if (type == "attach") co_return co_await attach(message);
  if (type == "ping")
    co_return co_await tell(
        {{"type", "pong"},
         {"id", find(message, {"id"}) != nullptr ? *find(message, {"id"}) : json::value(nullptr)}});
  static constexpr std::array kOthers{"detach",   "credit", "snapshot", "resize",
                                      "keyboard", "signal", "stop"};
  if (std::ranges::find(kOthers, type) == kOthers.end())
    co_return fail(ErrorCode::invalid, "there is no message \"{}\"",
                   to_valid_utf8(type.substr(0, 40)));
  CORRAL_CO_TRY(const auto channel, channel_of(message));
  if (type == "detach") {
    channels_.erase(channel->number);
    channel->detach();
    co_return Result<void>{};
  }
  if (type == "credit") {
    CORRAL_CO_TRY(const auto bytes, whole(message, "bytes", 1, kMaxCredit, std::nullopt));
    channel->credit =
        std::min<std::uint64_t>(kMaxCredit, channel->credit + static_cast<std::uint64_t>(bytes));
    channel->stir();
    co_return Result<void>{};
  }
  if (type == "snapshot") {
    CORRAL_CO_TRY(const auto lines, whole(message, "scrollback", 0, kMaxScrollback, 0));
    channel->scrollback = static_cast<std::size_t>(lines);
    channel->snapshot_wanted = true;
    channel->stir();
    co_return Result<void>{};
  }
  const auto seat = channel->seat;
  if (!seat)
    co_return fail(ErrorCode::unavailable, "channel {} is not attached yet", channel->number);
  if (type == "resize") {
    CORRAL_CO_TRY(const auto columns,
                  whole(message, "columns", 1, domain::kMaxColumns, std::nullopt));
    CORRAL_CO_TRY(const auto rows, whole(message, "rows", 1, domain::kMaxRows, std::nullopt));
    co_return co_await seat->resize(
        {static_cast<std::uint16_t>(columns), static_cast<std::uint16_t>(rows)});
  }
  if (type == "signal") {
    CORRAL_CO_TRY(const auto number, whole(message, "number", 1, 64, std::nullopt));
    co_return co_await seat->signal(static_cast<int>(number));
  }
  if (type == "stop") {
    if (channel->role == Role::view || caller_.guest)
      co_return fail(ErrorCode::forbidden, "who was let in by a link cannot stop the session");
    CORRAL_CO_CHECK(co_await sessions_.stop_session(channel->session, {}, caller_.actor));
    co_return Result<void>{};
  }
  co_return co_await keyboard(channel, message);
}

Task<Result<void>> SessionSocket::keyboard(const ChannelPtr& channel, const json::value& message) {
  const auto action = find_string(message, {"action"});
  if (action == "take") co_return channel->seat->take_keyboard();
  if (action == "give") co_return channel->seat->give_keyboard(find_string(message, {"to"}));
  if (action == "free") co_return channel->seat->free_keyboard();
  co_return fail(ErrorCode::invalid, "\"action\" must be take, give or free");
}

Task<Result<void>> SessionSocket::attach(const json::value& message) {
  CORRAL_CO_TRY(const auto number, whole(message, "channel", 1, 0xffffffff, std::nullopt));
  const auto channel = std::make_shared<Channel>();
  channel->number = static_cast<std::uint32_t>(number);
  if (channels_.contains(channel->number))
    co_return fail(ErrorCode::conflict, "channel {} is attached already", number);
  if (channels_.size() >= kMaxChannels)
    co_return fail(ErrorCode::exhausted, "at most {} channels on a connection", kMaxChannels);
  const auto id = SessionId::parse(find_string(message, {"session"}));
  if (!id) co_return fail(ErrorCode::invalid, "\"session\" must be a session's id");
  channel->session = *id;
  auto role = Role::type;
  if (const auto* wanted = find(message, {"role"})) {
    const auto named =
        wanted->is_string() ? session::role_from(wanted->get_string()) : std::nullopt;
    if (!named) co_return fail(ErrorCode::invalid, "\"role\" must be view, type or own");
    role = *named;
  }
  if (caller_.guest) {
    if (caller_.guest->session != *id)
      co_return fail(ErrorCode::forbidden, "the link opens another session");
    role = std::min(role, caller_.guest->role);
  }
  channel->role = role;
  CORRAL_CO_TRY(const auto credit, whole(message, "credit", 0, kMaxCredit, 1 << 20));
  CORRAL_CO_TRY(const auto lines, whole(message, "scrollback", 0, kMaxScrollback, 0));
  CORRAL_CO_TRY(const auto from, whole(message, "from", 0, INT64_MAX, -1));
  channel->credit = static_cast<std::uint64_t>(credit);
  channel->scrollback = static_cast<std::size_t>(lines);
  if (from >= 0) channel->from = static_cast<std::uint64_t>(from);
  const bool live_only = find_bool(message, {"skip"}, from < 0);
  channel->may_skip = live_only;
  channels_[channel->number] = channel;
  tasks_.start("channel", serve(channel));
  co_return Result<void>{};
}

// ---- input ----

Task<Result<void>> SessionSocket::on_frame(std::string_view message) {
  const auto frame = decode_session_frame(message);
  if (!frame || frame->kind != SessionFrameKind::input)
    co_return fail(ErrorCode::invalid, "a binary frame from the client is an input frame");
  const auto at = channels_.find(frame->channel);
  if (at == channels_.end())
    co_return fail(ErrorCode::not_found, "channel {} is not attached", frame->channel);
  const auto channel = at->second;
  // The socket is not read on meanwhile: whoever types faster than it arrives waits.
  while (channel->under_way + frame->bytes.size() > kMaxUnderWay && channel->under_way > 0 &&
         !channel->detached)
    co_await channel->typed.wait();
  if (channel->detached) co_return Result<void>{};
  channel->under_way += frame->bytes.size();
  channel->inputs.push_back({frame->position, std::string(frame->bytes)});
  channel->typed.notify_all();
  co_return Result<void>{};
}

Task<void> SessionSocket::type(ChannelPtr channel, std::shared_ptr<LiveSession::Seat> seat) {
  while (!channel->detached) {
    if (channel->inputs.empty()) {
      co_await channel->typed.wait();
      continue;
    }
    // What lies one behind the other goes as one.
    auto input = std::move(channel->inputs.front());
    channel->inputs.pop_front();
    while (!channel->inputs.empty() &&
           channel->inputs.front().position == input.position + input.bytes.size()) {
      input.bytes += channel->inputs.front().bytes;
      channel->inputs.pop_front();
    }
    const auto size = input.bytes.size();
    const auto arrived = co_await seat->type(input.position, std::move(input.bytes));
    channel->under_way -= size;
    channel->typed.notify_all();
    if (arrived) {
      channel->arrived = *arrived;
      channel->stir();
      continue;
    }
    channel->arrived.reset();
    // What follows it would not fit: the client goes on where the session is.
    for (const auto& dropped : channel->inputs) channel->under_way -= dropped.bytes.size();
    channel->inputs.clear();
    co_await complain(channel->number, "input", arrived.error());
    const auto known = co_await seat->typed();
    (void)co_await tell({{"type", "typed"},
                         {"channel", channel->number},
                         {"position", known ? *known : 0},
                         {"reset", true}});
  }
}

// ---- output ----

Task<void> SessionSocket::serve(ChannelPtr channel) {
  auto begun = co_await begin(channel);
  Result<void> done = begun;
  if (begun) {
    tasks_.start("typing", type(channel, channel->seat));
    done = co_await pump(channel);
  }
  channel->detach();
  channel->seat.reset();
  if (const auto at = channels_.find(channel->number);
      at != channels_.end() && at->second == channel)
    channels_.erase(at);
  if (!done && done.error().code != ErrorCode::cancelled)
    (void)co_await tell({{"type", "detached"},
                         {"channel", channel->number},
                         {"code", to_string(done.error().code)},
                         {"message", done.error().describe()}});
}

Task<Result<void>> SessionSocket::begin(const ChannelPtr& channel) {
  CORRAL_CO_TRY(const auto document, co_await sessions_.get_session(channel->session));
  if (find_string(document, {"workspace"}) != workspace_.to_string())
    co_return fail(ErrorCode::not_found, "session {} is not in this workspace",
                   channel->session.to_string());
  CORRAL_CO_TRY(channel->live, co_await sessions_.open_session(channel->session));
  auto& live = *channel->live;
  if (channel->from) co_await live.reach(*channel->from);
  const auto end = live.end();
  if (channel->from && *channel->from > end)
    co_return fail(ErrorCode::invalid, "\"from\": the log has only {} bytes", end);
  channel->position = channel->from.value_or(end);
  channel->snapshot_wanted = !channel->from;
  channel->seat = std::make_shared<LiveSession::Seat>(
      channel->live, session::ViewerInfo{.source = "v-" + viewer_,
                                         .name = name_,
                                         .role = channel->role,
                                         .guest = caller_.guest.has_value()});
  const auto typed = co_await channel->seat->typed();
  const auto size = channel->from ? live.size_at(channel->position) : live.size();
  const auto& resizes = live.resizes();
  channel->resizes = static_cast<std::size_t>(
      std::ranges::upper_bound(resizes, channel->position, {}, &session::Mark::offset) -
      resizes.begin());
  if (!channel->from) channel->resizes = resizes.size();
  channel->documents = live.documents();
  co_return co_await tell({{"type", "attached"},
                           {"channel", channel->number},
                           {"session", document},
                           {"role", session::to_string(channel->role)},
                           {"offset", channel->position},
                           {"typed", typed ? *typed : 0},
                           {"columns", size.columns},
                           {"rows", size.rows}});
}

Task<Result<void>> SessionSocket::pump(const ChannelPtr& channel) {
  auto& live = *channel->live;
  const auto seat = channel->seat;
  while (!channel->detached) {
    CORRAL_CO_CHECK(co_await send_news(channel));
    if (caller_.guest) CORRAL_CO_CHECK(co_await check_guest());
    const auto end = live.end();
    if (channel->credit > 0) {
      const bool behind = channel->may_skip && end > channel->position + kSkipBehind;
      if (channel->snapshot_wanted || behind) {
        CORRAL_CO_CHECK(co_await send_snapshot(channel));
        continue;
      }
      const auto& resizes = live.resizes();
      const bool resized = channel->resizes < resizes.size();
      const auto until = resized ? std::min(end, resizes[channel->resizes].offset) : end;
      if (channel->position < until) {
        CORRAL_CO_CHECK(co_await send_output(channel, until));
        // Behind what it made the process print.
        CORRAL_CO_CHECK(co_await send_typed(channel));
        continue;
      }
      if (resized && resizes[channel->resizes].offset <= channel->position) {
        const auto size = *resizes[channel->resizes++].size;
        CORRAL_CO_CHECK(co_await tell({{"type", "resized"},
                                       {"channel", channel->number},
                                       {"offset", channel->position},
                                       {"columns", size.columns},
                                       {"rows", size.rows}}));
        continue;
      }
      CORRAL_CO_TRY(const bool told, co_await send_end(channel));
      if (told) continue;
    }
    CORRAL_CO_CHECK(co_await send_typed(channel));
    // What came while this was elsewhere has stirred nobody.
    if (channel->arrived || channel->news != live.news() || channel->detached ||
        end != live.end() || (channel->snapshot_wanted && channel->credit > 0))
      continue;
    co_await seat->stirred().wait_for(kLookAgain);
  }
  co_return Result<void>{};
}

Task<Result<void>> SessionSocket::send_output(const ChannelPtr& channel, std::uint64_t until) {
  const auto size =
      std::min<std::uint64_t>({kPieceBytes, channel->credit, until - channel->position});
  CORRAL_CO_TRY(const auto piece,
                co_await channel->live->read(channel->position, static_cast<std::size_t>(size)));
  const auto header =
      encode_session_frame(SessionFrameKind::output, channel->number, channel->position);
  channel->position += piece.bytes;
  channel->credit -= piece.bytes;
  std::vector<std::string_view> parts{{header.data(), header.size()}};
  parts.insert(parts.end(), piece.parts.begin(), piece.parts.end());
  const auto begun = std::chrono::steady_clock::now();
  const auto compress = channel->squeeze.choose(piece.bytes, begun);
  const auto sent = co_await socket_->send(Message::Kind::binary, parts, compress);
  channel->squeeze.sent(piece.bytes, compress, std::chrono::steady_clock::now() - begun);
  co_return sent;
}

Task<Result<void>> SessionSocket::send_snapshot(const ChannelPtr& channel) {
  channel->snapshot_wanted = false;
  const auto& live = *channel->live;
  const auto snapshot = live.snapshot(channel->scrollback);
  if (channel->resizes < live.resizes().size()) {
    channel->resizes = live.resizes().size();
    CORRAL_CO_CHECK(co_await tell({{"type", "resized"},
                                   {"channel", channel->number},
                                   {"offset", snapshot.offset},
                                   {"columns", snapshot.size.columns},
                                   {"rows", snapshot.size.rows}}));
  }
  const auto header =
      encode_session_frame(SessionFrameKind::snapshot, channel->number, snapshot.offset);
  channel->position = snapshot.offset;
  channel->credit -= std::min<std::uint64_t>(channel->credit, snapshot.bytes.size());
  const std::array<std::string_view, 2> parts{std::string_view(header.data(), header.size()),
                                              snapshot.bytes};
  co_return co_await socket_->send(Message::Kind::binary, parts, Compress::yes);
}

Task<Result<void>> SessionSocket::send_news(const ChannelPtr& channel) {
  const auto& live = *channel->live;
  if (channel->news == live.news()) co_return Result<void>{};
  channel->news = live.news();
  if (channel->documents != live.documents()) {
    channel->documents = live.documents();
    CORRAL_CO_TRY(const auto document, co_await sessions_.get_session(channel->session));
    CORRAL_CO_CHECK(
        co_await tell({{"type", "session"}, {"channel", channel->number}, {"session", document}}));
    guest_checked_ = {};
  }
  auto viewers = live.viewers();
  const auto& own = channel->seat->id();
  for (auto& viewer : viewers) viewer.get_object()["you"] = find_string(viewer, {"viewer"}) == own;
  co_return co_await tell({{"type", "presence"},
                           {"channel", channel->number},
                           {"viewers", std::move(viewers)},
                           {"keyboard", live.keyboard()}});
}

// A link that was revoked, or has run out, lets nobody stay.
Task<Result<void>> SessionSocket::check_guest() {
  const auto now = clock_.now();
  if (now - guest_checked_ < kCheckGuestEvery) co_return Result<void>{};
  guest_checked_ = now;
  const auto guest = co_await sessions_.open_share(caller_.share);
  if (guest) co_return Result<void>{};
  co_return fail(ErrorCode::forbidden, "the link was revoked, or has run out");
}

Task<Result<void>> SessionSocket::send_typed(const ChannelPtr& channel) {
  const auto arrived = std::exchange(channel->arrived, std::nullopt);
  if (!arrived) co_return Result<void>{};
  co_return co_await tell(
      {{"type", "typed"}, {"channel", channel->number}, {"position", *arrived}});
}

// Once the log is closed and all of it sent: how it ended. False while that is not known.
Task<Result<bool>> SessionSocket::send_end(const ChannelPtr& channel) {
  if (channel->ended || !channel->live->closed() || channel->position < channel->live->end())
    co_return false;
  CORRAL_CO_TRY(const auto document, co_await sessions_.get_session(channel->session));
  if (find_string(document, {"status"}) != "ended") co_return false;
  channel->ended = true;
  CORRAL_CO_CHECK(co_await tell({{"type", "ended"},
                                 {"channel", channel->number},
                                 {"offset", channel->position},
                                 {"exit_code", find_int(document, {"exit_code"})},
                                 {"reason", *find(document, {"end_reason"})}}));
  co_return true;
}

}  // namespace corral::edge
