// Cron expressions: any text is refused with its field, or gives times that only go forward, on
// whole minutes, and that do not depend on how often one asks, also where the clock is changed.
#include "domain/cron.h"

namespace {

using namespace corral;
using namespace std::chrono;

// Summer time from 31 March 2030 01:00 UTC until 27 October 2030 01:00 UTC.
class Summer final : public domain::Zone {
 public:
  local_seconds to_local(sys_seconds time) const override {
    return local_seconds(time.time_since_epoch()) + (is_summer(time) ? hours(2) : hours(1));
  }
  std::optional<sys_seconds> to_time(local_seconds local) const override {
    for (const auto offset : {hours(2), hours(1)}) {
      const sys_seconds time(local.time_since_epoch() - offset);
      if (to_local(time) == local) return time;
    }
    return std::nullopt;
  }

 private:
  static bool is_summer(sys_seconds time) {
    return time >= sys_days(2030y / March / 31) + hours(1) &&
           time < sys_days(2030y / October / 27) + hours(1);
  }
};

void check_from(const domain::Cron& cron, Time after) {
  const Summer zone;
  for (int i = 0; i < 3; ++i) {
    const auto next = cron.next_after(after, zone);
    if (!next) return;
    CORRAL_ASSERT(*next > after);
    CORRAL_ASSERT(floor<minutes>(*next) == *next);
    CORRAL_ASSERT(cron.next_after(*next - Duration(1), zone) == next);
    after = *next;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto cron = domain::Cron::parse({reinterpret_cast<const char*>(data), size});
  if (!cron) {
    CORRAL_ASSERT(cron.error().code == ErrorCode::invalid);
    CORRAL_ASSERT(cron.error().message.starts_with("cron: \""));
    return 0;
  }
  for (const auto& after :
       {sys_days(2030y / March / 31) + minutes(31), sys_days(2030y / October / 27) + minutes(29),
        sys_days(2030y / October / 27) + minutes(61)})
    check_from(*cron, Time(after.time_since_epoch()));
  return 0;
}
