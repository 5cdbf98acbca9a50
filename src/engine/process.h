// Processes of a step: started once, followed by whichever driver is there, ended when the run must
// stop.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/step_kind.h"

namespace corral::engine {

// What a follower of a process may want to do while it runs. Called one at a time.
class ProcessObserver {
 public:
  virtual ~ProcessObserver() = default;
  // The run may have changed (`context.run` is fresh). An Error is the engine's own trouble and
  // ends the following.
  virtual Task<Result<void>> on_change() = 0;
  // Why the process must be ended, but for cancelling the run, which always ends it.
  virtual std::optional<domain::Failure> stop_reason() const = 0;
  // True once the process has nothing left to do: it then gets EngineOptions::exit_grace to end by
  // itself.
  virtual bool should_end() const = 0;
};

struct Channel {
  std::string name;
  std::uint64_t from = 0;
  ports::OutputSink sink;  // its error is the engine's own trouble
};

struct ProcessEnd {
  std::optional<domain::Failure>
      failure;  // it could not be run or followed, was stopped, ran out of time or memory
  int exit_code = 0;
};

// Starts a process of the step; success when it was started before. The failure is the step's.
Task<std::optional<domain::Failure>> start_process(StepContext& context, ports::ProcessSpec spec);

// Delivers its output and waits for its end; when the run must stop: SIGINT, then SIGTERM, then
// SIGKILL to its whole tree.
Task<Result<ProcessEnd>> follow_process(StepContext& context, std::string process,
                                        std::vector<Channel> channels, ProcessObserver* observer);

// Both, with all output into the run's log.
Task<Result<ProcessEnd>> run_logged_process(StepContext& context, ports::ProcessSpec spec);

// A sink into a log, whose source is the channel. The log outlives the sink.
ports::OutputSink log_sink(std::shared_ptr<session::Log> log, std::string source);

}  // namespace corral::engine
