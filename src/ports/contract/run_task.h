// Runs tasks to their end in a test.
#pragma once

#include <chrono>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "base/task.h"

namespace corral::ports::contract {

// This thread's io_context. It is never destroyed: a database or pool thread that has just posted
// the answer may still be inside post() when the test that waited for it is over.
inline asio::io_context& test_context() {
  static std::mutex mutex;
  static auto* const all = new std::vector<std::unique_ptr<asio::io_context>>();
  thread_local asio::io_context* mine = nullptr;
  if (mine == nullptr) {
    std::scoped_lock lock(mutex);
    mine = all->emplace_back(std::make_unique<asio::io_context>()).get();
  }
  return *mine;
}

// Runs until nothing is left to do. Gives up (throws) after a minute: a lost wake-up fails the test
// instead of hanging it.
inline void run_context(asio::io_context& context) {
  context.restart();
  context.run_for(std::chrono::minutes(1));
  if (!context.stopped()) throw std::runtime_error("a task is still waiting after a minute");
}

template <class T>
T run_task(Task<T> task) {
  asio::io_context& context = test_context();
  std::optional<T> result;
  asio::co_spawn(context, std::move(task), [&result](std::exception_ptr thrown, T value) {
    if (thrown) std::rethrow_exception(thrown);
    result.emplace(std::move(value));
  });
  run_context(context);
  return std::move(*result);
}

inline void run_task(Task<void> task) {
  asio::io_context& context = test_context();
  asio::co_spawn(context, std::move(task), [](std::exception_ptr thrown) {
    if (thrown) std::rethrow_exception(thrown);
  });
  run_context(context);
}

// All at once, interleaved on one thread; results in order.
template <class T>
std::vector<T> run_together(std::vector<Task<T>> tasks) {
  asio::io_context& context = test_context();
  std::vector<std::optional<T>> results(tasks.size());
  for (std::size_t i = 0; i < tasks.size(); ++i)
    asio::co_spawn(context, std::move(tasks[i]),
                   [slot = &results[i]](std::exception_ptr thrown, T value) {
                     if (thrown) std::rethrow_exception(thrown);
                     slot->emplace(std::move(value));
                   });
  run_context(context);
  std::vector<T> values;
  for (auto& result : results) values.push_back(std::move(*result));
  return values;
}

}  // namespace corral::ports::contract
