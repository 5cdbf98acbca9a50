#include "engine/agent_session.h"

#include <algorithm>
#include <csignal>
#include <map>
#include <variant>

#include "base/log.h"
#include "engine/digest.h"

namespace corral::engine {
namespace {

constexpr std::size_t kReplaySlice = 256u << 10;
constexpr std::size_t kErrorTail = 8u << 10;

using Kind = ports::AgentEvent::Kind;

}  // namespace

Task<Result<std::optional<std::string>>> session_of_earlier_rounds(StepContext& context,
                                                                   ports::Agent& agent,
                                                                   const ports::AgentTask& task) {
  for (int round = context.step().round - 1; round >= 0; --round) {
    const std::string name =
        run_log_folder(context.run.id) + "/agent/" + context.step().process_id(round);
    CORRAL_CO_TRY(const auto raw,
                  co_await context.core.deps.logs.open(name, session::LogStore::Open::create));
    if (raw->end() == 0) continue;
    const auto driver = agent.driver(task);
    auto step = driver->begin();
    for (std::uint64_t at = 0;;) {
      for (const auto& event : step.events)
        if (event.kind == Kind::started && !event.id.empty()) co_return event.id;
      if (at >= raw->end()) break;
      CORRAL_CO_TRY(const auto bytes, co_await raw->read(at, kReplaySlice));
      at += bytes.size();
      step = driver->on_output(bytes);
    }
  }
  co_return std::nullopt;
}

bool is_for_attempt(const StepContext& context, const domain::Steering& steering) {
  return steering.step == context.name && steering.attempt == context.step().attempt;
}

AgentSession::AgentSession(StepContext& context, ports::Agent& agent, ports::AgentTask task)
    : context_(context),
      agent_(agent),
      task_(std::move(task)),
      process_(context.process_id()),
      driver_(agent.driver(task_)),
      mutex_(context.core.deps.executor) {
  CORRAL_ASSERT(domain::from_string(task_.permission_policy, permissions_));
}

Task<Result<StepEnd>> AgentSession::run() {
  CORRAL_CO_TRY(auto failure, co_await prepare());
  if (failure) co_return StepEnd{.failure = std::move(failure), .summary = {}};
  CORRAL_CO_CHECK(co_await replay());
  // Before more of its output is read, in which its last turn may end: what people have said until
  // now was in time.
  CORRAL_CO_CHECK(co_await on_change());

  std::vector<Channel> channels;
  channels.push_back(
      {process_, raw_->source_end("out"),
       [this](std::uint64_t offset, std::string bytes) { return take(offset, std::move(bytes)); }});
  if (separate_errors_) {
    const std::string source = process_ + ".err";
    channels.push_back(
        {source, errors_->source_end(source), [this](std::uint64_t offset, std::string bytes) {
           return take_error(offset, std::move(bytes));
         }});
  }
  CORRAL_CO_TRY(const auto end,
                co_await follow_process(context_, process_, std::move(channels), this));

  if (!result_) {
    CORRAL_CO_TRY(const auto errors, co_await last_errors());
    result_ = driver_->on_exit(end.exit_code, errors);
  }
  if (!finished_shown_)
    add_to_timeline({.kind = Kind::finished, .text = result_->summary, .is_error = !result_->ok});
  const auto guard = co_await mutex_.lock();
  CORRAL_CO_CHECK(co_await flush());
  // What the gateway has seen of the model is in the run.
  CORRAL_CO_CHECK(co_await context_.reload());
  co_return conclude(end);
}

StepEnd AgentSession::conclude(const ProcessEnd& end) {
  // Ended by exit_grace's signal after a good result is a good end; so is a time limit that struck
  // after it.
  if (end.failure && !(result_->ok && end.failure->code == ErrorCode::deadline))
    return {.failure = end.failure, .summary = {}};
  if (!result_->ok && context_.run.quota_reset)
    return {.waits = StepWait{std::string(kQuotaWait), context_.run.quota_reset, true, given_}};
  if (!result_->ok) {
    const std::string why = result_->summary.empty() ? "it gave no reason" : result_->summary;
    return {.failure = domain::Failure{ErrorCode::conflict,
                                       fmt::format("the agent {} failed: {}", agent_.name(), why)},
            .summary = {}};
  }
  return {.failure = std::nullopt, .summary = result_->summary};
}

Task<Result<std::optional<domain::Failure>>> AgentSession::prepare() {
  const std::string folder = run_log_folder(context_.run.id) + "/agent/" + process_;
  CORRAL_CO_TRY(raw_,
                co_await context_.core.deps.logs.open(folder, session::LogStore::Open::create));
  auto launch = agent_.launch(task_);
  if (!launch) co_return domain::failure_of(launch.error());
  separate_errors_ = !launch->process.merge_errors;
  if (separate_errors_) {
    CORRAL_CO_TRY(errors_, co_await context_.core.deps.logs.open(folder + ".err",
                                                                 session::LogStore::Open::create));
  }
  // Once it has printed something it was started, and what it made of its files since is its own.
  if (raw_->end() == 0) {
    for (auto& [path, content] : launch->files) {
      auto written = co_await context_.workspace->write_file(path, content, 0600);
      if (!written)
        co_return domain::Failure{
            written.error().code,
            fmt::format("{} could not be written: {}", path, written.error().describe())};
    }
  }
  auto spec = std::move(launch->process);
  spec.id = process_;
  spec.timeout = context_.time_left();
  co_return co_await start_process(context_, std::move(spec));
}

// Brings the driver to where it was: from the raw output so far and the answers given so far.
Task<Result<void>> AgentSession::replay() {
  const auto guard = co_await mutex_.lock();
  absorb(driver_->begin());
  repeat_answers();
  while (fed_ < raw_->end()) {
    CORRAL_CO_TRY(const auto bytes, co_await raw_->read(fed_, kReplaySlice));
    CORRAL_CO_CHECK(co_await feed(bytes));
    CORRAL_CO_CHECK(co_await flush());
  }
  co_return co_await flush();
}

Task<Result<void>> AgentSession::take(std::uint64_t offset, std::string bytes) {
  const auto guard = co_await mutex_.lock();
  // The raw record comes first: what the driver has seen can always be shown to it again.
  CORRAL_CO_CHECK(co_await raw_->append("out", offset, bytes));
  const auto known = fed_ > offset ? std::min<std::uint64_t>(fed_ - offset, bytes.size()) : 0;
  CORRAL_CO_CHECK(co_await feed(std::string_view(bytes).substr(known)));
  co_return co_await flush();
}

// Into the run's log, then into its own, which says how far this has come.
Task<Result<void>> AgentSession::take_error(std::uint64_t offset, std::string bytes) {
  const std::string source = process_ + ".err";
  CORRAL_CO_CHECK(co_await context_.log->append(source, offset, bytes));
  co_return co_await errors_->append(source, offset, std::move(bytes));
}

Task<Result<void>> AgentSession::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto line = bytes.find('\n');
    auto size = line == std::string_view::npos ? bytes.size() : line + 1;
    size = static_cast<std::size_t>(std::min<std::uint64_t>(size, next_answer_offset() - fed_));
    auto step = driver_->on_output(bytes.substr(0, size));
    fed_ += size;
    bytes.remove_prefix(size);
    absorb(std::move(step));
    repeat_answers();
  }
  co_return Result<void>{};
}

