// People's devices that want to be told, for every edge: subscriptions to push messages (Web Push).
// JSON documents are the API's own (docs/api.md). Lives on the server's main executor.
#pragma once

#include "engine/service.h"

namespace corral::engine {

inline constexpr std::size_t kMaxDevicesOfOne = 20, kMaxDevices = 200;
inline constexpr std::size_t kMaxDeviceName = 100;

// As a browser's PushSubscription has it; keys in base64url.
struct NewDevice {
  std::string endpoint, p256dh, auth;
  std::string name;  // for people; may be empty
};

class NotifyService {
 public:
  virtual ~NotifyService() = default;

  // What browsers subscribe with (applicationServerKey), in base64url.
  virtual const std::string& push_key() const = 0;
  // Tells that device from now on. The same endpoint again is the same device, whoever had it
  // before; nothing that it is owed is lost by that. `invalid` and `forbidden` as
  // ports::PushService::check; `conflict` when the person, or all together, have too many.
  virtual Task<Result<json::value>> add_device(NewDevice device, Caller by) = 0;
  // A person's own, newest first. Without keys.
  virtual Task<Result<std::vector<json::value>>> list_devices(std::string actor) = 0;
  // `not_found` for one that is not the caller's own.
  virtual Task<Result<void>> remove_device(std::string id, Caller by) = 0;
};

}  // namespace corral::engine
