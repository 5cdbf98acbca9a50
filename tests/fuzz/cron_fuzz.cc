// Cron expressions: any text is refused with its field, or gives times that only go forward, on
// whole minutes, and that do not depend on how often one asks, also where the clock is changed.
#include "domain/testing/summer.h"

namespace {

using namespace corral;
using namespace std::chrono;

void check_from(const domain::Cron& cron, Time after) {
  const domain::Summer zone;
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
