#include "base/error.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <system_error>

namespace corral {
namespace {

struct CodeRow {
  ErrorCode code;
  std::string_view name;
  int status;
  bool retry;
};

constexpr std::array kCodes{
    CodeRow{ErrorCode::invalid, "invalid", 400, false},
    CodeRow{ErrorCode::not_found, "not_found", 404, false},
    CodeRow{ErrorCode::conflict, "conflict", 409, false},
    CodeRow{ErrorCode::unauthenticated, "unauthenticated", 401, false},
    CodeRow{ErrorCode::forbidden, "forbidden", 403, false},
    CodeRow{ErrorCode::exhausted, "exhausted", 429, false},
    CodeRow{ErrorCode::unavailable, "unavailable", 503, true},
    CodeRow{ErrorCode::deadline, "deadline", 504, true},
    CodeRow{ErrorCode::cancelled, "cancelled", 409, false},
    CodeRow{ErrorCode::unsupported, "unsupported", 422, false},
    CodeRow{ErrorCode::corrupt, "corrupt", 500, false},
    CodeRow{ErrorCode::internal, "internal", 500, false},
};

const CodeRow& row(ErrorCode code) {
  for (const auto& candidate : kCodes)
    if (candidate.code == code) return candidate;
  return kCodes.back();
}

}  // namespace

std::string_view to_string(ErrorCode code) { return row(code).name; }
bool retryable(ErrorCode code) { return row(code).retry; }

ErrorCode error_code_from(std::string_view name) {
  for (const auto& candidate : kCodes)
    if (candidate.name == name) return candidate.code;
  return ErrorCode::internal;
}

std::string Error::describe() const {
  std::string text = message;
  for (const Error* at = cause.get(); at != nullptr; at = at->cause.get())
    text += ": " + at->message;
  return text;
}

int http_status(const Error& error) {
  constexpr int kInsufficientStorage = 507;  // RFC 4918
  for (const Error* at = &error; at != nullptr; at = at->cause.get())
    if (at->code == ErrorCode::exhausted && at->disk_full) return kInsufficientStorage;
  return row(error.code).status;
}

std::unexpected<Error> wrap(Error cause, std::string context) {
  const ErrorCode code = cause.code;
  return std::unexpected(
      Error{code, std::move(context), std::make_shared<const Error>(std::move(cause))});
}

Error errno_error(int number, std::string_view doing) {
  ErrorCode code = ErrorCode::unavailable;
  switch (number) {
    case ENOENT:
    case ENOTDIR:
    case ESRCH: code = ErrorCode::not_found; break;
    case EACCES:
    case EPERM:
    case EROFS: code = ErrorCode::forbidden; break;
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EFBIG:
    case E2BIG: code = ErrorCode::exhausted; break;
    case EEXIST:
    case EADDRINUSE:
    case EBUSY: code = ErrorCode::conflict; break;
    case EINVAL:
    case ENAMETOOLONG:
    case ELOOP:
    case EISDIR:
    case ENOEXEC: code = ErrorCode::invalid; break;
    case ETIMEDOUT: code = ErrorCode::deadline; break;
    case ECANCELED: code = ErrorCode::cancelled; break;
    case ENOSYS:
    case EOPNOTSUPP: code = ErrorCode::unsupported; break;
    default: break;
  }
  return Error{code, fmt::format("{}: {}", doing, std::generic_category().message(number)), nullptr,
               number == ENOSPC || number == EDQUOT};
}

void assertion_failed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "corral: assertion failed: %s at %s:%d (this is a bug; please report it)\n",
               expression, file, line);
  std::abort();
}

}  // namespace corral
