#include "engine/run_snapshot.h"

#include "base/log.h"

namespace corral::engine {

bool is_snapshot_due(const domain::Run& before, const domain::Run& after) {
  return after.version / kSnapshotEvery > before.version / kSnapshotEvery;
}

ports::PutDocument snapshot_of(const domain::Run& run) {
  return {.document = {.kind = std::string(kSnapshotKind),
                       .id = run.id.to_string(),
                       .body = json::object{{"schema", domain::state_schema()},
                                            {"version", run.version},
                                            {"run", domain::to_json(run)}}}};
}

bool is_of_this_program(const ports::Document& snapshot) {
  return find_string(snapshot.body, {"schema"}) == domain::state_schema();
}

std::optional<domain::Run> run_of_snapshot(RunId id, const ports::Document& snapshot) {
  if (!is_of_this_program(snapshot)) return std::nullopt;
  domain::Run run;
  const auto* state = find(snapshot.body, {"run"});
  const auto version = find_int(snapshot.body, {"version"}, 0);
  if (state != nullptr && domain::from_json(*state, run) && run.id == id && version > 0 &&
      run.version == static_cast<std::uint64_t>(version))
    return run;
  log::warning("run.snapshot_unreadable",
               {{"run", id.to_string()},
                {"what", "all of its events are read instead; `corral store rebuild` mends it"}});
  return std::nullopt;
}

}  // namespace corral::engine
