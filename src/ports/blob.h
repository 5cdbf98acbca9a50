// The port to kept files (artifacts), addressed by the SHA-256 of their content.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "base/task.h"

namespace corral::ports {

class Blobs {
 public:
  virtual ~Blobs() = default;
  // Durable when it returns; returns the hash (64 hex digits). The same content again is a no-op.
  virtual Task<Result<std::string>> put(std::string content) = 0;
  virtual Task<Result<std::string>> get(std::string hash) = 0;  // not_found; `corrupt` when the content no longer fits the hash
  virtual Task<Result<void>> remove(std::string hash) = 0;      // idempotent
};

}  // namespace corral::ports
