// Logs in memory, which outlive engines as files do. Strict about what file logs are lenient or
// silent about.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "session/log_store.h"

namespace corral::engine::testing {

class MemoryLogs final : public session::LogStore {
 public:
  struct Content {
    std::string bytes;
    std::map<std::string, std::string> sources;  // what each source wrote
  };

  // Asked before each append: an Error it returns is what the caller gets.
  std::function<std::optional<Error>()> faults;
  std::map<std::string, std::shared_ptr<Content>> logs;

  // What was sent again and differs from what is there: a replay that is not one. Tests expect
  // none.
  std::vector<std::string> mismatches;

  Task<Result<std::shared_ptr<session::Log>>> open(std::string name, Open mode) override;
  Task<Result<void>> remove(std::string prefix) override;
  std::string text(const std::string& name) const;
};

}  // namespace corral::engine::testing
