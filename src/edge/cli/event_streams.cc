#include "edge/cli/event_streams.h"

#include <algorithm>
#include <list>
#include <map>
#include <optional>
#include <vector>

#include "edge/cli/curl_handle.h"

namespace corral::edge::cli {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kMaxEventBytes = 64u << 20;
constexpr std::size_t kMaxProblemBytes = 64u << 10;
constexpr std::chrono::milliseconds kFirstPause{200}, kLongestPause{3'000};
// The server sends a comment at least every 15 s: a stream that is silent for longer is dead.
constexpr long kSilenceSeconds = 60;

}  // namespace

void EventParser::reset() {
  partial_.clear();
  event_.event.clear();
  event_.data.clear();
  has_data_ = after_return_ = false;
}

void EventParser::feed(std::string_view bytes,
                       const std::function<void(const ServerEvent&)>& on_event) {
  while (!bytes.empty()) {
    if (after_return_ && bytes.front() == '\n') {
      bytes.remove_prefix(1);
      after_return_ = false;
      continue;
    }
    after_return_ = false;
    const auto end = bytes.find_first_of("\r\n");
    if (end == std::string_view::npos) {
      partial_ += bytes;
      if (partial_.size() + event_.data.size() > kMaxEventBytes) reset();
      return;
    }
    after_return_ = bytes[end] == '\r';
    if (partial_.empty()) {
      line(bytes.substr(0, end), on_event);
    } else {
      partial_ += bytes.substr(0, end);
      const auto whole = std::exchange(partial_, {});
      line(whole, on_event);
    }
    bytes.remove_prefix(end + 1);
  }
}

void EventParser::line(std::string_view text,
                       const std::function<void(const ServerEvent&)>& on_event) {
  if (text.empty()) {
    if (has_data_) on_event(event_);
    event_.event.clear();
    event_.data.clear();
    has_data_ = false;
    return;
  }
  const auto colon = text.find(':');
  const auto field = text.substr(0, colon);
  auto value = colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "data") {
    if (has_data_) event_.data += '\n';
    event_.data += value;
    has_data_ = true;
  } else if (field == "event") {
    event_.event = value;
  } else if (field == "id" && !value.contains('\0')) {
    event_.id = value;
  }
}

struct EventStreams::Impl {
  struct Stream {
    Impl* impl = nullptr;
    std::string path;
    OnEvent on_event;
    EventParser parser;
    std::string last_id;
    CurlEasy easy;
    CurlList headers;
    Endpoint endpoint;
    std::string problem;  // the body of an answer that is no stream
    char words[CURL_ERROR_SIZE] = "";
    SteadyClock::time_point due{};  // of the next attempt
    std::chrono::milliseconds pause{kFirstPause};
    std::optional<SteadyClock::time_point> lost_since;
    bool connected = false;  // something of the stream has come since the connection was made
    bool ended = false;
  };

