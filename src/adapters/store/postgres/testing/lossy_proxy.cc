#include "adapters/store/postgres/testing/lossy_proxy.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/files.h"

namespace corral::adapters::store::postgres::testing {
namespace {

sockaddr_un address_of(const std::filesystem::path& path) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  return address;
}

// What is there to read; empty at the end.
std::string receive(int fd) {
  std::array<char, 65536> bytes;
  const auto got = ::recv(fd, bytes.data(), bytes.size(), 0);
  return got > 0 ? std::string(bytes.data(), static_cast<std::size_t>(got)) : std::string();
}

// False when the other side has gone: an answer like any other here, and no SIGPIPE.
bool pass_on(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool readable(int fd, int also, bool& ended) {
  std::array polled{pollfd{fd, POLLIN, 0}, pollfd{also, POLLIN, 0}};
  ::poll(polled.data(), polled.size(), -1);
  ended = polled[1].revents != 0;
  return polled[0].revents != 0;
}

}  // namespace

LossyProxy::LossyProxy(std::filesystem::path server_socket)
    : server_socket_(std::move(server_socket)) {
  std::string name = (std::filesystem::temp_directory_path() / "corral-proxy-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
  folder_ = name;
  std::array<int, 2> pipe{};
  if (::pipe(pipe.data()) != 0) throw std::runtime_error("no pipe");
  ended_.reset(pipe[0]), end_.reset(pipe[1]);
  listening_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto address = address_of(folder_ / ".s.PGSQL.5432");
  if (::bind(listening_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listening_.get(), 16) != 0)
    throw std::runtime_error("the proxy cannot listen");
  accepting_ = std::jthread([this] { accept_all(); });
}

LossyProxy::~LossyProxy() {
  end_.reset();  // seen by all who poll the other end
  accepting_ = {};
  connections_.clear();
  (void)remove_tree(folder_);
}

std::string LossyProxy::url(const std::string& database) const {
  std::string host = folder_.string();
  for (auto at = host.find('/'); at != std::string::npos; at = host.find('/', at + 3))
    host.replace(at, 1, "%2F");
  return fmt::format("postgres://corral@{}/{}", host, database);
}

void LossyProxy::lose(Lost what, std::string marker) {
  std::scoped_lock lock(mutex_);
  what_ = what;
  marker_ = std::move(marker);
}

bool LossyProxy::matches(std::string_view bytes, Lost& what) {
  std::scoped_lock lock(mutex_);
  if (marker_.empty() || bytes.find(marker_) == std::string_view::npos) return false;
  marker_.clear();
  what = what_;
  ++lost_;
  return true;
}

void LossyProxy::accept_all() {
  for (bool ended = false;;) {
    const bool coming = readable(listening_.get(), ended_.get(), ended);
    if (ended) return;
    if (!coming) continue;
    Fd client(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    connections_.emplace_back([this, fd = client.release()] { serve(Fd(fd)); });
  }
}

void LossyProxy::serve(Fd client) {
  const Fd server(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto address = address_of(server_socket_);
  if (::connect(server.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return;
  for (;;) {
    std::array polled{pollfd{client.get(), POLLIN, 0}, pollfd{server.get(), POLLIN, 0},
                      pollfd{ended_.get(), POLLIN, 0}};
    ::poll(polled.data(), polled.size(), -1);
    if (polled[2].revents != 0) return;
    if (polled[0].revents != 0) {
      const auto bytes = receive(client.get());
      if (bytes.empty()) return;
      Lost what{};
      const bool lose = matches(bytes, what);
      if (lose && what == Lost::request) return;
      if (!pass_on(server.get(), bytes)) return;
      // The server answers a pipeline after its commit.
      bool ended = false;
      if (lose) {
        (void)readable(server.get(), ended_.get(), ended);
        return;
      }
    }
    if (polled[1].revents != 0) {
      const auto bytes = receive(server.get());
      if (bytes.empty() || !pass_on(client.get(), bytes)) return;
    }
  }
}

}  // namespace corral::adapters::store::postgres::testing
