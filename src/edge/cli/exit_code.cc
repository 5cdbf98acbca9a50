#include "edge/cli/cli.h"

namespace corral::edge::cli {

int exit_code_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid:
    case ErrorCode::unsupported: return kUsage;
    case ErrorCode::not_found: return kNotFound;
    case ErrorCode::conflict: return kConflict;
    case ErrorCode::unauthenticated:
    case ErrorCode::forbidden: return kForbidden;
    case ErrorCode::unavailable:
    case ErrorCode::deadline: return kUnreachable;
    case ErrorCode::cancelled: return kInterrupted;
    case ErrorCode::exhausted:
    case ErrorCode::corrupt:
    case ErrorCode::internal: return kFailed;
  }
  return kFailed;
}

}  // namespace corral::edge::cli
