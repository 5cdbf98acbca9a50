// Runs one task to its end, for commands that need no server.
#pragma once

#include <optional>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "base/error.h"
#include "base/task.h"

namespace corral {

// Returns as soon as the task has: what it left waiting in the context (a launcher's watches, say)
// goes with their owners.
template <class T>
Result<T> run_task(asio::io_context& context, Task<Result<T>> task) {
  std::optional<Result<T>> result;
  asio::co_spawn(context, std::move(task), [&result](std::exception_ptr thrown, Result<T> value) {
    if (thrown) std::rethrow_exception(thrown);
    result.emplace(std::move(value));
  });
  while (!result && context.run_one() > 0) {
  }
  CORRAL_ASSERT(result.has_value());
  return *std::move(result);
}

}  // namespace corral
