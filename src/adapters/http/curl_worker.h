// HTTP transfers on libcurl's multi interface, run by one thread; their results are taken by
// coroutines elsewhere.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <curl/curl.h>
#include <sys/socket.h>
#include <boost/asio/steady_timer.hpp>

#include "base/error.h"
#include "base/task.h"

namespace corral::adapters::http {

struct TransferSpec {
  std::string method = "POST";
  std::string url, body;
  std::vector<std::string> headers;  // "name: value"
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::seconds idle_timeout{600};  // without a single byte
  std::chrono::milliseconds timeout{0};    // of all of it; 0: none
  std::size_t max_buffered_bytes = 256u << 10;
  std::string peer;  // for errors: "the model provider at https://…"
  enum class Proxy { environment, none } proxy = Proxy::environment;
  // Asked on the worker's thread about each address before it is connected to, and the connection
  // is made to that very address. Null: any.
  std::function<bool(const sockaddr& address)> may_connect;
};

struct TransferHead {
  int status = 0;
  std::map<std::string, std::string> headers;  // lower-case names; repeated ones joined by ", "
};

// One request and its answer. The worker's thread fills it, one coroutine empties it. The thread
// may drop it last, when the coroutine's context is gone: so it owns nothing of that context.
class Transfer {
 public:
  static Result<std::shared_ptr<Transfer>> make(TransferSpec spec);
  explicit Transfer(TransferSpec spec);
  ~Transfer();
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  // ---- for the coroutine ----
  struct News {
    std::optional<TransferHead> head;
    std::string body;
    std::optional<Result<void>> outcome;  // set alone, once all else has been taken
    bool resume = false;                  // it had paused for want of room, and has room again
    bool progress = false;                // any of the above
  };
  // When it has none, `wake` is cancelled, on its own executor, once it may have some.
  News take(const std::shared_ptr<asio::steady_timer>& wake);
  void detach();  // no wake-up begins after this

  // ---- for the worker's thread ----
  void finish(CURLcode code);
  void abandon();
  CURL* easy() const { return easy_; }

 private:
  Result<void> set_up();
  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self);
  static curl_socket_t on_open_socket(void* self, curlsocktype purpose, curl_sockaddr* address);
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);
  void header_line(std::string_view line);
  void finish(Result<void> outcome);
  void notify();  // with the mutex held

  TransferSpec spec_;
  CURL* easy_ = nullptr;
  curl_slist* header_list_ = nullptr;
  char error_[CURL_ERROR_SIZE] = {};
  // ---- the worker's thread only ----
  TransferHead incoming_;  // while header lines come in
  std::size_t header_bytes_ = 0;
  bool refused_ = false;  // an address that may not be connected to

  std::mutex mutex_;
  std::optional<TransferHead> head_;
  std::string buffer_;
  std::optional<Result<void>> outcome_;
  bool paused_ = false;
  std::weak_ptr<asio::steady_timer> waiting_;
};

// Owns the thread. All of it may be called from any thread.
class CurlWorker {
 public:
  CurlWorker();
  ~CurlWorker();
  CurlWorker(const CurlWorker&) = delete;
  CurlWorker& operator=(const CurlWorker&) = delete;

  void add(std::shared_ptr<Transfer> transfer);
  void resume(std::shared_ptr<Transfer> transfer);
  void cancel(std::shared_ptr<Transfer> transfer);  // no news after this; nothing when it has ended
  void stop();  // ends the transfers under way and the thread; idempotent

 private:
  enum class Order { add, resume, cancel };
  void order(Order what, std::shared_ptr<Transfer> transfer);
  void run();
  void carry_out(Order what, const std::shared_ptr<Transfer>& transfer);

  CURLM* multi_;
  std::mutex mutex_;
  std::vector<std::pair<Order, std::shared_ptr<Transfer>>> orders_;
  bool stopping_ = false;
  std::set<std::shared_ptr<Transfer>> active_;  // the thread's own
  std::thread thread_;
};

}  // namespace corral::adapters::http
