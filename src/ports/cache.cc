#include "ports/cache.h"

namespace corral::ports {

Result<void> check_cache_key(const std::string& key) {
  if (!key.empty() && key.size() <= kMaxCacheKey) return {};
  return fail(ErrorCode::invalid, "a key of a cache has 1 to {} bytes, not {}", kMaxCacheKey,
              key.size());
}

}  // namespace corral::ports
