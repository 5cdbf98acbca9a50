#include "adapters/http/curl_worker.h"

#include <algorithm>

#include <boost/asio/post.hpp>

namespace corral::adapters::http {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

std::string_view trimmed(std::string_view text) {
  const auto start = text.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos) return {};
  return text.substr(start, text.find_last_not_of(" \t\r\n") - start + 1);
}

constexpr std::size_t kMaxHeaderBytes = 64u << 10;  // of an answer; what is beyond is not kept

}  // namespace

Result<std::shared_ptr<Transfer>> Transfer::make(TransferSpec spec) {
  auto transfer = std::make_shared<Transfer>(std::move(spec));
  CORRAL_CHECK(transfer->set_up());
  return transfer;
}

Transfer::Transfer(TransferSpec spec) : spec_(std::move(spec)), easy_(curl_easy_init()) {}

Transfer::~Transfer() {
  curl_easy_cleanup(easy_);
  curl_slist_free_all(header_list_);
}

Result<void> Transfer::set_up() {
  bool ok = easy_ != nullptr;
  const auto set = [&](CURLoption option, auto value) {
    ok = ok && curl_easy_setopt(easy_, option, value) == CURLE_OK;
  };
  for (const auto& header : spec_.headers) {
    auto* longer = curl_slist_append(header_list_, header.c_str());
    ok = ok && longer != nullptr;
    if (longer != nullptr) header_list_ = longer;
  }
  set(CURLOPT_URL, spec_.url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_HTTPHEADER, header_list_);
  if (spec_.method == "HEAD") {
    set(CURLOPT_NOBODY, 1L);
  } else if (!spec_.body.empty() || spec_.method == "POST") {
    set(CURLOPT_POST, 1L);
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(spec_.body.size()));
    set(CURLOPT_POSTFIELDS, spec_.body.data());
  }
  set(CURLOPT_CUSTOMREQUEST, spec_.method.c_str());
  if (spec_.proxy == TransferSpec::Proxy::none) set(CURLOPT_PROXY, "");
  if (spec_.may_connect) {
    set(CURLOPT_OPENSOCKETFUNCTION, &Transfer::on_open_socket);
    set(CURLOPT_OPENSOCKETDATA, static_cast<void*>(this));
  }
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(spec_.timeout.count()));
  set(CURLOPT_HEADERFUNCTION, &Transfer::on_header);
  set(CURLOPT_HEADERDATA, static_cast<void*>(this));
  set(CURLOPT_WRITEFUNCTION, &Transfer::on_body);
  set(CURLOPT_WRITEDATA, static_cast<void*>(this));
  set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(spec_.connect_timeout.count()));
  set(CURLOPT_LOW_SPEED_LIMIT, 1L);
  set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(spec_.idle_timeout.count()));
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_TCP_NODELAY, 1L);
  set(CURLOPT_ERRORBUFFER, static_cast<char*>(error_));
  if (!ok) return fail(ErrorCode::internal, "libcurl refused the request's settings");
  return {};
}

// Header lines come one by one; an interim answer (100) is followed by the real one's status line.
void Transfer::header_line(std::string_view line) {
  if (line.starts_with("HTTP/")) {
    incoming_ = {};
    header_bytes_ = 0;
    return;
  }
  if (const auto colon = line.find(':'); colon != std::string_view::npos) {
    header_bytes_ += line.size();
    if (header_bytes_ > kMaxHeaderBytes) return;
    auto& value = incoming_.headers[lower(trimmed(line.substr(0, colon)))];
    if (!value.empty()) value += ", ";
    value += trimmed(line.substr(colon + 1));
    return;
  }
  if (!trimmed(line).empty()) return;
  long status = 0;
  curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
  if (status < 200) return;
  incoming_.status = static_cast<int>(status);
  const std::lock_guard lock(mutex_);
  if (outcome_ || head_) return;
  head_ = std::move(incoming_);
  incoming_ = {};
  notify();
}

std::size_t Transfer::on_header(char* data, std::size_t size, std::size_t count, void* self) {
  static_cast<Transfer*>(self)->header_line({data, size * count});
  return size * count;
}

