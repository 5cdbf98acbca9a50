// What the benches of this folder share.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "base/files.h"
#include "base/task.h"

namespace corral::bench {

using Clock = std::chrono::steady_clock;
using Micros = std::chrono::duration<double, std::micro>;

inline double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// Ends the program: a bench that fails has no figures.
template <class T>
T need(Result<T> result) {
  if (!result) {
    fmt::print(stderr, "{}\n", result.error().describe());
    std::exit(1);
  }
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

// Runs all tasks together on this thread and returns how long that took.
inline double run_all(std::vector<Task<void>> tasks) {
  asio::io_context context(1);
  for (auto& task : tasks)
    asio::co_spawn(context, std::move(task), [](std::exception_ptr thrown) {
      if (thrown) std::rethrow_exception(thrown);
    });
  const auto begin = Clock::now();
  context.run();
  return seconds_since(begin);
}
inline double run_one(Task<void> task) {
  std::vector<Task<void>> tasks;
  tasks.push_back(std::move(task));
  return run_all(std::move(tasks));
}

struct Latencies {
  std::vector<double> micros;
  double at(double quantile) {
    if (micros.empty()) return 0;
    std::ranges::sort(micros);
    return micros[static_cast<std::size_t>(quantile * static_cast<double>(micros.size() - 1))];
  }
};

// A folder on the disk that is measured, removed at the end.
struct Folder {
  explicit Folder(const char* parent) {
    std::string name = std::string(parent) + "/corral-bench-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) {
      std::perror(name.c_str());
      std::exit(1);
    }
    path = name;
  }
  ~Folder() { (void)remove_tree(path); }
  std::filesystem::path path;
};

}  // namespace corral::bench
