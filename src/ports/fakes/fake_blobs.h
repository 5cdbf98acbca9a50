// Blobs in memory.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "ports/blob.h"

namespace corral::ports::fakes {

// Thread-safe. Every call yields to the executor once.
class FakeBlobs final : public Blobs {
 public:
  Task<Result<std::string>> put(std::string content) override;
  Task<Result<std::string>> get(std::string hash) override;
  Task<Result<void>> remove(std::string hash) override;

  // Asked before every call, by its name ("put", "get", "remove"): an Error it returns is what the
  // caller gets.
  void set_faults(std::function<std::optional<Error>(std::string_view call)> faults);
  // Damages what is kept, as a bad disk would.
  void damage(const std::string& hash);
  std::size_t size() const;

 private:
  std::optional<Error> fault(std::string_view call);
  mutable std::mutex mutex_;
  std::map<std::string, std::string> blobs_;
  std::function<std::optional<Error>(std::string_view)> faults_;
};

}  // namespace corral::ports::fakes
