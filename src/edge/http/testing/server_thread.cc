#include "edge/http/testing/server_thread.h"

#include <future>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

namespace corral::edge::testing {

struct ServerThread::Impl {
  asio::io_context context;
  asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
  std::unique_ptr<HttpServer> server;
  std::thread thread;
};

ServerThread::ServerThread(std::function<Handler(Executor)> make_handler, ServerOptions options)
    : impl_(std::make_unique<Impl>()) {
  impl_->server = std::make_unique<HttpServer>(
      impl_->context.get_executor(), make_handler(impl_->context.get_executor()), options);
  port_ = impl_->server->listen("127.0.0.1", 0).value();
  impl_->thread = std::thread([impl = impl_.get()] { impl->context.run(); });
}

ServerThread::~ServerThread() { stop(); }

void ServerThread::stop() {
  if (!impl_->thread.joinable()) return;
  std::promise<void> stopped;
  asio::co_spawn(impl_->context, impl_->server->stop(),
                 [&stopped](std::exception_ptr) { stopped.set_value(); });
  stopped.get_future().wait();
  impl_->work.reset();
  impl_->thread.join();
}

void ServerThread::run(std::function<void(HttpServer&)> work) {
  std::promise<void> done;
  asio::post(impl_->context, [&] {
    work(*impl_->server);
    done.set_value();
  });
  done.get_future().wait();
}

bool ServerThread::eventually(std::function<bool()> condition) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  for (bool holds = false; std::chrono::steady_clock::now() < until; std::this_thread::yield()) {
    run([&](HttpServer&) { holds = condition(); });
    if (holds) return true;
  }
  return false;
}

}  // namespace corral::edge::testing
