#include "session/relay.h"

#include <array>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/subprocess.h"

namespace corral::bench {
namespace {

struct Ends {
  Fd ours, theirs;
};

Ends unix_ends() {
  int ends[2];
  CORRAL_ASSERT(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  return {Fd(ends[0]), Fd(ends[1])};
}

Ends tcp_ends() {
  const Fd listener(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const name = reinterpret_cast<sockaddr*>(&address);
  CORRAL_ASSERT(::bind(listener.get(), name, size) == 0 && ::listen(listener.get(), 1) == 0 &&
                ::getsockname(listener.get(), name, &size) == 0);
  Fd ours(::socket(AF_INET, SOCK_STREAM, 0));
  CORRAL_ASSERT(::connect(ours.get(), name, size) == 0);
  Fd theirs(::accept(listener.get(), nullptr, nullptr));
  const int on = 1;
  for (const auto* end : {&ours, &theirs})
    CORRAL_ASSERT(::setsockopt(end->get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0);
  return {std::move(ours), std::move(theirs)};
}

}  // namespace

void copy() {
  constexpr int kNear = 0, kFar = 1;
  const Fd epoll(::epoll_create1(0));
  for (const int fd : {kNear, kFar}) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    CORRAL_ASSERT(::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd, &event) == 0);
  }
  static char buffer[64 << 10];
  for (;;) {
    std::array<epoll_event, 2> events;
    const int count = ::epoll_wait(epoll.get(), events.data(), events.size(), -1);
    for (int i = 0; i < count; ++i) {
      const int from = events[i].data.fd;
      const auto got = ::read(from, buffer, sizeof buffer);
      if (got <= 0) return;
      for (ssize_t done = 0; done < got;) {
        const auto written = ::write(from == kNear ? kFar : kNear, buffer + done,
                                     static_cast<std::size_t>(got - done));
        if (written <= 0) return;
        done += written;
      }
    }
  }
}

Fd through_processes(Fd terminal, int processes) {
  Fd far = std::move(terminal);
  for (int i = 1; i <= processes; ++i) {
    auto [ours, theirs] = i == processes ? tcp_ends() : unix_ends();
    CORRAL_ASSERT(spawn({.argv = {"/proc/self/exe", "copy"},
                         .env = {},
                         .cwd = {},
                         .stdin_fd = theirs.get(),
                         .stdout_fd = far.get(),
                         .stderr_fd = STDERR_FILENO,
                         .extra = {}}));
    far = std::move(ours);
  }
  return far;
}

}  // namespace corral::bench
