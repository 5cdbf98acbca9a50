#include "edge/http/server.h"

#include <algorithm>
#include <set>

#include <sys/socket.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/log.h"
#include "edge/http/connection.h"
#include "edge/http/problem.h"

namespace corral::edge {

using asio::ip::tcp;

std::optional<std::string> Request::query_value(std::string_view name) const {
  for (const auto& [key, value] : query)
    if (key == name) return value;
  return std::nullopt;
}

std::string_view Request::header(std::string_view name) const {
  const auto at = headers.find(std::string(name));
  return at == headers.end() ? std::string_view() : std::string_view(at->second);
}

// Shared with the connections' tasks, which may be destroyed after the server (with the
// io_context).
using Connections = std::set<Connection*>;

struct HttpServer::Impl {
  Impl(Executor on, Handler handles, ServerOptions with)
      : executor(std::move(on)),
        handler(std::move(handles)),
        options(with),
        sweep(executor),
        scope(executor) {}

  Task<void> accept(std::shared_ptr<tcp::acceptor> acceptor);
  void start(StreamSocket socket, std::string peer);
  static Task<void> serve(std::shared_ptr<Connections> registry,
                          std::shared_ptr<Connection> connection);
  Task<void> enforce_deadlines();

  Executor executor;
  Handler handler;
  ServerOptions options;
  std::vector<std::shared_ptr<tcp::acceptor>> acceptors;
  std::shared_ptr<Connections> connections = std::make_shared<Connections>();
  asio::steady_timer sweep;
  bool sweeping = false;
  TaskScope scope;
};

HttpServer::HttpServer(Executor executor, Handler handler, ServerOptions options)
    : impl_(std::make_unique<Impl>(std::move(executor), std::move(handler), options)) {}

HttpServer::~HttpServer() = default;

Result<std::uint16_t> HttpServer::listen(std::string_view address, std::uint16_t port) {
  boost::system::error_code error;
  const auto ip = asio::ip::make_address(std::string(address), error);
  if (error) return fail(ErrorCode::invalid, "\"{}\" is not an IP address to listen on", address);
  auto acceptor = std::make_shared<tcp::acceptor>(impl_->executor);
  const tcp::endpoint endpoint(ip, port);
  if (!error) acceptor->open(endpoint.protocol(), error);
  if (!error) acceptor->set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor->bind(endpoint, error);
  if (!error) acceptor->listen(asio::socket_base::max_listen_connections, error);
  if (error)
    return std::unexpected(
        errno_error(error.value(), fmt::format("listening on {} port {}", address, port)));
  const auto chosen = acceptor->local_endpoint(error).port();
  if (error) return std::unexpected(errno_error(error.value(), "reading the port"));
  impl_->acceptors.push_back(acceptor);
  impl_->scope.start("http.accept", impl_->accept(std::move(acceptor)));
  return chosen;
}

Task<void> HttpServer::Impl::accept(std::shared_ptr<tcp::acceptor> acceptor) {
  while (true) {
    boost::system::error_code error;
    tcp::socket socket =
        co_await acceptor->async_accept(executor, asio::redirect_error(asio::use_awaitable, error));
    if (error == asio::error::operation_aborted || error == asio::error::bad_descriptor) co_return;
    if (error) {
      // Out of descriptors or memory: the backlog holds the callers until some are free again.
      log::warning("http.accept_failed", {{"what", error.message()}});
      asio::steady_timer pause(executor, std::chrono::milliseconds(100));
      co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
      continue;
    }
    boost::system::error_code ignored;
    const auto peer = socket.remote_endpoint(ignored);
    socket.set_option(tcp::no_delay(true), ignored);
    start(StreamSocket(std::move(socket)), peer.address().to_string());
  }
}

void HttpServer::Impl::start(StreamSocket socket, std::string peer) {
  if (connections->size() >= options.max_connections) {
    const std::string body =
        problem_json(503, "unavailable", "too many connections are open; try again soon", {});
    const std::string answer = fmt::format(
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: {}\r\nRetry-After: 1\r\nConnection: "
        "close\r\nContent-Length: {}\r\n\r\n{}",
        kProblemType, body.size(), body);
    // Best effort: there is no connection object to wait in.
    [[maybe_unused]] const auto sent =
        ::send(socket.native_handle(), answer.data(), answer.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return;
  }
  auto connection =
      std::make_shared<Connection>(std::move(socket), std::move(peer), handler, options);
  scope.start("http.connection", serve(connections, std::move(connection)));
  if (!sweeping) {
    sweeping = true;
    scope.start("http.deadlines", enforce_deadlines());
  }
}

Task<void> HttpServer::Impl::serve(std::shared_ptr<Connections> registry,
                                   std::shared_ptr<Connection> connection) {
  registry->insert(connection.get());
  // Also when the task is cancelled: the frame's destruction takes the connection off the list.
  const std::shared_ptr<void> off_the_list(
      nullptr, [registry, connection](void*) { registry->erase(connection.get()); });
  co_await connection->run();
}

Task<void> HttpServer::Impl::enforce_deadlines() {
  const auto step = std::clamp(options.idle_timeout / 4, std::chrono::milliseconds(5),
                               std::chrono::milliseconds(1000));
  do {
    sweep.expires_after(step);
    boost::system::error_code error;
    co_await sweep.async_wait(asio::redirect_error(asio::use_awaitable, error));
    const auto now = std::chrono::steady_clock::now();
    for (auto* connection : *connections) connection->enforce_deadline(now);
  } while (!connections->empty());
  sweeping = false;
}

void HttpServer::serve(Fd connection, std::string peer) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  boost::system::error_code error;
  StreamSocket socket(impl_->executor);
  if (::getsockname(connection.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    log::warning("http.not_a_socket",
                 {{"what", errno_error(errno, "serving a connection").message}});
    return;
  }
  socket.assign(asio::generic::stream_protocol(address.ss_family, 0), connection.get(), error);
  if (error) {
    log::warning("http.not_a_socket", {{"what", error.message()}});
    return;
  }
  connection.release();
  impl_->start(std::move(socket), std::move(peer));
}

Task<void> HttpServer::stop() {
  boost::system::error_code ignored;
  for (const auto& acceptor : impl_->acceptors) acceptor->close(ignored);
  co_await impl_->scope.stop();
}

}  // namespace corral::edge
