// Server-sent events (WHATWG HTML, 9.2) of several resources at once, with reconnection, on one
// thread that also waits for the keyboard and for signals.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "edge/cli/http_client.h"

namespace corral::edge::cli {

struct ServerEvent {
  std::string id;     // the last one given
  std::string event;  // empty: "message"
  std::string data;
};

// Takes the stream in any split. At most 64 MiB of an unfinished event; more is dropped and counts
// as the end of it.
class EventParser {
 public:
  void feed(std::string_view bytes, const std::function<void(const ServerEvent&)>& on_event);
  // After a broken connection: what is unfinished never comes.
  void reset();

 private:
  void line(std::string_view text, const std::function<void(const ServerEvent&)>& on_event);
  std::string partial_;
  ServerEvent event_;
  bool has_data_ = false;
  bool after_return_ = false;
};

class EventStreams {
 public:
  enum class Next { more, end };
  using OnEvent = std::function<Next(const ServerEvent&)>;

  // `endpoint` is asked anew before each connection: a server that was restarted may be elsewhere.
  explicit EventStreams(std::function<Endpoint()> endpoint);
  ~EventStreams();
  EventStreams(const EventStreams&) = delete;
  EventStreams& operator=(const EventStreams&) = delete;

  // Streams `path` until on_event returns `end`; after a lost connection again, with Last-Event-ID.
  void add(std::string path, OnEvent on_event);
  // Calls `on_readable` when the descriptor has something. Not owned.
  void watch(int fd, std::function<void()> on_readable);
  void unwatch(int fd);
  // Called once when a connection is lost, and once when all are back.
  void on_lost(std::function<void(const Error&)> lost, std::function<void()> back);
  // Gives up when a stream has been without connection for this long (default: 2 minutes).
  void give_up_after(std::chrono::milliseconds limit);

  // Runs until every stream has ended or stop() was called. `unavailable` when it gave up; what the
  // server says when it refuses a stream. May be called from one thread; the callbacks run in it.
  Result<void> run();
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace corral::edge::cli
