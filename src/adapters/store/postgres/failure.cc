#include "adapters/store/postgres/failure.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace corral::adapters::store::postgres {
namespace {

using Kind = Failure::Kind;

struct Row {
  std::string_view prefix;  // of the SQLSTATE; the first that fits counts
  ErrorCode code;
  Kind kind;
};

// https://www.postgresql.org/docs/15/errcodes-appendix.html
constexpr std::array kRows{
    Row{kRefusedConflict, ErrorCode::conflict, Kind::refused},
    Row{kRefusedNotFound, ErrorCode::not_found, Kind::refused},
    Row{kFenced, ErrorCode::unavailable, Kind::lost},
    Row{"08", ErrorCode::unavailable, Kind::lost},  // connection exceptions
    Row{"22", ErrorCode::invalid, Kind::refused},  // data: a NUL in a name, bytes that are no UTF-8
    Row{"23505", ErrorCode::conflict,
        Kind::again},  // unique violation: the next try sees who was first
    Row{"23", ErrorCode::conflict, Kind::refused},
    Row{"25006", ErrorCode::unavailable, Kind::lost},  // read only: a standby, where a primary was
    Row{"28", ErrorCode::unauthenticated, Kind::refused},
    Row{"3D000", ErrorCode::not_found, Kind::refused},  // no such database
    Row{"40", ErrorCode::unavailable, Kind::again},     // serialization failure, deadlock
    Row{"42501", ErrorCode::forbidden, Kind::refused},
    Row{"53300", ErrorCode::unavailable, Kind::lost},  // too many connections
    Row{"53", ErrorCode::exhausted, Kind::refused},    // disk, memory
    Row{"54", ErrorCode::invalid,
        Kind::refused},  // larger than PostgreSQL can hold: a name of many kilobytes
    Row{"55P03", ErrorCode::unavailable, Kind::refused},  // a lock was not to be had in time
    Row{"57014", ErrorCode::unavailable,
        Kind::refused},  // statement timeout, or cancelled by an administrator
    Row{"57", ErrorCode::unavailable,
        Kind::lost},  // shutdown, crash of another backend, starting up
    Row{"58", ErrorCode::unavailable, Kind::refused},  // I/O error
    Row{"XX001", ErrorCode::corrupt, Kind::refused},
    Row{"XX002", ErrorCode::corrupt, Kind::refused},
    Row{"42P01", ErrorCode::corrupt, Kind::refused},  // a table or function of ours is gone
    Row{"42703", ErrorCode::corrupt, Kind::refused},
    Row{"42883", ErrorCode::corrupt, Kind::refused},
};

constexpr std::string_view kDiskFull = "53100";

bool is_sqlstate(std::string_view text) {
  return text.size() == 5 && std::ranges::all_of(text, [](unsigned char c) {
           return std::isdigit(c) != 0 || std::isupper(c) != 0;
         });
}

}  // namespace

std::string one_line(std::string_view message) {
  std::string line;
  while (!message.empty()) {
    const auto end = message.find('\n');
    auto part = message.substr(0, end);
    message = end == std::string_view::npos ? std::string_view() : message.substr(end + 1);
    while (!part.empty() && std::isspace(static_cast<unsigned char>(part.front())) != 0)
      part.remove_prefix(1);
    if (part.empty() || part.starts_with("LOCATION:")) continue;
    if (!line.empty()) line += "; ";
    line += part;
  }
  return line;
}

Failure failure_of(std::string_view sqlstate, std::string_view message) {
  const auto* row = std::ranges::find_if(
      kRows, [&](const Row& candidate) { return sqlstate.starts_with(candidate.prefix); });
  const bool ours = sqlstate.starts_with("CR");
  std::string text =
      ours ? std::string(message) : fmt::format("{} (SQLSTATE {})", one_line(message), sqlstate);
  if (row == kRows.end()) return {Kind::refused, {ErrorCode::internal, std::move(text), nullptr}};
  return {row->kind, {row->code, std::move(text), nullptr, sqlstate == kDiskFull}};
}

Failure connect_failure(std::string_view message) {
  // "… failed: FATAL:  28P01: password authentication failed for user …": severities are
  // translated, the shape is not.
  for (auto at = message.find(":  "); at != std::string_view::npos;
       at = message.find(":  ", at + 1)) {
    const auto state = message.substr(at + 3, 5);
    if (!is_sqlstate(state) || !message.substr(at + 8).starts_with(": ")) continue;
    auto failure = failure_of(state, message.substr(at + 10));
    return failure;
  }
  return {Kind::lost, {ErrorCode::unavailable, one_line(message), nullptr}};
}

}  // namespace corral::adapters::store::postgres
