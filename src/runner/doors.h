// The workspace's only way out: loopback ports, each connection to which becomes a stream over the
// link. While there is no link, connections are held, so that a server's restart is not seen but by
// requests that were under way.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "runner/link/frame.h"
#include "runner/link_connection.h"
#include "runner/loop.h"

namespace corral::runner {

class Doors {
 public:
  Doors(Loop& loop, LinkConnection& link) : loop_(loop), link_(link) {}
  ~Doors();
  Doors(const Doors&) = delete;
  Doors& operator=(const Doors&) = delete;

  // Listens on 127.0.0.1; port 0 takes a free one. Returns the port.
  Result<std::uint16_t> listen(link::StreamKind kind, std::uint16_t port);

  void on_link_up();
  void on_link_lost();
  void on_frame(const link::Frame& frame);
  // The link takes more again.
  void resume();

 private:
  struct Listener {
    link::StreamKind kind;
    Fd socket;
  };
  struct Stream {
    std::uint32_t id = 0;
    link::StreamKind kind{};
    Fd socket;
    bool announced = false;       // to the server that is linked now
    bool used = false;            // bytes have moved: it cannot be announced again
    bool read_over = false;       // the client writes no more, and the server was told
    bool end_wanted = false;      // the server writes no more
    bool write_over = false;      // and the client was told
    std::uint64_t credit = 0;     // what the server still takes
    std::uint64_t to_return = 0;  // what the client took, and the server does not know yet
    std::string inbound;          // from the server, not yet taken by the client
    std::size_t inbound_begin = 0;
    Loop::Timer hold_timer = 0;
  };

  void accept(Listener& listener);
  void rest_or_listen();
  void announce(Stream& stream);
  void hold(Stream& stream);
  void on_ready(std::uint32_t id, std::uint32_t events);
  void forward(Stream& stream);
  // False when the stream is gone.
  bool deliver(Stream& stream);
  void settle(Stream& stream);
  void close(std::uint32_t id, bool tell);

  Loop& loop_;
  LinkConnection& link_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::map<std::uint32_t, std::unique_ptr<Stream>> streams_;
  std::uint32_t last_id_ = 0;
};

// A network namespace of its own starts with its loopback down. Without the right to, or when it is
// up: nothing.
void bring_loopback_up();

}  // namespace corral::runner
