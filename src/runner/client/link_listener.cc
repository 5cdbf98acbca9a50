#include <cerrno>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/log.h"
#include "runner/client/runner_client.h"
#include "runner/link/protocol.h"

namespace corral::runner::client {
namespace {

constexpr int kBacklog = 16;
constexpr Duration kRetry{100};

Result<Fd> listen_in(int door) {
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return std::unexpected(errno_error(errno, "cannot make a socket"));
  ::unlinkat(door, link::kSocketName.data(), 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  fmt::format_to_n(address.sun_path, sizeof address.sun_path - 1, "/proc/self/fd/{}/{}", door,
                   link::kSocketName);
  if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::fchmodat(door, link::kSocketName.data(), 0666, 0) != 0 ||
      ::listen(socket.get(), kBacklog) != 0)
    return std::unexpected(errno_error(errno, "cannot listen for the runner"));
  return socket;
}

}  // namespace

struct LinkListener::State {
  State(const Executor& executor, std::shared_ptr<RunnerClient> wanted)
      : client(std::move(wanted)), acceptor(executor), scope(executor) {}
  std::shared_ptr<RunnerClient> client;
  asio::local::stream_protocol::acceptor acceptor;
  TaskScope scope;

  static Task<void> accept(std::shared_ptr<State> self) {
    for (;;) {
      boost::system::error_code error;
      auto socket =
          co_await self->acceptor.async_accept(asio::redirect_error(asio::use_awaitable, error));
      if (error == asio::error::operation_aborted) co_return;
      if (error) {  // out of descriptors: later perhaps
        log::warning("runner.accept_failed",
                     {{"workspace", self->client->id().to_string()}, {"why", error.message()}});
        co_await SystemClock::instance().sleep(kRetry);
        continue;
      }
      self->client->accepted(Fd(socket.release()));
    }
  }
};

Result<std::unique_ptr<LinkListener>> LinkListener::listen(Executor executor, int door,
                                                           std::shared_ptr<RunnerClient> client) {
  CORRAL_TRY(auto socket, listen_in(door));
  auto state = std::make_shared<State>(executor, std::move(client));
  boost::system::error_code failed;
  state->acceptor.assign(asio::local::stream_protocol(), socket.get(), failed);
  if (failed)
    return fail(ErrorCode::exhausted, "cannot listen for the runner: {}", failed.message());
  socket.release();
  state->scope.start("runner link: accept", State::accept(state));
  return std::unique_ptr<LinkListener>(new LinkListener(std::move(state)));
}

LinkListener::LinkListener(std::shared_ptr<State> state) : state_(std::move(state)) {}

LinkListener::~LinkListener() {
  boost::system::error_code ignored;
  state_->acceptor.close(ignored);
  state_->scope.cancel();
}

}  // namespace corral::runner::client
