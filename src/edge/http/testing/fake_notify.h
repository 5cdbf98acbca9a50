// Devices in a list: enough for the edge's tests.
#pragma once

#include <vector>

#include "engine/notify_service.h"

namespace corral::edge::testing {

class FakeNotify final : public engine::NotifyService {
 public:
  engine::NewDevice last;
  std::optional<Error> next_error;  // given once, by the next add_device()

  const std::string& push_key() const override { return key_; }
  Task<Result<json::value>> add_device(engine::NewDevice device, engine::Caller by) override;
  Task<Result<std::vector<json::value>>> list_devices(std::string actor) override;
  Task<Result<void>> remove_device(std::string id, engine::Caller by) override;

 private:
  struct Kept {
    std::string actor;
    json::object document;
  };
  std::string key_ = "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIg";
  std::vector<Kept> devices_;
};

}  // namespace corral::edge::testing
