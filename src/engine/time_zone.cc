#include "engine/time_zone.h"

#include <date/tz.h>

namespace corral::engine {
namespace {

class SystemZone final : public domain::Zone {
 public:
  explicit SystemZone(const date::time_zone& zone) : zone_(zone) {}

  std::chrono::local_seconds to_local(std::chrono::sys_seconds time) const override {
    return std::chrono::local_seconds(
        zone_.to_local(date::sys_seconds(time.time_since_epoch())).time_since_epoch());
  }
  std::optional<std::chrono::sys_seconds> to_time(std::chrono::local_seconds local) const override {
    const date::local_seconds wall(local.time_since_epoch());
    if (zone_.get_info(wall).result == date::local_info::nonexistent) return std::nullopt;
    return std::chrono::sys_seconds(zone_.to_sys(wall, date::choose::earliest).time_since_epoch());
  }

 private:
  const date::time_zone& zone_;  // of the process's one database
};

}  // namespace

Result<std::unique_ptr<domain::Zone>> find_zone(const std::string& name) {
  try {
    return std::make_unique<SystemZone>(*date::locate_zone(name));
  } catch (const std::exception&) {
    return fail(ErrorCode::invalid,
                "timezone: \"{}\" is unknown: use a name such as UTC or Europe/Berlin", name);
  }
}

}  // namespace corral::engine
