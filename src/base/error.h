// Errors as values. Every fallible function of Corral returns Result<T>; exceptions stay inside
// adapters.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace corral {

// Closed list: retry policy (retryable) and the HTTP status (http_status) derive from it, here and
// nowhere else.
enum class ErrorCode {
  invalid,  // the caller's input is wrong; the message names the field and the remedy
  not_found,
  conflict,  // expected version, unique name, or state does not fit
  unauthenticated,
  forbidden,
  exhausted,    // a limit: budget, quota, disk, memory, rate
  unavailable,  // try again later
  deadline,
  cancelled,
  unsupported,
  corrupt,   // stored or received data does not parse
  internal,  // a bug
};

std::string_view to_string(ErrorCode code);
// Inverse of to_string; `internal` for an unknown name.
ErrorCode error_code_from(std::string_view name);
// Whether trying the same thing again may help.
bool retryable(ErrorCode code);

struct [[nodiscard]] Error {
  ErrorCode code = ErrorCode::internal;
  std::string message;  // what was wrong, with value and place, and what to do; never a secret
  std::shared_ptr<const Error> cause;  // may be null
  // Of `exhausted`: a disk is full, which the operator must mend, rather than a limit reached,
  // which the caller can keep to.
  bool disk_full = false;

  // "message: cause message: …"
  std::string describe() const;
};

// From the code, and for `exhausted` from whether a disk is full (507), of the error or what caused
// it.
int http_status(const Error& error);

// [[nodiscard]] comes with std::expected.
template <class T = void>
using Result = std::expected<T, Error>;

template <class... Args>
std::unexpected<Error> fail(ErrorCode code, fmt::format_string<Args...> format, Args&&... args) {
  return std::unexpected(Error{code, fmt::format(format, std::forward<Args>(args)...), nullptr});
}

// The same failure, seen from one level up: keeps the code, puts `context` in front.
std::unexpected<Error> wrap(Error cause, std::string context);

// An errno value as an Error: ENOENT → not_found, EACCES/EPERM → forbidden, ENOSPC/EDQUOT/EMFILE →
// exhausted, …
Error errno_error(int number, std::string_view doing);

// For bugs only: prints and aborts, in release builds too.
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);

}  // namespace corral

#define CORRAL_ASSERT(expression)      \
  ((expression) ? static_cast<void>(0) \
                : ::corral::assertion_failed(#expression, __FILE__, __LINE__))

#define CORRAL_CONCAT_2(a, b) a##b
#define CORRAL_CONCAT(a, b) CORRAL_CONCAT_2(a, b)

// CORRAL_TRY(auto x, expression-of-Result): x is the value, or the function returns the error.
#define CORRAL_TRY_IMPL(tmp, declaration, expression, return_keyword) \
  auto tmp = (expression);                                            \
  if (!tmp) return_keyword std::unexpected(std::move(tmp).error());   \
  declaration = *std::move(tmp)
#define CORRAL_TRY(declaration, expression) \
  CORRAL_TRY_IMPL(CORRAL_CONCAT(try_, __COUNTER__), declaration, expression, return)
#define CORRAL_CO_TRY(declaration, expression) \
  CORRAL_TRY_IMPL(CORRAL_CONCAT(try_, __COUNTER__), declaration, expression, co_return)
// The same for Result<void>, or to drop the value.
#define CORRAL_CHECK_IMPL(tmp, expression, return_keyword) \
  if (auto tmp = (expression); !tmp) return_keyword std::unexpected(std::move(tmp).error())
#define CORRAL_CHECK(expression) \
  CORRAL_CHECK_IMPL(CORRAL_CONCAT(try_, __COUNTER__), expression, return)
#define CORRAL_CO_CHECK(expression) \
  CORRAL_CHECK_IMPL(CORRAL_CONCAT(try_, __COUNTER__), expression, co_return)
