// The part of the route table that is about devices that are told by push messages.
#include "edge/http/route_parts.h"

namespace corral::edge {

using namespace route_parts;

std::vector<Route> push_routes() {
  constexpr std::string_view kDevice = R"({"$ref":"#/components/schemas/PushSubscription"})";
  constexpr std::string_view kDevices =
      R"({"type":"object","required":["items"],"properties":{"items":{"type":"array","items":{"$ref":"#/components/schemas/PushSubscription"}}}})";
  const Parameter id{"subscription", path, R"({"type":"string","format":"uuid"})",
                     "The subscription's id."};
  return {
      {.method = "GET",
       .path = "/api/v1/push/key",
       .operation_id = "getPushKey",
       .tag = "push",
       .summary = "The key that browsers subscribe with",
       .description = "PushManager.subscribe's applicationServerKey (RFC 8292).",
       .parameters = {kIfNoneMatch},
       .replies = {document(R"({"$ref":"#/components/schemas/PushKey"})")},
       .endpoint = ep::get_push_key},
      {.method = "POST",
       .path = "/api/v1/push/subscriptions",
       .operation_id = "addPushSubscription",
       .tag = "push",
       .summary = "Tell this browser from now on",
       .description = "What the browser's PushSubscription.toJSON() gives. The same endpoint again "
                      "is the same subscription; a person may have 20.",
       .body = "NewPushSubscription",
       .replies = {{201, "It is told.", kJson, kDevice}},
       .endpoint = ep::add_push_subscription},
      {.method = "GET",
       .path = "/api/v1/push/subscriptions",
       .operation_id = "listPushSubscriptions",
       .tag = "push",
       .summary = "One's own subscriptions, newest first",
       .parameters = {kIfNoneMatch},
       .replies = {document(kDevices)},
       .endpoint = ep::list_push_subscriptions},
      {.method = "DELETE",
       .path = "/api/v1/push/subscriptions/{subscription}",
       .operation_id = "removePushSubscription",
       .tag = "push",
       .summary = "Tell it no more",
       .parameters = {id},
       .replies = {{204, "It is told nothing any more."}},
       .endpoint = ep::remove_push_subscription},
  };
}

}  // namespace corral::edge
