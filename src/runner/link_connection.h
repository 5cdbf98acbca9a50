// The runner's end of the link: dials the server for as long as it takes, says hello, and carries
// frames both ways.
#pragma once

#include <memory>
#include <string>

#include "runner/channel.h"
#include "runner/link/frame.h"
#include "runner/link/message.h"
#include "runner/loop.h"

namespace corral::runner {

class LinkConnection final : public Outlet {
 public:
  class Handler {
   public:
    virtual ~Handler() = default;
    virtual json::object hello() = 0;  // the parameters of the hello request
    virtual void on_link_up() = 0;
    virtual void on_link_lost() = 0;
    virtual void on_door_gone() = 0;  // its folder was deleted: no server comes any more
    virtual void on_message(link::Message message,
                            std::string body) = 0;        // requests and notifications
    virtual void on_frame(const link::Frame& frame) = 0;  // ack and stream frames
  };

  // `door` is the folder that holds the server's socket; not owned. All outlive the link.
  LinkConnection(Loop& loop, int door, Handler& handler)
      : loop_(loop), door_(door), handler_(handler) {}
  ~LinkConnection() override;
  LinkConnection(const LinkConnection&) = delete;
  LinkConnection& operator=(const LinkConnection&) = delete;

  // Connects, now and again whenever the link is lost.
  void dial();
  bool up() const { return state_ == State::up; }

  // All of these do nothing while the link is not up.
  void send(const link::Frame& frame);
  void answer(std::uint32_t id, Result<json::object> result, std::string_view body = {});
  void notify(std::string_view method, json::object params);
  // Writes what is queued; called at the end of each turn.
  void flush();

  bool open() const override;
  void send_data(std::uint32_t channel, std::uint64_t offset, std::string_view bytes,
                 bool end) override;
  void send_failure(const std::string& channel, const Error& error) override;

 private:
  enum class State { down, greeting, up };
  void dial_later();
  void drop(const Error& why);
  void on_ready(std::uint32_t events);
  void on_heartbeat();
  void receive();
  Result<void> take(const link::Frame& frame);
  Result<void> take_control(const link::Frame& frame);
  void update_interest();
  std::size_t queued() const { return out_.size() - out_begin_; }

  Loop& loop_;
  int door_;
  Handler& handler_;
  State state_ = State::down;
  Fd socket_;
  link::FrameReader reader_;
  link::ControlAssembler control_;
  link::Bodies bodies_;
  std::string out_;
  std::size_t out_begin_ = 0;
  bool blocked_ = false;  // the socket takes no more for now
  std::chrono::milliseconds back_off_{};
  Loop::Timer dial_timer_ = 0, heartbeat_timer_ = 0;
  Loop::Clock::time_point heard_at_{};
  std::string refusal_;  // the last one that was written to stderr
};

}  // namespace corral::runner
