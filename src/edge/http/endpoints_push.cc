#include "edge/http/endpoints.h"

namespace corral::edge::endpoints {

Task<Result<void>> get_push_key(Api& api, Call& call) {
  return call.document(json::object{{"public_key", api.notify().push_key()}});
}

Task<Result<void>> add_push_subscription(Api& api, Call& call) {
  CORRAL_CO_TRY(const auto device,
                co_await api.notify().add_device(
                    {.endpoint = call.text("endpoint"),
                     .p256dh = std::string(find_string(call.body, {"keys", "p256dh"})),
                     .auth = std::string(find_string(call.body, {"keys", "auth"})),
                     .name = call.text("name")},
                    call.caller()));
  co_return co_await call.json_reply(201, {}, device);
}

Task<Result<void>> list_push_subscriptions(Api& api, Call& call) {
  CORRAL_CO_TRY(auto devices, co_await api.notify().list_devices(call.actor));
  co_return co_await call.document(items(std::move(devices)));
}

Task<Result<void>> remove_push_subscription(Api& api, Call& call) {
  CORRAL_CO_CHECK(co_await api.notify().remove_device(call.param("subscription"), call.caller()));
  co_return co_await call.out.send(204, {}, {});
}

}  // namespace corral::edge::endpoints
