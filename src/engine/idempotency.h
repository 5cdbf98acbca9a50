// Commands that are carried out once for each key, however often they come.
#pragma once

#include <optional>
#include <string>

#include "engine/core.h"

namespace corral::engine {

// One command and its key. Without a key nothing is remembered.
class Once {
 public:
  // `what` tells the command from any other: the same key with another one is a `conflict`.
  // `invalid` when the key is too long.
  static Result<Once> of(const Caller& by, std::string_view what);

  // The run that the command was about, or that came of it, when it was carried out before.
  Task<Result<std::optional<RunId>>> earlier(Core& core) const;
  // To go into the transaction that carries it out: whoever comes second gets a `conflict`, and
  // finds the first one by earlier().
  void remember(RunId run, std::vector<ports::Change>& changes) const;
  bool keyed() const { return !id_.empty(); }

 private:
  std::string id_, hash_;
};

}  // namespace corral::engine
