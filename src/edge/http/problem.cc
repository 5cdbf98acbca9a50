#include "edge/http/problem.h"

#include <array>

#include "base/json.h"
#include "base/utf8.h"

namespace corral::edge {
namespace {

struct Row {
  int status;
  std::string_view reason, code;
};

constexpr std::array kRows{
    Row{100, "Continue", ""},
    Row{101, "Switching Protocols", ""},
    Row{200, "OK", ""},
    Row{201, "Created", ""},
    Row{202, "Accepted", ""},
    Row{204, "No Content", ""},
    Row{206, "Partial Content", ""},
    Row{301, "Moved Permanently", ""},
    Row{302, "Found", ""},
    Row{304, "Not Modified", ""},
    Row{308, "Permanent Redirect", ""},
    Row{400, "Bad Request", "invalid"},
    Row{401, "Unauthorized", "unauthenticated"},
    Row{403, "Forbidden", "forbidden"},
    Row{404, "Not Found", "not_found"},
    Row{405, "Method Not Allowed", "method_not_allowed"},
    Row{406, "Not Acceptable", "not_acceptable"},
    Row{408, "Request Timeout", "deadline"},
    Row{409, "Conflict", "conflict"},
    Row{412, "Precondition Failed", "conflict"},
    Row{413, "Content Too Large", "too_large"},
    Row{415, "Unsupported Media Type", "unsupported_media_type"},
    Row{417, "Expectation Failed", "invalid"},
    Row{421, "Misdirected Request", "forbidden"},
    Row{422, "Unprocessable Content", "unsupported"},
    Row{426, "Upgrade Required", "invalid"},
    Row{429, "Too Many Requests", "exhausted"},
    Row{431, "Request Header Fields Too Large", "too_large"},
    Row{500, "Internal Server Error", "internal"},
    Row{501, "Not Implemented", "unsupported"},
    Row{502, "Bad Gateway", "unavailable"},
    Row{503, "Service Unavailable", "unavailable"},
    Row{504, "Gateway Timeout", "deadline"},
    Row{505, "HTTP Version Not Supported", "unsupported"},
    Row{507, "Insufficient Storage", "exhausted"},
    Row{529, "Overloaded", "unavailable"},
};

const Row* row(int status) {
  for (const auto& candidate : kRows)
    if (candidate.status == status) return &candidate;
  return nullptr;
}

}  // namespace

std::string_view reason_phrase(int status) {
  const Row* found = row(status);
  return found != nullptr ? found->reason : std::string_view("Unknown");
}

std::string_view problem_code(int status) {
  const Row* found = row(status);
  if (found != nullptr && !found->code.empty()) return found->code;
  return status < 500 ? "invalid" : "internal";
}

std::string problem_json(int status, std::string_view code, std::string_view detail,
                         std::string_view request_id) {
  json::object problem{{"type", "about:blank"},
                       {"title", reason_phrase(status)},
                       {"status", status},
                       {"code", code},
                       {"detail", to_valid_utf8(detail)}};
  if (!request_id.empty()) problem["request_id"] = request_id;
  return json::serialize(problem);
}

std::string problem_json(const Error& error, std::string_view request_id) {
  return problem_json(http_status(error), to_string(error.code), error.describe(), request_id);
}

}  // namespace corral::edge
