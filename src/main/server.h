// `corral serve`, embedded: every part, constructed and wired. The only place that knows them all.
#pragma once

#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>

#include "base/error.h"
#include "base/task.h"
#include "main/settings.h"

namespace corral {

// Lives on the io_context that it is given (one thread runs it).
class Server {
 public:
  // Opens the data folder and checks everything that can be checked before listening.
  static Task<Result<std::unique_ptr<Server>>> start(asio::io_context& context, Settings settings);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::string url() const;
  std::string token() const;  // for Authorization; empty when none is needed

  // Stops listening and driving runs. Workspaces go on; the next server attaches to them. Await
  // before destruction.
  Task<void> stop();

 private:
  struct Parts;
  explicit Server(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace corral
