// Logs in memory, which outlive engines as files do. Strict about what file logs are lenient or
// silent about.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
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
  int compressed = 0;                          // calls
  std::map<std::string, std::string> expired;  // why, by prefix
  std::set<std::string> in_use;                // prefixes that cannot be expired

  Task<Result<std::shared_ptr<session::Log>>> open(std::string name, Open mode) override;
  Task<Result<void>> remove(std::string prefix) override;
  Task<Result<std::vector<Kept>>> list() override;
  Task<Result<void>> expire(std::string prefix, std::string why) override;
  Task<Result<void>> kept(std::string prefix) override;
  Task<Result<void>> compress(Duration idle) override;
  std::string text(const std::string& name) const;
};

}  // namespace corral::engine::testing
