// The sessions of a workspace over one WebSocket (docs/websocket.md): channels, each with a task
// that sends what its session prints and one that types.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>

#include "base/condition.h"
#include "base/task.h"
#include "edge/websocket/websocket.h"
#include "engine/session_service.h"

namespace corral::edge {

class SessionSocket {
 public:
  struct Caller {
    std::string actor;
    // Of a share link: this session alone, and no more than this role, for as long as its token is
    // good.
    std::optional<engine::SessionService::Guest> guest;
    std::string share;
  };
  // `sessions` outlives it.
  SessionSocket(engine::SessionService& sessions, std::unique_ptr<WebSocket> socket,
                WorkspaceId workspace, Caller caller, Executor executor, Clock& clock);

  // Serves until either side closes.
  Task<void> run();

 private:
  struct Channel;
  using ChannelPtr = std::shared_ptr<Channel>;

  Task<void> converse();
  Task<bool> greet();
  Task<void> on_message(const json::value& message);
  Task<Result<void>> handle(std::string_view type, const json::value& message);
  Task<Result<void>> attach(const json::value& message);
  Task<Result<void>> on_frame(std::string_view message);
  Result<ChannelPtr> channel_of(const json::value& message) const;

  // The life of a channel.
  Task<void> serve(ChannelPtr channel);
  Task<Result<void>> begin(const ChannelPtr& channel);
  Task<Result<void>> pump(const ChannelPtr& channel);
  Task<Result<void>> send_news(const ChannelPtr& channel);
  Task<Result<void>> send_snapshot(const ChannelPtr& channel);
  Task<Result<void>> send_output(const ChannelPtr& channel, std::uint64_t until);
  Task<Result<void>> send_typed(const ChannelPtr& channel);
  Task<Result<bool>> send_end(const ChannelPtr& channel);
  Task<void> type(ChannelPtr channel, std::shared_ptr<session::LiveSession::Seat> seat);
  Task<Result<void>> check_guest();
  Task<Result<void>> keyboard(const ChannelPtr& channel, const json::value& message);

  Task<Result<void>> tell(json::object message);
  Task<void> complain(std::optional<std::uint32_t> channel, std::string_view of,
                      const Error& error);

  engine::SessionService& sessions_;
  std::unique_ptr<WebSocket> socket_;
  const WorkspaceId workspace_;
  const Caller caller_;
  Clock& clock_;
  std::string viewer_, name_;  // as the client's hello says
  Time guest_checked_{};
  std::map<std::uint32_t, ChannelPtr> channels_;
  TaskScope tasks_;
};

}  // namespace corral::edge
