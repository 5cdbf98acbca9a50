// Where runs live when several servers share a store. Workspaces, mirrors, logs and artifacts are
// in the data folder of the server that made them: its home, as the run's events say. A run is
// driven there for as long as that server lives; afterwards wherever it can go on.
#pragma once

#include <map>
#include <string>

#include "engine/core.h"

namespace corral::engine {

// The workspace that a run has now and that is on this server. `conflict` when there is none,
// saying `instead` (what to do then, or what is left), or when it is on another server.
Result<WorkspaceId> present_workspace(const Core& core, const domain::Run& run,
                                      std::string_view instead);

class Homes {
 public:
  explicit Homes(Core& core) : core_(core) {}

  // Says in the store that this server is alive, and looks at the others. To be awaited once before
  // the first job is claimed, and then by keep(). On a store that is not shared both do nothing.
  Task<Result<void>> look();
  // Looks every heartbeat, until it is cancelled.
  Task<void> keep();

  // Whether the run may be driven here now. `conflict`: the server that it lives on is alive.
  // `unavailable`: that server is away, and the work so far is only there; it goes on once the
  // server is back.
  Task<Result<void>> check(const domain::Run& run);

 private:
  bool shared() const { return core_.options.store_use == StoreUse::shared; }
  bool alive(const std::string& server) const;

  struct Sign {
    std::uint64_t version = 0;  // of the server's document, which grows with each heartbeat
    Time since;                 // by this server's clock: the others' may go differently
  };
  Core& core_;
  std::map<std::string, Sign> signs_;
  Time looked_{};
};

}  // namespace corral::engine
