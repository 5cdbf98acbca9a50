#include "edge/http/negotiation.h"
#include "edge/http/route.h"

namespace corral::edge {

engine::Caller Call::caller() const {
  return {actor, std::string(request.header("idempotency-key")), trace};
}

std::string Call::param(const std::string& name) const { return request.params.at(name); }

std::string Call::query(std::string_view name) const {
  return request.query_value(name).value_or("");
}

std::optional<std::int64_t> Call::number(std::string_view name) const {
  const auto text = request.query_value(name);
  if (!text) return std::nullopt;
  return std::stoll(*text);  // the router has checked it
}

std::string Call::text(std::string_view name) const {
  return std::string(find_string(body, {name}));
}

std::optional<std::int64_t> Call::integer(std::string_view name) const {
  const auto* value = find(body, {name});
  if (value == nullptr) return std::nullopt;
  return value->to_number<std::int64_t>();
}

std::optional<double> Call::decimal(std::string_view name) const {
  const auto* value = find(body, {name});
  if (value == nullptr) return std::nullopt;
  return value->to_number<double>();
}

Task<Result<void>> Call::json_reply(int status, Headers headers, const json::value& value) {
  headers.emplace_back("Content-Type", "application/json");
  headers.emplace_back("Cache-Control", "no-store");
  co_return co_await out.send(status, std::move(headers), json::serialize(value));
}

Task<Result<void>> Call::document(const json::value& value) {
  return content("application/json", json::serialize(value));
}

Task<Result<void>> Call::content(std::string type, std::string bytes, Headers headers) {
  std::string tag = etag_of(bytes);
  // Kept, but asked about each time: the tag makes that cheap.
  headers.emplace_back("Cache-Control", "private, no-cache");
  headers.emplace_back("ETag", tag);
  if (etag_matches(request.header("if-none-match"), tag))
    co_return co_await out.send(304, std::move(headers), {});
  headers.emplace_back("Content-Type", std::move(type));
  co_return co_await out.send(200, std::move(headers), std::move(bytes));
}

}  // namespace corral::edge
