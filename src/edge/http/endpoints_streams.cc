// Logs and events: what is there now, or as server-sent events what is there, then what comes.
//
// A stream holds one chunk at a time and awaits the socket: a slow viewer costs no memory and slows
// nobody else.
#include <charconv>

#include <boost/asio/experimental/awaitable_operators.hpp>

#include "base/log.h"
#include "base/utf8.h"
#include "edge/http/endpoints.h"
#include "edge/http/sse.h"

namespace corral::edge::endpoints {
namespace {

constexpr std::size_t kChunkBytes = 64u << 10;
constexpr std::size_t kLongestLineBytes = 64u << 20;
constexpr std::uint32_t kEventsAtOnce = 200;
// A run that has ended closes its log; should a server have died in between, this is how long a
// viewer waits for it.
constexpr Duration kEndCheck{2'000};

constexpr std::string_view kEventStream = "text/event-stream";

// Counts an open stream for as long as it lives.
class OpenStream {
 public:
  explicit OpenStream(HttpMetrics& metrics) : metrics_(metrics) { metrics_.stream_opened(); }
  ~OpenStream() { metrics_.stream_closed(); }
  OpenStream(const OpenStream&) = delete;

 private:
  HttpMetrics& metrics_;
};

// Where the client wants to begin: Last-Event-ID, which a reconnecting one sends, goes before the
// query's `otherwise`.
Result<std::uint64_t> beginning(const Call& call, std::uint64_t otherwise) {
  const auto text = call.request.header("last-event-id");
  if (text.empty()) return otherwise;
  std::uint64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size())
    return fail(ErrorCode::invalid, "Last-Event-ID must be an id of this stream, a whole number");
  return id;
}

Task<Result<void>> start_events(Call& call) {
  return call.out.start(200, {{"Content-Type", std::string(kEventStream)},
                              {"Cache-Control", "no-store"},
                              {"X-Accel-Buffering", "no"}});
}

// Awaits `work`, or the end of the client.
Task<void> unless_gone(Responder& out, Task<void> work) {
  using namespace asio::experimental::awaitable_operators;
  co_await (std::move(work) || out.wait_gone());
}

// ---- logs ----

enum class Framing { text, lines };

struct LogStream {
  std::shared_ptr<session::Log> log;
  std::optional<RunId> run;  // whose end ends the stream too; none: the log's own end alone
  std::string of;            // for messages
  std::uint64_t offset = 0;
  Framing framing;
};

// Appends what `bytes` (which begin at the stream's offset) hold of whole text or lines; returns
// how much that was.
std::size_t frame(const LogStream& stream, std::string_view bytes, bool more_may_come,
                  std::string& out) {
  if (stream.framing == Framing::text) {
    const std::size_t ready = text_ready(bytes, more_may_come);
    if (ready > 0)
      append_event(out, stream.offset + ready, "log",
                   json::serialize(json::string(to_valid_utf8(bytes.substr(0, ready)))));
    return ready;
  }
  const std::size_t ready = more_may_come ? lines_ready(bytes) : bytes.size();
  for (std::size_t at = 0; at < ready;) {
    const std::size_t end = std::min(bytes.find('\n', at), ready - 1) + 1;
    auto line = bytes.substr(at, end - at);
    while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
    at = end;
    if (!line.empty())
      append_event(out, stream.offset + at, "agent",
                   is_utf8(line) ? line : std::string_view(to_valid_utf8(line)));
  }
  return ready;
}

Task<bool> run_is_over(Api& api, std::optional<RunId> run) {
  if (!run) co_return false;
  const auto document = co_await api.service().get_run(*run);
  // A run that is gone has no more to say either.
  if (!document) co_return document.error().code == ErrorCode::not_found;
  const auto status = find_string(*document, {"status"});
  co_return status == "completed" || status == "failed" || status == "cancelled";
}

// One event, or a batch of lines, from the stream's offset; nothing when it has all been sent.
Task<Result<std::string>> next_events(LogStream& stream) {
  std::string out;
  for (std::size_t wanted = kChunkBytes; out.empty() && wanted <= kLongestLineBytes; wanted *= 4) {
    const bool closed = stream.log->closed();
    CORRAL_CO_TRY(const std::string bytes, co_await stream.log->read(stream.offset, wanted));
    const bool at_end = stream.offset + bytes.size() >= stream.log->end();
    stream.offset += frame(stream, bytes, !(closed && at_end), out);
    if (bytes.size() < wanted) break;  // no longer line to be had yet
  }
  co_return out;
}

Task<Result<void>> stream_log(Api& api, Call& call, LogStream stream) {
  const OpenStream open(api.metrics());
  CORRAL_CO_CHECK(co_await start_events(call));
  auto last_sent = std::chrono::steady_clock::now();
  bool over = false;
  while (!call.out.gone()) {
    const std::uint64_t seen = stream.log->end();
    auto events = co_await next_events(stream);
    if (!events) {
      log::warning("http.log_unreadable",
                   {{"log", stream.of}, {"what", events.error().describe()}});
      call.out.abort();
      co_return Result<void>{};
    }
    if (!events->empty()) {
      CORRAL_CO_CHECK(co_await call.out.write(*std::move(events)));
      last_sent = std::chrono::steady_clock::now();
      over = false;
      continue;
    }
    if (over || (stream.log->closed() && stream.offset >= stream.log->end())) {
      std::string end;
      append_event(end, stream.offset, "end", "{}");
      co_return co_await call.out.write(std::move(end));
    }
    const auto silent =
        std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - last_sent);
    if (silent >= api.deps().keep_alive) {
      CORRAL_CO_CHECK(co_await call.out.write(std::string(kKeepAliveComment)));
      last_sent = std::chrono::steady_clock::now();
      continue;
    }
    const auto wait = std::min<Duration>(kEndCheck, api.deps().keep_alive - silent);
    co_await unless_gone(call.out, stream.log->wait_beyond(seen, wait));
    // Then the log is read once more: what the run wrote until it was over is sent before the end
    // is.
    if (stream.log->end() == seen) over = co_await run_is_over(api, stream.run);
  }
  co_return Result<void>{};
}

// The bytes from the offset to where the log ends now.
Task<Result<void>> send_log(Call& call, LogStream stream, std::string type) {
  const std::uint64_t end = stream.log->end();
  CORRAL_CO_CHECK(co_await call.out.start(
      200, {{"Content-Type", std::move(type)}, {"Cache-Control", "no-store"}}));
  while (stream.offset < end) {
    auto bytes = co_await stream.log->read(
        stream.offset, std::min<std::uint64_t>(kChunkBytes, end - stream.offset));
    if (!bytes || bytes->empty()) {
      log::warning("http.log_unreadable",
                   {{"log", stream.of},
                    {"what", bytes ? "shorter than it said" : bytes.error().describe()}});
      call.out.abort();
      co_return Result<void>{};
    }
    stream.offset += bytes->size();
    CORRAL_CO_CHECK(co_await call.out.write(*std::move(bytes)));
  }
  co_return Result<void>{};
}

Task<Result<void>> answer_log(Api& api, Call& call, LogStream stream, std::string type) {
  const bool live = call.media_type == kEventStream;
  stream.offset = static_cast<std::uint64_t>(call.number("offset").value_or(0));
  if (live) {
    CORRAL_CO_TRY(stream.offset, beginning(call, stream.offset));
  }
  if (stream.offset > stream.log->end())
    co_return fail(ErrorCode::invalid, "parameter \"offset\": {} is past the end, {}",
                   stream.offset, stream.log->end());
  if (live) co_return co_await stream_log(api, call, std::move(stream));
  co_return co_await send_log(call, std::move(stream), std::move(type));
}

// ---- events ----

using Events = Result<std::vector<json::value>>;

// Of one run, or of everything.
struct EventSource {
  engine::Service& service;
  std::optional<RunId> run;
  engine::EventFilter filter = {};  // of everything: which of them

