// From what happened to what people are told of it: reads of the store what domain/notice.h needs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "domain/notice.h"
#include "ports/store.h"

namespace corral::engine {

// The types of events that may be worth telling.
const std::vector<std::string>& told_events();

// A notice, and when it still is true: while the store has that document in that state.
struct OwedNotice {
  std::uint64_t position = 0;  // of the event
  Time at{};
  domain::Notice notice;
  std::string kind, id, state;  // an empty kind: for ever
};

// Nothing when nobody is to be told of that event. Errors are the store's.
Task<Result<std::optional<OwedNotice>>> notice_of(ports::Store& store, ports::Event event);

// False once it is told in vain: it was answered, or has gone on, or was too long ago.
Task<Result<bool>> is_still_so(ports::Store& store, OwedNotice owed, Time now);

}  // namespace corral::engine