std::string AgentSession::approval_id(std::string_view permission) const {
  return uuid_of(
             fmt::format("approval/{}/{}/{}", context_.run.id.to_string(), process_, permission))
      .to_string();
}

// Of this attempt, not an earlier one's.
const domain::Approval* AgentSession::own_approval(const domain::Approval& approval) const {
  return approval.id == approval_id(approval.permission) ? &approval : nullptr;
}

// Where the next recorded answer belongs. Later than all output when there is none.
std::uint64_t AgentSession::next_answer_offset() const {
  auto next = std::numeric_limits<std::uint64_t>::max();
  for (const auto& approval : context_.run.approvals)
    if (approval.applied_at && *approval.applied_at > fed_ && own_approval(approval) != nullptr)
      next = std::min(next, *approval.applied_at);
  for (const auto& steering : context_.run.steerings)
    if (steering.applied_at && *steering.applied_at > fed_ && steering.process == process_)
      next = std::min(next, *steering.applied_at);
  return next;
}

// Tells the agent what it was told at this place, in that order. The driver ignores an answer that
// it has had.
void AgentSession::repeat_answers() {
  std::map<std::uint64_t, std::variant<domain::Approval, domain::Steering>> here;
  for (const auto& approval : context_.run.approvals)
    if (approval.applied_at == fed_ && approval.decision && own_approval(approval) != nullptr)
      here.emplace(approval.applied_version, approval);
  for (const auto& steering : context_.run.steerings)
    if (steering.applied_at == fed_ && steering.process == process_)
      here.emplace(steering.applied_version, steering);
  for (const auto& [version, told] : here) {
    if (const auto* steering = std::get_if<domain::Steering>(&told)) {
      (void)steer(*steering);
      continue;
    }
    const auto& approval = std::get<domain::Approval>(told);
    absorb(
        driver_->answer(approval.permission, approval.decision->allow, approval.decision->message));
  }
}

