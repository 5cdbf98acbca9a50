// HTTP requests: any bytes, in any split, give the same requests or the same refusal, and what the
// router makes of them is an endpoint's checked input or a refusal.
#include <algorithm>
#include <string>
#include <vector>

#include "base/utf8.h"
#include "edge/http/api_impl.h"
#include "edge/http/components.h"
#include "edge/http/request_parser.h"

namespace {

using corral::edge::Request;
using corral::edge::RequestParser;

struct Parsed {
  std::vector<Request> requests;
  int refused = 0;  // the status
};

Parsed parse(std::string_view bytes, std::size_t piece) {
  Parsed parsed;
  std::string buffer;
  std::size_t at = 0;
  while (true) {
    RequestParser parser(2048, 4096);
    while (true) {
      std::size_t consumed = 0;
      const auto state = parser.feed(buffer, consumed);
      CORRAL_ASSERT(consumed <= buffer.size());
      buffer.erase(0, consumed);
      if (state == RequestParser::State::failed) return parsed.refused = parser.status(), parsed;
      if (state == RequestParser::State::complete) break;
      if (state == RequestParser::State::header && !buffer.empty()) continue;
      if (at >= bytes.size()) return parsed;
      const auto more = bytes.substr(at, piece);
      buffer += more;
      at += more.size();
    }
    parsed.requests.push_back(parser.take());
  }
}

void route(Request request) {
  static const corral::edge::Schemas schemas(corral::edge::component_schemas());
  static const corral::edge::Router router(corral::edge::api_routes(), schemas);
  auto match = router.find(request.method, request.target);
  if (match.route == nullptr) return;
  request.params = std::move(match.params);
  if (!router.check_parameters(*match.route, request)) return;
  for (const auto& [name, value] : request.params)
    CORRAL_ASSERT(corral::is_utf8(value) && !value.empty());
  (void)router.choose_reply(*match.route, request);
  if (const auto body = router.read_body(*match.route, request)) CORRAL_ASSERT(body->is_object());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  auto whole = parse(bytes, std::max<std::size_t>(size, 1));
  const auto split = parse(bytes, 1 + size % 7);
  CORRAL_ASSERT(whole.requests.size() == split.requests.size());
  for (std::size_t i = 0; i < whole.requests.size(); ++i) {
    const auto &a = whole.requests[i], &b = split.requests[i];
    CORRAL_ASSERT(a.method == b.method && a.target == b.target && a.headers == b.headers &&
                  a.body == b.body);
  }
  for (auto& request : whole.requests) route(std::move(request));
  return 0;
}
