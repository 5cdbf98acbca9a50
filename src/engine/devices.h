// The devices that want to be told, as the store keeps them: where each is reached, and up to which
// event it has been told.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ports/push_service.h"
#include "ports/store.h"

namespace corral::engine {

inline constexpr std::string_view kDeviceKind = "push_device";  // of documents

struct Device {
  std::string id;  // follows from the endpoint
  std::string actor, name;
  std::string key;  // of the server that it subscribed to: no other can reach it
  ports::PushTarget target;
  std::uint64_t position = 0;  // it has been told of every event up to this one
  Time created{};
  std::uint64_t version = 0;  // in the store; 0: not there yet
};

std::string device_id(const std::string& endpoint);
// What its owner sees of it.
json::value device_json(const Device& device);

// Thread-safety as ports::Store, which outlives it. Errors are the store's.
class Devices {
 public:
  explicit Devices(ports::Store& store) : store_(store) {}

  Task<Result<std::vector<Device>>> all();
  Task<Result<std::optional<Device>>> get(std::string id);
  // `conflict` when it has changed since it was read.
  Task<Result<void>> put(Device device);
  // Absent is fine.
  Task<Result<void>> remove(std::string id);
  // It has been told up to there. False: it is gone.
  Task<Result<bool>> advance(std::string id, std::uint64_t position);

 private:
  ports::Store& store_;
};

}  // namespace corral::engine