// Whether the agent has a protocol for it.
bool AgentSession::steer(const domain::Steering& steering) {
  if (!steered_.insert(steering.number).second) return true;
  ports::AgentDriver::Step step;
  switch (steering.what) {
    case domain::SteeringKind::prompt:
      step = driver_->prompt(steering.text);
      note_prompt(steering, step);
      break;
    case domain::SteeringKind::interrupt: step = driver_->interrupt(); break;
    case domain::SteeringKind::mode:
      if (!domain::from_string(steering.text, permissions_)) break;
      step = driver_->set_permission_policy(steering.text);
      break;
  }
  const bool spoke = !step.inputs.empty();
  absorb(std::move(step));
  return spoke;
}

// A prompt that does not wait in the driver was taken at once, or is one that the agent never
// takes.
void AgentSession::note_prompt(const domain::Steering& steering,
                               const ports::AgentDriver::Step& step) {
  if (result_) return;  // nobody listened
  const auto queued = std::ranges::find(step.events, Kind::prompt, &ports::AgentEvent::kind);
  if (queued == step.events.end())
    given_.push_back(steering.number);
  else
    queued_[queued->id] = steering.number;
}

void AgentSession::absorb(ports::AgentDriver::Step step) {
  text_ += step.text;
  std::ranges::move(step.inputs, std::back_inserter(inputs_));
  close_input_ = close_input_ || step.close_input;
  if (step.result) {
    result_ = std::move(step.result);
    close_input_ = true;
    context_.core.drivers.notify(context_.run.id);
  }
  std::vector<ports::AgentEvent> asked;
  for (auto& event : step.events) {
    if (event.kind == Kind::permission_request) asked.push_back(event);
    if (event.kind == Kind::permission_answer)
      requests_.emplace_back(domain::WithdrawApproval{approval_id(event.id)});
    if (event.kind == Kind::prompt_given)
      if (const auto queued = queued_.extract(event.id)) given_.push_back(queued.mapped());
    if (event.kind == Kind::finished) finished_shown_ = true;
    add_to_timeline(std::move(event));
  }
  for (const auto& request : asked) answer_by_policy(request);
}

void AgentSession::answer_by_policy(const ports::AgentEvent& request) {
  if (permissions_ == domain::PermissionPolicy::workspace)
    return absorb(driver_->answer(request.id, true, ""));
  requests_.emplace_back(domain::RequestApproval{approval_id(request.id),
                                                 context_.name,
                                                 request.id,
                                                 request.tool,
                                                 request.text,
                                                 request.input,
                                                 {},
                                                 {},
                                                 {}});
}

void AgentSession::add_to_timeline(ports::AgentEvent event) {
  // People answer by the approval's id, and so find the request in the timeline by it.
  if (event.kind == Kind::permission_request || event.kind == Kind::permission_answer)
    event.id = approval_id(event.id);
  // RFC 3339 with milliseconds: always the same size, so that a replay at another time has the same
  // offsets.
  json::object line{{"time", to_rfc3339(context_.core.deps.clock.now())}, {"step", context_.name}};
  json::value fields = ports::to_json(event);
  for (auto& field : fields.get_object()) line[field.key()] = std::move(field.value());
  timeline_ += json::serialize(line) + "\n";
}

