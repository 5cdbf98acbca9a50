// What a run (or a schedule) is asked for, as the API takes it.
#pragma once

#include <functional>
#include <string>

#include "base/error.h"
#include "base/json.h"
#include "edge/cli/arguments.h"

namespace corral::edge::cli {

struct Repository {
  std::string url;     // for the API
  std::string folder;  // the same when it is one of this machine, else empty
};

// A URL as it is; a folder as the absolute path of the repository that it is in. Empty when a
// project is named instead. `not_found`, `invalid` with the remedy.
Result<Repository> repository_of(const Arguments& args);

// Gets a document of the API. Called at most once, and only when the request cannot be made
// without.
using AskServer = std::function<Result<json::value>(const std::string& path)>;

// The body of POST /runs or POST /schedules. Whatever can be checked here is: problems of a
// workflow file name the file, line and column.
Result<json::value> run_request(const Arguments& args, const Repository& repository,
                                const AskServer& ask);

}  // namespace corral::edge::cli
