// The runner's parts put together: what the server asks for over the link, done.
#pragma once

#include <memory>
#include <string>

#include "runner/config.h"
#include "runner/doors.h"
#include "runner/link_connection.h"
#include "runner/loop.h"
#include "runner/process_table.h"
#include "runner/spool.h"

namespace corral::runner {

class Runner final : private LinkConnection::Handler {
 public:
  // `door` and `loop` outlive it. `boot` is this runner's own name, new at each start.
  Runner(Loop& loop, int door, Config config, Spool spool, std::string boot);
  ~Runner() override;

  // Opens the ports of the door and dials the server.
  Result<void> begin();
  // A child has ended.
  void on_child() { table_.reap(); }
  // Kills everything; the loop stops once it is gone.
  void shut_down();

 private:
  json::object hello() override;
  void on_link_up() override;
  void on_link_lost() override;
  void on_door_gone() override;
  void on_message(link::Message message, std::string body) override;
  void on_frame(const link::Frame& frame) override;
  void at_end_of_turn();
  void wait_for_server();

  // Answers at once, or nothing when the answer comes later.
  std::optional<Result<json::object>> handle(link::Message& message, std::string& body);
  Result<json::object> start(JsonReader& params);
  std::optional<Result<json::object>> wait(std::uint32_t request, JsonReader& params);
  Result<json::object> read(JsonReader& params);
  Result<json::object> stop_reading(JsonReader& params);
  std::optional<Result<json::object>> input(std::uint32_t request, JsonReader& params,
                                            std::string body);
  std::optional<Result<json::object>> type(std::uint32_t request, JsonReader& params,
                                           std::string body);
  Result<json::object> close_input(JsonReader& params);
  Result<json::object> resize(JsonReader& params);
  Result<json::object> signal(JsonReader& params);
  std::optional<Result<json::object>> read_file(std::uint32_t request, JsonReader& params);
  Result<json::object> write_file(JsonReader& params, std::string_view body);
  Result<json::object> list_folder(JsonReader& params);
  // "/workspace/x" → the folder that it may not leave, and "x".
  Result<std::pair<std::string, std::string>> locate(const std::string& path) const;

  Loop& loop_;
  Config config_;
  std::string boot_;
  Spool spool_;
  LinkConnection link_;
  Doors doors_;
  ProcessTable table_;
  std::uint16_t gateway_port_ = 0, git_port_ = 0;
  Loop::Timer orphan_timer_ = 0, end_timer_ = 0;
  int end_rounds_ = 0;
  std::deque<std::string> signals_done_;  // keys of the last ones: a signal sent again after a lost
                                          // link is not repeated
};

}  // namespace corral::runner
