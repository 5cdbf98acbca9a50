// The port to kept files (artifacts), addressed by the SHA-256 of their content.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/task.h"

namespace corral::ports {

// The SHA-256 of `content`, as 64 lower-case hex digits.
std::string content_hash(std::string_view content);
// `invalid` unless `hash` has that form: what came from outside must not become a path.
Result<void> check_content_hash(std::string_view hash);

class Blobs {
 public:
  virtual ~Blobs() = default;
  // Durable when it returns; returns the hash (64 hex digits). The same content again is a no-op.
  virtual Task<Result<std::string>> put(std::string content) = 0;
  // `not_found`; `invalid` when it is no hash; `corrupt` when the content no longer fits it.
  virtual Task<Result<std::string>> get(std::string hash) = 0;
  virtual Task<Result<void>> remove(std::string hash) = 0;  // idempotent
};

}  // namespace corral::ports
