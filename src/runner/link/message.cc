#include "runner/link/message.h"

#include <algorithm>
#include <limits>

#include "runner/link/protocol.h"

namespace corral::runner::link {
namespace {

// JSON-RPC wants a number; the code that Corral goes by travels in "data".
int rpc_code(ErrorCode code) {
  switch (code) {
    case ErrorCode::unsupported: return -32601;
    case ErrorCode::invalid: return -32602;
    case ErrorCode::internal: return -32603;
    default: return -32000;
  }
}

json::object envelope() { return {{"jsonrpc", "2.0"}}; }

Result<json::object> take_object(json::object& message, std::string_view name) {
  auto* value = message.if_contains(name);
  if (value == nullptr) return json::object{};
  if (!value->is_object())
    return fail(ErrorCode::corrupt, "link message: \"{}\" must be an object", name);
  return std::move(value->get_object());
}

Error error_of(const json::value& error) {
  const auto code = find_string(error, {"data", "code"});
  return Error{code.empty() ? ErrorCode::internal : error_code_from(code),
               std::string(find_string(error, {"message"})), nullptr};
}

}  // namespace

std::string request_text(std::uint32_t id, std::string_view method, json::object params,
                         std::uint64_t body_bytes) {
  auto message = envelope();
  message["id"] = id;
  message["method"] = method;
  message["params"] = std::move(params);
  if (body_bytes != 0) message["body"] = body_bytes;
  return json::serialize(message);
}

std::string notification_text(std::string_view method, json::object params) {
  auto message = envelope();
  message["method"] = method;
  message["params"] = std::move(params);
  return json::serialize(message);
}

std::string result_text(std::uint32_t id, json::object result, std::uint64_t body_bytes) {
  auto message = envelope();
  message["id"] = id;
  message["result"] = std::move(result);
  if (body_bytes != 0) message["body"] = body_bytes;
  return json::serialize(message);
}

std::string error_text(std::uint32_t id, const Error& error) {
  auto message = envelope();
  message["id"] = id;
  message["error"] = {{"code", rpc_code(error.code)},
                      {"message", error.describe()},
                      {"data", {{"code", to_string(error.code)}}}};
  return json::serialize(message);
}

Result<Message> parse_message(std::string_view text) {
  auto parsed = parse_json(text, "link message");
  if (!parsed) return fail(ErrorCode::corrupt, "{}", parsed.error().message);
  if (!parsed->is_object())
    return fail(ErrorCode::corrupt, "link message that is not a JSON object");
  auto& object = parsed->get_object();
  if (find_string(*parsed, {"jsonrpc"}) != "2.0")
    return fail(ErrorCode::corrupt, "link message that is not JSON-RPC 2.0");
  Message message;
  const auto* id = object.if_contains("id");
  if (id != nullptr) {
    if (!id->is_int64() || id->get_int64() < 1 ||
        id->get_int64() > std::numeric_limits<std::uint32_t>::max())
      return fail(ErrorCode::corrupt,
                  "link message with an id that is not a number from 1 to 2^32-1");
    message.id = static_cast<std::uint32_t>(id->get_int64());
  }
  if (const auto* body = object.if_contains("body")) {
    if (!body->is_int64() || body->get_int64() < 0 ||
        body->get_int64() > static_cast<std::int64_t>(kMaxBodyBytes))
      return fail(ErrorCode::corrupt, "link message with a body that is not a number up to {}",
                  kMaxBodyBytes);
    message.body_bytes = static_cast<std::uint64_t>(body->get_int64());
  }
  if (const auto* method = object.if_contains("method")) {
    if (!method->is_string())
      return fail(ErrorCode::corrupt, "link message with a method that is not a string");
    message.method = method->get_string();
    message.kind = id != nullptr ? Message::Kind::request : Message::Kind::notification;
    CORRAL_TRY(message.params, take_object(object, "params"));
    return message;
  }
  if (id == nullptr)
    return fail(ErrorCode::corrupt, "link message with neither a method nor an id");
  const auto* error = object.if_contains("error");
  if ((error != nullptr) == object.contains("result"))
    return fail(ErrorCode::corrupt, "link answer without exactly one of result and error");
  message.kind = Message::Kind::response;
  if (error != nullptr) {
    message.result = std::unexpected(error_of(*error));
  } else {
    CORRAL_TRY(message.result, take_object(object, "result"));
  }
  return message;
}

Result<void> Bodies::add(std::uint32_t id, std::uint64_t offset, std::string_view bytes) {
  auto at = std::ranges::find(open_, id, [](const auto& entry) { return entry.first; });
  if (at == open_.end()) {
    if (open_.size() >= kMaxOpenBodies)
      return fail(ErrorCode::corrupt, "more than {} link bodies at one time", kMaxOpenBodies);
    at = open_.emplace(open_.end(), id, std::string());
  }
  auto& body = at->second;
  if (offset != body.size())
    return fail(ErrorCode::corrupt, "link body {} goes on at {} instead of {}", id, offset,
                body.size());
  if (body.size() + bytes.size() > kMaxBodyBytes)
    return fail(ErrorCode::corrupt, "link body of more than {} bytes", kMaxBodyBytes);
  body.append(bytes);
  return {};
}

Result<std::string> Bodies::take(std::uint32_t id, std::uint64_t bytes) {
  std::string body;
  const auto at = std::ranges::find(open_, id, [](const auto& entry) { return entry.first; });
  if (at != open_.end()) {
    body = std::move(at->second);
    open_.erase(at);
  }
  if (body.size() != bytes)
    return fail(ErrorCode::corrupt, "link message {} has a body of {} bytes, and {} came", id,
                bytes, body.size());
  return body;
}

}  // namespace corral::runner::link
