// The thread that everything of this store happens on.
#pragma once

#include <exception>
#include <thread>
#include <utility>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/error.h"
#include "base/task.h"

namespace corral::adapters::store::postgres {

class Loop {
 public:
  Loop() : thread_([this] { context_.run(); }) {}
  ~Loop() { join(); }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  Executor executor() { return context_.get_executor(); }
  // Returns when nothing is left to do.
  void join() {
    work_.reset();
    if (thread_.joinable()) thread_.join();
  }

  // Runs `task` here and resumes the caller on its own executor. Once begun it runs to its end,
  // cancelled or not.
  template <class T>
  Task<Result<T>> run(Task<Result<T>> task) {
    return asio::async_initiate<const asio::use_awaitable_t<>, void(Result<T>)>(
        [](auto handler, asio::io_context* on, Task<Result<T>> inner) {
          auto answer = [handler = std::move(handler)](std::exception_ptr thrown,
                                                       Result<T> result) mutable {
            if (thrown) result = fail(ErrorCode::internal, "{}", words_of(thrown));
            auto executor = asio::get_associated_executor(handler);
            asio::post(executor,
                       [handler = std::move(handler), result = std::move(result)]() mutable {
                         std::move(handler)(std::move(result));
                       });
          };
          asio::co_spawn(on->get_executor(), std::move(inner), std::move(answer));
        },
        asio::use_awaitable, &context_, std::move(task));
  }

 private:
  static std::string words_of(std::exception_ptr thrown) {
    try {
      std::rethrow_exception(thrown);
    } catch (const std::exception& exception) {
      return exception.what();
    }
  }

  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{context_.get_executor()};
  std::thread thread_;
};

}  // namespace corral::adapters::store::postgres
