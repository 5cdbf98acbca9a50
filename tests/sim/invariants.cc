#include "invariants.h"

#include <algorithm>
#include <functional>
#include <set>

#include "engine/digest.h"
#include "engine/projection.h"
#include "engine/session_host.h"

namespace corral::sim {

std::optional<std::string> Invariants::look() {
  for (;;) {
    const auto events = harness_.all_events(position_, 500);
    for (const auto& event : events) {
      if (event.position <= position_)
        return fmt::format("position {} comes after {}", event.position, position_);
      position_ = event.position;
      if (auto wrong = take(event))
        return fmt::format("event {} ({} of {}): {}", event.version, event.type, event.stream,
                           *wrong);
    }
    if (events.size() < 500) break;
  }
  if (auto wrong = check_processes()) return wrong;
  return check_queue();
}

std::optional<std::string> Invariants::take(const ports::Event& event) {
  fingerprint_ = std::hash<std::string>{}(fmt::format("{}/{}/{}/{}", fingerprint_, event.stream,
                                                      event.type, json::serialize(event.data)));
  if (event.stream.starts_with("session/")) return take_of_session(event);
  if (!event.stream.starts_with("run/")) return std::nullopt;
  const auto id = RunId::parse(event.stream.substr(4));
  if (!id) return "the stream names no run";
  auto& run = runs_[*id];
  if (event.version != run.version + 1) return fmt::format("comes after version {}", run.version);
  const auto parsed = domain::event_from(event.type, event.data);
  if (!parsed) return parsed.error().message;
  const auto before = run;
  domain::apply(run, *parsed, event.origin.actor);
  if (before.exists() && before.status != run.status)
    if (const auto legal = domain::check_transition(before.status, run.status); !legal)
      return legal.error().message;
  if (const auto* created = std::get_if<domain::WorkspaceCreated>(&parsed->body)) {
    if (before.workspace) return "it had a workspace already";
    workspaces_[created->workspace] = *id;
  }
  if (const auto* started = std::get_if<domain::StepStarted>(&parsed->body)) {
    const auto* step = before.find(started->step);
    if (step == nullptr || step->status != domain::StepStatus::pending) return "it was not pending";
    if (started->attempt != step->attempt + 1)
      return fmt::format("attempt {} comes after {}", started->attempt, step->attempt);
    if (before.paused && !step->definition.at_end) return "the run was paused";
  }
  if (const auto* waiting = std::get_if<domain::StepWaiting>(&parsed->body)) {
    const auto* step = run.find(waiting->step);
    const auto asked = std::ranges::find(run.approvals.rbegin(), run.approvals.rend(),
                                         waiting->step, &domain::Approval::step);
    if (step != nullptr && step->definition.kind == "approval" && asked != run.approvals.rend() &&
        asked->decision)
      return "it waits for an answer that has come";
  }
  if (domain::has_ended(run.status))
    for (const auto& step : run.steps)
      if (domain::is_under_way(step.status))
        return fmt::format("the run has ended, and its step {} has not", step.definition.name);
  return check_steps(before, run, event);
}

std::optional<std::string> Invariants::take_of_session(const ports::Event& event) {
  const auto id = SessionId::parse(event.stream.substr(8));
  if (!id) return "the stream names no session";
  auto& session = sessions_[*id];
  if (event.version != session.version + 1)
    return fmt::format("comes after version {}", session.version);
  if (session.status == domain::SessionStatus::ended) return "the session had ended";
  const auto parsed = domain::session_event_from(event.type, event.data);
  if (!parsed) return parsed.error().message;
  domain::apply(session, *parsed, event.origin.actor);
  return std::nullopt;
}

std::optional<std::string> Invariants::check_steps(const domain::Run& before,
                                                   const domain::Run& after,
                                                   const ports::Event& event) const {
  if (event.type == domain::RunRetried::kType || !before.exists()) return std::nullopt;
  for (const auto& step : after.steps) {
    const auto* old = before.find(step.definition.name);
    if (old == nullptr || old->status == step.status) continue;
    if (const auto legal = domain::check_transition(step.definition.name, old->status, step.status);
        !legal)
      return legal.error().message;
  }
  return std::nullopt;
}

// An attempt's process is started once, wherever that was.
std::optional<std::string> Invariants::check_processes() const {
  std::set<std::pair<RunId, std::string>> seen;
  for (const auto& [workspace, machine] : harness_.world.machines) {
    const auto run = workspaces_.find(workspace);
    if (run == workspaces_.end()) continue;
    for (const auto& [id, process] : machine.processes)
      if (!process.spec.env.contains("CORRAL_GIT") && !seen.insert({run->second, id}).second)
        return fmt::format("the process {} of run {} was started twice", id,
                           run->second.to_string());
  }
  return std::nullopt;
}

std::optional<std::string> Invariants::check_sessions_at_the_end() const {
  for (const auto& [id, session] : sessions_) {
    if (session.status != domain::SessionStatus::ended)
      return fmt::format("session {} of run {} is still {}", id.to_string(),
                         session.request.run.to_string(), to_string(session.status));
    if (harness_.session(id) != engine::session_json(session))
      return fmt::format("the read model of session {} is not what its events add up to",
                         id.to_string());
  }
  return std::nullopt;
}

// What a server outside is sent again says so, and nothing else bears its key; and a step that went
// well has been there.
std::optional<std::string> Invariants::check_requests() const {
  std::map<std::string, std::string> by_key;
  for (const auto& request : harness_.http.requests)
    for (const auto& [name, value] : request.headers) {
      if (name != "Idempotency-Key") continue;
      if (const auto [at, fresh] = by_key.emplace(value, request.body);
          !fresh && at->second != request.body)
        return fmt::format("two requests have the key {}: {} and {}", value, at->second,
                           request.body);
    }
  for (const auto& [id, run] : runs_)
    for (const auto& step : run.steps) {
      if (step.definition.kind != "http" || step.status != domain::StepStatus::completed ||
          run.request.forked_from)
        continue;
      const auto key =
          engine::uuid_of(fmt::format("http/{}/{}", id.to_string(), step.process_id())).to_string();
      if (!by_key.contains(key))
        return fmt::format("step {} of run {} went well, and asked nobody", step.definition.name,
                           id.to_string());
    }
  return std::nullopt;
}

std::optional<std::string> Invariants::check_queue() {
  std::map<std::string, std::uint32_t> by_group, by_slot;
  std::map<std::string, std::uint32_t> least;  // the strictest limit of those that hold the slot
  const auto claimed = harness_.jobs("claimed");
  for (const auto& job : claimed) {
    ++by_group[job.group];
    for (const auto& slot : job.slots) {
      ++by_slot[slot.name];
      least[slot.name] = std::max(least[slot.name], slot.limit);
    }
  }
  if (claimed.size() > harness_.options.running)
    return fmt::format("{} jobs are claimed at once", claimed.size());
  for (const auto& [group, count] : by_group)
    if (count > harness_.options.per_project)
      return fmt::format("{} jobs of one group are claimed at once", count);
  for (const auto& [slot, count] : by_slot)
    if (count > least[slot])
      return fmt::format("{} jobs hold the slot {} of {}", count, slot, least[slot]);
  return std::nullopt;
}

std::optional<std::string> Invariants::look_at_the_end(const std::vector<RunId>& accepted) {
  if (auto wrong = look()) return wrong;
  for (const auto id : accepted) {
    const auto run = runs_.find(id);
    if (run == runs_.end())
      return fmt::format("run {} was accepted and is not there", id.to_string());
    if (!domain::has_ended(run->second.status))
      return fmt::format("run {} is still {}", id.to_string(), to_string(run->second.status));
  }
  for (const auto& [id, run] : runs_) {
    if (!domain::has_ended(run.status))
      return fmt::format("run {} is still {}", id.to_string(), to_string(run.status));
    if (harness_.run(id) != engine::run_json(run))
      return fmt::format("the read model of run {} is not what its events add up to",
                         id.to_string());
  }
  if (auto wrong = check_sessions_at_the_end()) return wrong;
  if (auto wrong = check_requests()) return wrong;
  if (const auto living = harness_.world.living_processes(); living > 0)
    return fmt::format("{} processes are still alive", living);
  for (const auto& [workspace, machine] : harness_.world.machines)
    if (!harness_.world.destroyed.contains(workspace))
      return fmt::format(
          "workspace {} of run {} was left behind", workspace.to_string(),
          workspaces_.contains(workspace) ? workspaces_.at(workspace).to_string() : "?");
  for (const char* state : {"ready", "claimed", "failed"})
    if (const auto left = harness_.jobs(state); !left.empty())
      return fmt::format("job {} is {} although every run has ended", left.front().key, state);
  // A line of the engine's own may be worded by two drivers, while one of them does not know yet
  // that its lease is lost: the first stands. What processes print is the same whoever takes it.
  for (const auto& mismatch : harness_.logs.mismatches)
    if (!mismatch.contains(", corral/"))
      return "a log was written again with other bytes: " + mismatch;
  return std::nullopt;
}

}  // namespace corral::sim
