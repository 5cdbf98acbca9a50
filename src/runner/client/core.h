// What a RunnerClient is made of: the present connection, the calls that wait for answers, the
// channels that are read. Lives on one executor. Kept alive by the calls and connections that still
// use it.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "runner/client/connection.h"
#include "runner/client/runner_client.h"

namespace corral::runner::client {

class DoorStream;

class Core final : public Connection::Handler, public std::enable_shared_from_this<Core> {
 public:
  struct Reply {
    json::object result;
    std::string body;
  };
  // Runs when the answer arrives, before any frame after it is looked at.
  using OnReply = std::function<void(const json::object& result)>;

  Core(Executor executor, Clock& clock, ClientOptions options);

  void accepted(Fd socket);
  void mark_gone(Error why);
  // The client is destroyed: drops the link, fails the calls.
  void close();

  // Asks the runner, as often as it takes to get an answer: every method of the protocol may be
  // repeated. Waits for the link; fails with `unavailable` once the runner is gone. Cancelling it
  // is told to the runner.
  static Task<Result<Reply>> call(std::shared_ptr<Core> self, std::string method,
                                  json::object params, std::string body = {},
                                  OnReply on_reply = {});
  static Task<Result<std::uint64_t>> read_output(std::shared_ptr<Core> self, std::string channel,
                                                 std::uint64_t from, ports::OutputSink sink);
  static Task<Result<std::uint64_t>> read_output_ahead(std::shared_ptr<Core> self,
                                                       std::string channel, std::uint64_t from,
                                                       ports::OutputSink sink);
  // Inputs of one process go one after the other, in the order of the calls.
  static Task<Result<void>> input(std::shared_ptr<Core> self, std::string process,
                                  std::string input_id, std::string bytes);
  static Task<Result<std::uint64_t>> type(std::shared_ptr<Core> self, std::string process,
                                          std::string source, std::uint64_t offset,
                                          std::string bytes);
  static Task<Result<void>> close_input(std::shared_ptr<Core> self, std::string process);
  // Returns when the link is up, or the runner gone.
  static Task<void> wait_for_link(std::shared_ptr<Core> self);

  const ClientOptions& options() const { return options_; }
  Clock& clock() const { return clock_; }
  bool linked() const { return connection_ != nullptr; }
  const std::optional<Error>& gone() const { return gone_; }
  std::uint16_t gateway_port() const { return gateway_port_; }
  std::uint16_t git_port() const { return git_port_; }

 private:
  struct Call {
    explicit Call(const Executor& executor) : wake(executor) {}
    std::optional<Result<Reply>> reply;
    OnReply on_reply;
    Wake wake;
  };
  struct Reader {
    explicit Reader(const Executor& executor) : wake(executor) {}
    std::uint32_t number = 0;  // 0: not subscribed
    std::uint64_t next = 0;    // offset after the buffer
    std::string buffer;
    bool ended = false;
    std::optional<Error> failed;
    Wake wake;
    std::function<void()> arrived;  // instead of `wake`, for a few bytes more
  };
  class ReaderPlace;
  struct Ahead;
  class InputTurn;

  Result<void> on_frame(Connection& connection, const link::Frame& frame) override;
  Result<void> on_message(Connection& connection, link::Message message, std::string body) override;
  void on_dropped(Connection& connection, const Error& why) override;
  Result<void> on_hello(Connection& connection, const link::Message& message);
  Result<void> check_hello(JsonReader& params);
  Result<void> on_data(const link::Frame& frame);
  void on_notification(const link::Message& message);
  void open_stream(const link::Frame& frame);
  void lose_link();
  Reader* reader_of(std::uint32_t number);
  static Task<Result<void>> subscribe(std::shared_ptr<Core> self, std::string channel,
                                      std::uint64_t from, std::shared_ptr<Reader> reader);
  static Task<Result<std::uint64_t>> give_all(std::shared_ptr<Core> self, std::string channel,
                                              std::shared_ptr<Ahead> ahead, TaskScope& calls);
  static void give_buffer(const std::shared_ptr<Core>& self, const std::shared_ptr<Ahead>& ahead,
                          TaskScope& calls);
  static Task<void> give(std::shared_ptr<Core> self, std::shared_ptr<Ahead> ahead,
                         std::uint64_t offset, std::string bytes);

  Executor executor_;
  Clock& clock_;
  ClientOptions options_;
  std::string boot_;  // of the runner that this client belongs to
  std::uint16_t gateway_port_ = 8377, git_port_ = 9418;
  std::optional<Error> gone_;
  std::shared_ptr<Connection> connection_;  // greeted; null while there is no link
  std::vector<std::weak_ptr<Connection>> greeting_;
  Wake changed_;  // link up, lost, gone
  std::uint32_t last_id_ = 0;
  std::map<std::uint32_t, std::shared_ptr<Call>> calls_;
  std::map<std::string, std::shared_ptr<Reader>> readers_;
  std::map<std::string, std::list<Wake>> input_turns_;
  std::map<std::uint32_t, std::shared_ptr<DoorStream>> streams_;
};

}  // namespace corral::runner::client
