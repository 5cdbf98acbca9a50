// One attempt at an agent step: the live process, the driver that speaks its protocol, and the
// record of both.
//
// What the agent printed is kept raw (log runs/<id>/agent/<process>); the driver is a deterministic
// machine fed from it, so that a server that takes over feeds it again from the start and
// everything it yields (text, timeline, inputs, permission requests) comes out the same and is
// dropped where it is known already. Two rules make that hold:
//  - the driver is fed in pieces that never go beyond a line's end, whatever pieces the stream came
//  in, and requests that
//    the policy allows are answered right after the piece that made them;
//  - a person's answer, and whatever else people tell the agent, is recorded with the output offset
//  at which it is given, before it is given.
// A further prompt waits in the driver until the agent's turn is over. When the process ends before
// that because of a quota, the step's wait says which prompts the agent got, and the process that
// goes on is told the others.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/process.h"
#include "ports/agent.h"

namespace corral::engine {

// Why a step waits whose agent gave up because the provider refused its calls for now.
inline constexpr std::string_view kQuotaWait = "quota";

// The id of the session that the agent began in an earlier round of this attempt, from what it
// printed then; nothing when it got to none.
Task<Result<std::optional<std::string>>> session_of_earlier_rounds(StepContext& context,
                                                                   ports::Agent& agent,
                                                                   const ports::AgentTask& task);

// Whether it is for the attempt of the step that is under way: a later one is not told.
bool is_for_attempt(const StepContext& context, const domain::Steering& steering);

class AgentSession final : public ProcessObserver {
 public:
  AgentSession(StepContext& context, ports::Agent& agent, ports::AgentTask task);

  // Starts or re-attaches to the process, and follows it to its end.
  Task<Result<StepEnd>> run();

  Task<Result<void>> on_change() override;
  std::optional<domain::Failure> stop_reason() const override;  // over budget
  bool should_end() const override { return result_.has_value(); }

 private:
  Task<Result<std::optional<domain::Failure>>> prepare();
  Task<Result<void>> replay();
  Task<Result<void>> take(std::uint64_t offset, std::string bytes);
  Task<Result<void>> take_error(std::uint64_t offset, std::string bytes);
  Task<Result<void>> feed(std::string_view bytes);
  Task<Result<void>> flush();
  void absorb(ports::AgentDriver::Step step);
  void answer_by_policy(const ports::AgentEvent& request);
  void repeat_answers();
  bool steer(const domain::Steering& steering);
  void note_prompt(const domain::Steering& steering, const ports::AgentDriver::Step& step);
  std::uint64_t next_answer_offset() const;
  std::string approval_id(std::string_view permission) const;
  const domain::Approval* own_approval(const domain::Approval& approval) const;
  void add_to_timeline(ports::AgentEvent event);
  StepEnd conclude(const ProcessEnd& end);
  Task<Result<std::string>> last_errors();

  StepContext& context_;
  ports::Agent& agent_;
  ports::AgentTask task_;
  const std::string process_;
  std::unique_ptr<ports::AgentDriver> driver_;
  std::shared_ptr<session::Log> raw_, errors_;
  bool separate_errors_ = false;
  domain::PermissionPolicy permissions_ = domain::PermissionPolicy::workspace;
  std::set<int> steered_;  // numbers of the steerings that the driver has had
  std::map<std::string, int, std::less<>> queued_;  // prompts that wait in it: id → steering
  std::vector<int> given_;                          // prompts that it is done with: steerings
  Mutex mutex_;  // the driver, and what it yields until that is flushed

  std::uint64_t fed_ = 0;        // bytes of raw output that the driver has had
  std::string text_, timeline_;  // yielded, not yet appended
  std::uint64_t text_end_ = 0, timeline_end_ = 0;
  std::vector<domain::Command> requests_;
  std::vector<ports::AgentInput> inputs_;
  bool close_input_ = false;
  bool finished_shown_ = false;
  std::optional<ports::AgentResult> result_;
};

}  // namespace corral::engine
