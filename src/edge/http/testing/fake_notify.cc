#include "edge/http/testing/fake_notify.h"

namespace corral::edge::testing {

Task<Result<json::value>> FakeNotify::add_device(engine::NewDevice device, engine::Caller by) {
  if (next_error) co_return std::unexpected(*std::exchange(next_error, std::nullopt));
  last = std::move(device);
  json::object document{{"id", fmt::format("019ab000-0000-8000-8000-{:012}", devices_.size())},
                        {"endpoint", last.endpoint},
                        {"name", last.name},
                        {"created_at", "2026-11-21T09:00:00.000Z"}};
  devices_.push_back({by.actor, document});
  co_return document;
}

Task<Result<std::vector<json::value>>> FakeNotify::list_devices(std::string actor) {
  std::vector<json::value> own;
  for (const auto& device : devices_)
    if (device.actor == actor) own.emplace_back(device.document);
  co_return own;
}

Task<Result<void>> FakeNotify::remove_device(std::string id, engine::Caller by) {
  const auto removed = std::erase_if(devices_, [&](const Kept& device) {
    return device.actor == by.actor && device.document.at("id") == json::string_view(id);
  });
  if (removed == 0) co_return fail(ErrorCode::not_found, "no device of yours has the id {}", id);
  co_return Result<void>{};
}

}  // namespace corral::edge::testing
