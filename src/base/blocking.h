// A bounded pool of threads for blocking work (SQLite reads, file system), awaited from coroutines.
#pragma once

#include <exception>
#include <optional>
#include <type_traits>

#include <boost/asio/async_result.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/task.h"

namespace corral {

class BlockingPool {
 public:
  explicit BlockingPool(std::size_t threads) : pool_(threads) {}
  ~BlockingPool() { pool_.join(); }

  // Runs `work` (a callable without coroutine magic) on a pool thread and resumes the caller on its
  // own executor. Cancelling the caller does not interrupt work that has begun.
  template <class Work>
  Task<std::invoke_result_t<Work>> run(Work work) {
    using R = std::invoke_result_t<Work>;
    if constexpr (std::is_void_v<R>) {
      co_await asio::async_initiate<decltype(asio::use_awaitable), void(std::exception_ptr)>(
          [](auto handler, asio::thread_pool* pool, Work inner) {
            auto executor = asio::get_associated_executor(handler);
            asio::post(*pool, [handler = std::move(handler), executor,
                               inner = std::move(inner)]() mutable {
              std::exception_ptr thrown;
              try {
                inner();
              } catch (...) {
                thrown = std::current_exception();
              }
              asio::post(executor, [handler = std::move(handler), thrown]() mutable {
                std::move(handler)(thrown);
              });
            });
          },
          asio::use_awaitable, &pool_, std::move(work));
    } else {
      std::optional<R> result;
      // The frame outlives the work: the completion resumes it.
      auto* slot = &result;
      co_await run([slot, work = std::move(work)]() mutable { slot->emplace(work()); });
      co_return *std::move(result);
    }
  }

 private:
  asio::thread_pool pool_;
};

}  // namespace corral