curl_socket_t Transfer::on_open_socket(void* self, curlsocktype, curl_sockaddr* address) {
  auto& transfer = *static_cast<Transfer*>(self);
  if (!transfer.spec_.may_connect(address->addr)) {
    transfer.refused_ = true;
    return CURL_SOCKET_BAD;  // libcurl goes on with the name's next address
  }
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

std::size_t Transfer::on_body(char* data, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  const std::lock_guard lock(transfer.mutex_);
  if (!transfer.buffer_.empty() &&
      transfer.buffer_.size() + size * count > transfer.spec_.max_buffered_bytes) {
    transfer.paused_ = true;
    return CURL_WRITEFUNC_PAUSE;  // libcurl keeps the bytes and stops reading from the socket
  }
  transfer.buffer_.append(data, size * count);
  transfer.notify();
  return size * count;
}

void Transfer::finish(CURLcode code) {
  if (code == CURLE_OK) return finish(Result<void>{});
  if (refused_ && code == CURLE_COULDNT_CONNECT)
    return finish(fail(ErrorCode::forbidden, "{} has no address that may be called", spec_.peer));
  const std::string_view detail =
      error_[0] != '\0' ? std::string_view(error_) : std::string_view(curl_easy_strerror(code));
  curl_off_t took_us = 0;
  curl_easy_getinfo(easy_, CURLINFO_TOTAL_TIME_T, &took_us);
  const bool late = code == CURLE_OPERATION_TIMEDOUT && spec_.timeout.count() > 0 &&
                    std::chrono::microseconds(took_us) >= spec_.timeout;
  finish(fail(late ? ErrorCode::deadline : ErrorCode::unavailable, "{} did not answer: {}",
              spec_.peer, detail));
}

void Transfer::abandon() { finish(fail(ErrorCode::cancelled, "the server is stopping")); }

void Transfer::finish(Result<void> outcome) {
  const std::lock_guard lock(mutex_);
  if (outcome_) return;
  outcome_ = std::move(outcome);
  notify();
}

void Transfer::notify() {
  const auto wake = std::exchange(waiting_, {}).lock();
  if (wake) asio::post(wake->get_executor(), [wake] { wake->cancel(); });
}

void Transfer::detach() {
  const std::lock_guard lock(mutex_);
  waiting_.reset();
}

Transfer::News Transfer::take(const std::shared_ptr<asio::steady_timer>& wake) {
  const std::lock_guard lock(mutex_);
  News news;
  if (head_) news.head = std::move(head_);
  head_.reset();
  news.body = std::exchange(buffer_, {});
  news.resume = std::exchange(paused_, false);
  if (outcome_ && news.body.empty() && !news.head) news.outcome = outcome_;
  news.progress = news.head || !news.body.empty() || outcome_;
  if (!news.progress) waiting_ = wake;
  return news;
}

CurlWorker::CurlWorker() {
  [[maybe_unused]] static const bool initialised =
      curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  multi_ = curl_multi_init();
  CORRAL_ASSERT(multi_ != nullptr);
  thread_ = std::thread([this] { run(); });
}

CurlWorker::~CurlWorker() {
  stop();
  curl_multi_cleanup(multi_);
}

void CurlWorker::add(std::shared_ptr<Transfer> transfer) { order(Order::add, std::move(transfer)); }
void CurlWorker::resume(std::shared_ptr<Transfer> transfer) {
  order(Order::resume, std::move(transfer));
}
void CurlWorker::cancel(std::shared_ptr<Transfer> transfer) {
  order(Order::cancel, std::move(transfer));
}

void CurlWorker::order(Order what, std::shared_ptr<Transfer> transfer) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) {
      if (what == Order::add) transfer->abandon();
      return;
    }
    orders_.emplace_back(what, std::move(transfer));
  }
  curl_multi_wakeup(multi_);
}

void CurlWorker::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  curl_multi_wakeup(multi_);
  if (thread_.joinable()) thread_.join();
}

void CurlWorker::run() {
  for (;;) {
    std::vector<std::pair<Order, std::shared_ptr<Transfer>>> orders;
    bool stopping = false;
    {
      const std::lock_guard lock(mutex_);
      orders.swap(orders_);
      stopping = stopping_;
    }
    for (const auto& [what, transfer] : orders) carry_out(what, transfer);
    if (stopping) break;
    int running = 0;
    curl_multi_perform(multi_, &running);
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      CURL* easy = message->easy_handle;
      const CURLcode code = message->data.result;
      const auto done = std::ranges::find_if(
          active_, [&](const auto& transfer) { return transfer->easy() == easy; });
      curl_multi_remove_handle(multi_, easy);
      if (done == active_.end()) continue;
      const auto transfer = *done;
      active_.erase(done);
      transfer->finish(code);
    }
    // Woken by curl_multi_wakeup; libcurl shortens the wait for its own timers.
    curl_multi_poll(multi_, nullptr, 0, 60'000, nullptr);
  }
  for (const auto& transfer : active_) {
    curl_multi_remove_handle(multi_, transfer->easy());
    transfer->abandon();
  }
  active_.clear();
}

void CurlWorker::carry_out(Order what, const std::shared_ptr<Transfer>& transfer) {
  switch (what) {
    case Order::add:
      if (curl_multi_add_handle(multi_, transfer->easy()) == CURLM_OK)
        active_.insert(transfer);
      else
        transfer->abandon();
      return;
    case Order::resume:
      if (active_.contains(transfer)) curl_easy_pause(transfer->easy(), CURLPAUSE_CONT);
      return;
    case Order::cancel:
      if (active_.erase(transfer) > 0) curl_multi_remove_handle(multi_, transfer->easy());
      return;
  }
}

}  // namespace corral::adapters::http
