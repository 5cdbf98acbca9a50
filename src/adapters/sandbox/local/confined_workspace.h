// A workspace of the reduced mode: each process it starts confines itself first.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ports/launcher.h"
#include "runner/client/runner_client.h"

namespace corral::adapters::sandbox {

struct ConfinedPlaces {
  std::string runner;           // corral-runner on the host: it is what confines
  std::string work, home, tmp;  // writable
  std::vector<ports::ReadOnlyMount>
      mounts;            // there is no mount: their targets are rewritten to the sources
  std::string filter;    // seccomp
  bool confined = true;  // false: the mode none, where only the rewriting is done
};

std::shared_ptr<ports::Workspace> make_confined_workspace(
    std::shared_ptr<runner::client::RunnerClient> client, ConfinedPlaces places);

}  // namespace corral::adapters::sandbox