  Task<Events> read(std::uint64_t after, std::uint32_t limit, Duration wait) const {
    if (run) return service.run_events(*run, after, limit, wait);
    auto some = filter;
    some.after_position = after;
    some.limit = limit;
    return service.all_events(std::move(some), wait);
  }
  std::string_view id_field() const { return run ? "version" : "position"; }
};

Task<void> read_into(const EventSource& source, std::uint64_t after, Duration wait, Events& into) {
  into = co_await source.read(after, kEventsAtOnce, wait);
}

Task<Result<void>> stream_events(Api& api, Call& call, EventSource source, std::uint64_t after) {
  // Asked once before the answer starts, so that what is wrong gets a status.
  CORRAL_CO_TRY(auto events, co_await source.read(after, kEventsAtOnce, Duration{0}));
  const OpenStream open(api.metrics());
  CORRAL_CO_CHECK(co_await start_events(call));
  while (!call.out.gone()) {
    std::string out;
    for (const auto& event : events) {
      after = static_cast<std::uint64_t>(find_int(event, {source.id_field()}));
      append_event(out, after, {}, json::serialize(event));
    }
    if (out.empty()) out = kKeepAliveComment;
    CORRAL_CO_CHECK(co_await call.out.write(std::move(out)));
    Events next;
    co_await unless_gone(call.out, read_into(source, after, api.deps().keep_alive, next));
    if (!next) {
      log::warning("http.events_unreadable", {{"what", next.error().describe()}});
      call.out.abort();
      co_return Result<void>{};
    }
    events = *std::move(next);
  }
  co_return Result<void>{};
}

Task<Result<void>> answer_events(Api& api, Call& call, EventSource source, std::uint64_t after) {
  if (call.media_type == kEventStream) {
    CORRAL_CO_TRY(const auto last, beginning(call, after));
    co_return co_await stream_events(api, call, source, last);
  }
  CORRAL_CO_TRY(auto events, co_await source.read(after, limit_of(call), Duration{0}));
  co_return co_await call.document(items(std::move(events)));
}

// "From" names the first one wanted, "after" the last one known.
std::uint64_t before(std::int64_t from) {
  return from > 0 ? static_cast<std::uint64_t>(from) - 1 : 0;
}

Result<engine::EventFilter> filter_of(const Call& call) {
  engine::EventFilter filter;
  const auto from = call.query("from"), after = call.query("after");
  if (const auto time = time_from_rfc3339(from)) {
    filter.from = *time;
  } else if (!from.empty()) {
    if (!after.empty())
      return fail(ErrorCode::invalid,
                  "parameter \"from\": a position in it and \"after\" exclude each other");
    filter.after_position = before(*call.number("from"));
  }
  if (!after.empty() && after != "latest")
    filter.after_position = static_cast<std::uint64_t>(*call.number("after"));
  if (const auto until = call.query("until"); !until.empty())
    filter.until = time_from_rfc3339(until);
  const auto types = call.query("type");
  for (std::string_view rest = types; !rest.empty();) {
    const auto end = std::min(rest.find(','), rest.size());
    if (end > 0) filter.types.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return filter;
}

}  // namespace

Task<Result<void>> get_run_events(Api& api, Call& call) {
  CORRAL_CO_TRY(const auto id, run_of(call));
  co_return co_await answer_events(api, call, EventSource{api.service(), id},
                                   before(call.number("from").value_or(0)));
}

Task<Result<void>> get_all_events(Api& api, Call& call) {
  EventSource source{api.service(), std::nullopt};
  CORRAL_CO_TRY(source.filter, filter_of(call));
  if (call.query("after") == "latest") {
    CORRAL_CO_TRY(source.filter.after_position, co_await api.service().last_position());
  }
  const auto after = source.filter.after_position;
  co_return co_await answer_events(api, call, std::move(source), after);
}

Task<Result<void>> get_log(Api& api, Call& call) {
  CORRAL_CO_TRY(const auto id, run_of(call));
  CORRAL_CO_TRY(auto log, co_await api.service().run_log(id));
  co_return co_await answer_log(
      api, call,
      LogStream{.log = std::move(log), .run = id, .of = id.to_string(), .framing = Framing::text},
      "text/plain; charset=utf-8");
}

Task<Result<void>> get_timeline(Api& api, Call& call) {
  CORRAL_CO_TRY(const auto id, run_of(call));
  CORRAL_CO_TRY(auto log, co_await api.service().run_timeline(id));
  co_return co_await answer_log(
      api, call,
      LogStream{.log = std::move(log), .run = id, .of = id.to_string(), .framing = Framing::lines},
      "application/x-ndjson");
}

Task<Result<void>> get_session_log(Api& api, Call& call) {
  CORRAL_CO_TRY(const auto id, session_of(call));
  CORRAL_CO_TRY(const auto live, co_await api.sessions().open_session(id));
  co_return co_await answer_log(
      api, call,
      LogStream{
          .log = live->output_log(), .run = {}, .of = id.to_string(), .framing = Framing::text},
      "application/octet-stream");
}

}  // namespace corral::edge::endpoints
