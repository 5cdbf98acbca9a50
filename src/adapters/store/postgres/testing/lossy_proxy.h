// Stands between a store and its server, and loses what a test says.
#pragma once

#include <atomic>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/fd.h"

namespace corral::adapters::store::postgres::testing {

// On a Unix socket of its own, with a thread for each connection.
class LossyProxy {
 public:
  LossyProxy(std::filesystem::path server_socket);
  ~LossyProxy();
  LossyProxy(const LossyProxy&) = delete;
  LossyProxy& operator=(const LossyProxy&) = delete;

  std::string url(const std::string& database) const;

  enum class Lost {
    request,  // the server never sees it
    answer,   // the server does what it asks, and then the connection is cut
  };
  // Of the next message to the server that contains `marker`. Once.
  void lose(Lost what, std::string marker);
  int lost() const { return lost_; }

 private:
  void accept_all();
  void serve(Fd client);
  bool matches(std::string_view bytes, Lost& what);

  std::filesystem::path folder_, server_socket_;
  Fd listening_, ended_, end_;
  std::mutex mutex_;  // guards what follows
  std::string marker_;
  Lost what_ = Lost::request;
  std::atomic<int> lost_ = 0;
  std::vector<std::jthread> connections_;
  std::jthread accepting_;  // last: it uses all of the above
};

}  // namespace corral::adapters::store::postgres::testing