// Appends, sends and asks what the driver has yielded. Of a replay, logs, run and workspace drop
// what they have.
Task<Result<void>> AgentSession::flush() {
  // Offsets move on first: should this be cut off, the next append shows a gap and the whole is
  // replayed, rather than that bytes are taken for known ones.
  if (!text_.empty()) {
    const auto at = std::exchange(text_end_, text_end_ + text_.size());
    CORRAL_CO_CHECK(
        co_await context_.log->append("agent/" + process_, at, std::exchange(text_, {})));
  }
  if (!timeline_.empty()) {
    const auto at = std::exchange(timeline_end_, timeline_end_ + timeline_.size());
    CORRAL_CO_CHECK(
        co_await context_.timeline->append("agent/" + process_, at, std::exchange(timeline_, {})));
  }
  for (auto& request : std::exchange(requests_, {})) {
    // A person's own answer shows as an event too, with nothing left to withdraw.
    if (const auto* withdraw = std::get_if<domain::WithdrawApproval>(&request))
      if (const auto* approval = context_.run.find_approval(withdraw->approval);
          approval == nullptr || !approval->open())
        continue;
    CORRAL_CO_CHECK(co_await context_.tell(std::move(request)));
  }
  for (auto& input : std::exchange(inputs_, {})) {
    const auto sent =
        co_await context_.workspace->input(process_, input.id, std::move(input.bytes));
    // A process that ended does not listen any more. It says by its own end how it fared.
    if (!sent)
      log::debug("agent.input_refused",
                 {{"run", context_.run.id.to_string()}, {"why", sent.error().describe()}});
  }
  if (std::exchange(close_input_, false)) (void)co_await context_.workspace->close_input(process_);
  co_return Result<void>{};
}

// Tells the agent what people decided since.
Task<Result<void>> AgentSession::on_change() {
  const auto guard = co_await mutex_.lock();
  CORRAL_CO_CHECK(co_await context_.reload());
  std::vector<domain::Approval> decided;
  for (const auto& approval : context_.run.approvals)
    if (approval.decision && !approval.applied_at && own_approval(approval) != nullptr)
      decided.push_back(approval);
  for (const auto& approval : decided) {
    CORRAL_CO_CHECK(co_await context_.tell(domain::ApplyApproval{approval.id, fed_}));
    absorb(
        driver_->answer(approval.permission, approval.decision->allow, approval.decision->message));
    CORRAL_CO_CHECK(co_await flush());
  }
  std::vector<domain::Steering> told;
  for (const auto& steering : context_.run.steerings)
    if (!steering.applied_at && is_for_attempt(context_, steering)) told.push_back(steering);
  for (const auto& steering : told) {
    // It takes none any more. Should its step go on, the next process is told.
    if (result_ && steering.what == domain::SteeringKind::prompt) continue;
    CORRAL_CO_CHECK(co_await context_.tell(domain::ApplySteering{steering.number, process_, fed_}));
    const bool spoke = steer(steering);
    CORRAL_CO_CHECK(co_await flush());
    if (!spoke && !result_ && steering.what == domain::SteeringKind::interrupt)
      (void)co_await context_.workspace->signal(process_, SIGINT);
  }
  co_return Result<void>{};
}

std::optional<domain::Failure> AgentSession::stop_reason() const {
  const auto& run = context_.run;
  if (!run.budget_exceeded) return std::nullopt;
  const auto checked = domain::check_budget(run.request.budget, run.cost);
  return domain::Failure{ErrorCode::exhausted,
                         checked ? "the run's budget is spent" : checked.error().message};
}

Task<Result<std::string>> AgentSession::last_errors() {
  const auto& from = separate_errors_ ? errors_ : raw_;
  const auto end = from->end();
  co_return co_await from->read(end > kErrorTail ? end - kErrorTail : 0, kErrorTail);
}

}  // namespace corral::engine