  std::function<Endpoint()> endpoint;
  CurlMulti multi{curl_multi_init()};
  std::list<Stream> streams;
  std::map<int, std::function<void()>> watched;
  std::function<void(const Error&)> lost;
  std::function<void()> back;
  std::chrono::milliseconds limit{120'000};
  bool stopped = false;
  bool reported = false;

  static std::size_t on_bytes(char* data, std::size_t size, std::size_t count, void* user) {
    auto& stream = *static_cast<Stream*>(user);
    return stream.impl->take(stream, std::string_view(data, size * count)) ? size * count : 0;
  }

  bool take(Stream& stream, std::string_view bytes) {
    long status = 0;
    curl_easy_getinfo(stream.easy.get(), CURLINFO_RESPONSE_CODE, &status);
    if (status != 200) {
      stream.problem +=
          bytes.substr(0, kMaxProblemBytes - std::min(kMaxProblemBytes, stream.problem.size()));
      return true;
    }
    stream.connected = true;
    stream.lost_since.reset();
    stream.pause = kFirstPause;
    if (reported && std::ranges::none_of(
                        streams, [](const Stream& each) { return each.lost_since.has_value(); })) {
      reported = false;
      if (back) back();
    }
    stream.parser.feed(bytes, [&](const ServerEvent& event) {
      if (stream.ended || stopped) return;
      stream.last_id = event.id;
      if (stream.on_event(event) == Next::end) stream.ended = true;
    });
    return !stream.ended && !stopped;
  }

  void connect(Stream& stream) {
    stream.endpoint = endpoint();
    stream.easy = make_easy();
    stream.headers.reset();
    stream.problem.clear();
    stream.connected = false;
    stream.parser.reset();
    append(stream.headers, "Accept: text/event-stream");
    if (!stream.last_id.empty()) append(stream.headers, "Last-Event-ID: " + stream.last_id);
    auto* easy = stream.easy.get();
    prepare(easy, stream.endpoint, stream.path, stream.headers);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, stream.words);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &Impl::on_bytes);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &stream);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, &stream);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, kSilenceSeconds);
    curl_multi_add_handle(multi.get(), easy);
  }

  void disconnect(Stream& stream) {
    if (!stream.easy) return;
    curl_multi_remove_handle(multi.get(), stream.easy.get());
    stream.easy.reset();
  }

  // A transfer is over: for good, to be tried again, or refused.
  Result<void> finished(Stream& stream, CURLcode code) {
    long status = 0;
    curl_easy_getinfo(stream.easy.get(), CURLINFO_RESPONSE_CODE, &status);
    disconnect(stream);
    if (stream.ended || stopped) return {};
    const bool refused = status >= 400 && status < 500 && status != 408 && status != 429;
    if (refused) return std::unexpected(problem_error(status, stream.problem));
    const auto now = SteadyClock::now();
    if (!stream.lost_since) stream.lost_since = now;
    auto error = status >= 500 ? problem_error(status, stream.problem)
                               : transfer_error(code == CURLE_OK ? CURLE_GOT_NOTHING : code,
                                                stream.words, stream.endpoint);
    if (now - *stream.lost_since > limit) return std::unexpected(std::move(error));
    // A stream that the server ended tidily after it had said something (its restart, say) is no
    // news at once.
    if (!reported && !(code == CURLE_OK && stream.connected)) {
      reported = true;
      if (lost) lost(error);
    }
    stream.due = now + stream.pause;
    stream.pause = std::min(stream.pause * 2, kLongestPause);
    return {};
  }

  bool any_open() const {
    return std::ranges::any_of(streams, [](const Stream& stream) { return !stream.ended; });
  }

  void start_due() {
    for (auto& stream : streams)
      if (!stream.ended && !stream.easy && SteadyClock::now() >= stream.due) connect(stream);
  }

  Result<void> collect() {
    int left = 0;
    while (const auto* message = curl_multi_info_read(multi.get(), &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      Stream* stream = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &stream);
      CORRAL_CHECK(finished(*stream, message->data.result));
    }
    return {};
  }

  void wait() {
    std::vector<curl_waitfd> fds;
    fds.reserve(watched.size());
    for (const auto& [fd, call] : watched)
      fds.push_back({.fd = fd, .events = CURL_WAIT_POLLIN, .revents = 0});
    auto timeout = std::chrono::milliseconds(1'000);
    for (const auto& stream : streams)
      if (!stream.ended && !stream.easy)
        timeout = std::clamp(
            std::chrono::duration_cast<std::chrono::milliseconds>(stream.due - SteadyClock::now()) +
                std::chrono::milliseconds(1),
            std::chrono::milliseconds(0), timeout);
    curl_multi_poll(multi.get(), fds.data(), static_cast<unsigned>(fds.size()),
                    static_cast<int>(timeout.count()), nullptr);
    for (const auto& fd : fds) {
      if (fd.revents == 0) continue;
      // The callback may change what is watched.
      if (const auto at = watched.find(fd.fd); at != watched.end()) {
        const auto call = at->second;
        call();
      }
    }
  }
};

EventStreams::EventStreams(std::function<Endpoint()> endpoint) : impl_(std::make_unique<Impl>()) {
  impl_->endpoint = std::move(endpoint);
}

EventStreams::~EventStreams() {
  for (auto& stream : impl_->streams) impl_->disconnect(stream);
}

void EventStreams::add(std::string path, OnEvent on_event) {
  auto& stream = impl_->streams.emplace_back();
  stream.impl = impl_.get();
  stream.path = std::move(path);
  stream.on_event = std::move(on_event);
}

void EventStreams::watch(int fd, std::function<void()> on_readable) {
  impl_->watched[fd] = std::move(on_readable);
}
void EventStreams::unwatch(int fd) { impl_->watched.erase(fd); }
void EventStreams::on_lost(std::function<void(const Error&)> lost, std::function<void()> back) {
  impl_->lost = std::move(lost);
  impl_->back = std::move(back);
}
void EventStreams::give_up_after(std::chrono::milliseconds limit) { impl_->limit = limit; }
void EventStreams::stop() { impl_->stopped = true; }

Result<void> EventStreams::run() {
  while (!impl_->stopped && impl_->any_open()) {
    impl_->start_due();
    int running = 0;
    curl_multi_perform(impl_->multi.get(), &running);
    CORRAL_CHECK(impl_->collect());
    if (!impl_->stopped && impl_->any_open()) impl_->wait();
  }
  return {};
}

}  // namespace corral::edge::cli
