#include "engine/devices.h"

#include "base/base64url.h"
#include "engine/digest.h"

namespace corral::engine {
namespace {

Result<Device> device_of(const ports::Document& document) {
  const auto& body = document.body;
  const auto p256dh = from_base64url(find_string(body, {"p256dh"}));
  const auto auth = from_base64url(find_string(body, {"auth"}));
  if (!p256dh || !auth)
    return fail(ErrorCode::corrupt, "the store's device {} has keys that are none", document.id);
  return Device{.id = document.id,
                .actor = document.parent,
                .name = std::string(find_string(body, {"name"})),
                .key = std::string(find_string(body, {"key"})),
                .target = {std::string(find_string(body, {"endpoint"})), *p256dh, *auth},
                .position = static_cast<std::uint64_t>(find_int(body, {"position"})),
                .created = time_from_rfc3339(find_string(body, {"created_at"})).value_or(Time{}),
                .version = document.version};
}

}  // namespace

std::string device_id(const std::string& endpoint) {
  return uuid_of("push-device/" + endpoint).to_string();
}

json::value device_json(const Device& device) {
  return json::object{{"id", device.id},
                      {"endpoint", device.target.endpoint},
                      {"name", device.name},
                      {"created_at", to_rfc3339(device.created)}};
}

Task<Result<std::vector<Device>>> Devices::all() {
  CORRAL_CO_TRY(const auto documents, co_await store_.list({.kind = std::string(kDeviceKind),
                                                            .limit = ports::kMaxListLimit}));
  std::vector<Device> devices;
  for (const auto& document : documents) {
    CORRAL_CO_TRY(auto device, device_of(document));
    devices.push_back(std::move(device));
  }
  co_return devices;
}

Task<Result<std::optional<Device>>> Devices::get(std::string id) {
  CORRAL_CO_TRY(const auto document, co_await store_.get(std::string(kDeviceKind), std::move(id)));
  if (!document) co_return std::nullopt;
  CORRAL_CO_TRY(auto device, device_of(*document));
  co_return std::move(device);
}

Task<Result<void>> Devices::put(Device device) {
  json::value body = json::object{{"endpoint", device.target.endpoint},
                                  {"p256dh", base64url(device.target.p256dh)},
                                  {"auth", base64url(device.target.auth)},
                                  {"key", device.key},
                                  {"name", device.name},
                                  {"position", device.position},
                                  {"created_at", to_rfc3339(device.created)}};
  ports::Transaction transaction;
  transaction.changes.emplace_back(
      ports::PutDocument{.document = {.kind = std::string(kDeviceKind),
                                      .id = std::move(device.id),
                                      .parent = std::move(device.actor),
                                      .body = std::move(body)},
                         .expected_version = device.version});
  CORRAL_CO_CHECK(co_await store_.commit(std::move(transaction)));
  co_return Result<void>{};
}

Task<Result<void>> Devices::remove(std::string id) {
  ports::Transaction transaction;
  transaction.changes.emplace_back(ports::DeleteDocument{std::string(kDeviceKind), std::move(id)});
  CORRAL_CO_CHECK(co_await store_.commit(std::move(transaction)));
  co_return Result<void>{};
}

Task<Result<bool>> Devices::advance(std::string id, std::uint64_t position) {
  for (;;) {
    CORRAL_CO_TRY(auto device, co_await get(id));
    if (!device) co_return false;
    if (device->position >= position) co_return true;
    device->position = position;
    auto done = co_await put(*std::move(device));
    if (done) co_return true;
    // Its owner has just subscribed it again, or has removed it.
    if (done.error().code != ErrorCode::conflict) co_return std::unexpected(done.error());
  }
}

}  // namespace corral::engine
