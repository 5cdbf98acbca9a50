#include "engine/projection.h"

namespace corral::engine {
namespace {

json::value or_null(const std::string& text) {
  return text.empty() ? json::value(nullptr) : json::value(text);
}
template <class T>
json::value or_null(const std::optional<T>& value) {
  return domain::field_to_json(value);
}

std::string_view approval_state(const domain::Approval& approval) {
  if (approval.decision) return approval.decision->allow ? "allowed" : "denied";
  return approval.closed ? "closed" : "open";
}

json::value step_json(const domain::Step& step) {
  return json::object{{"name", step.definition.name},
                      {"kind", step.definition.kind},
                      {"status", std::string(to_string(step.status))},
                      {"attempt", step.attempt},
                      {"needs", domain::field_to_json(step.definition.needs)},
                      {"finally", step.definition.at_end},
                      {"matrix_of", or_null(step.of)},
                      {"matrix", step.matrix},
                      {"reason", or_null(step.reason)},
                      {"wakes_at", or_null(step.wakes_at)},
                      {"summary", or_null(step.summary)},
                      {"outputs", step.outputs},
                      {"started_at", or_null(step.started_at)},
                      {"finished_at", or_null(step.finished_at)},
                      {"error", or_null(step.error)}};
}

}  // namespace

json::value approval_json(const domain::Run& run, const domain::Approval& approval) {
  return json::object{{"id", approval.id},
                      {"run", run.id.to_string()},
                      {"step", approval.step},
                      {"tool", approval.tool},
                      {"input", approval.input},
                      {"text", approval.text},
                      {"choices", domain::field_to_json(approval.choices)},
                      {"approvers", domain::field_to_json(approval.approvers)},
                      {"until", or_null(approval.until)},
                      {"requested_at", to_rfc3339(approval.requested_at)}};
}

json::value run_json(const domain::Run& run) {
  const auto& request = run.request;
  json::array steps, approvals;
  for (const auto& step : run.steps) steps.push_back(step_json(step));
  for (const auto& approval : run.approvals)
    if (approval.open()) approvals.push_back(approval_json(run, approval));
  return json::object{
      {"id", run.id.to_string()},
      {"project",
       json::object{{"id", request.project.to_string()}, {"name", request.project_name}}},
      {"workflow", request.workflow.name},
      {"workflow_version", request.workflow.version},
      {"inputs", request.inputs},
      {"parent", or_null(request.parent)},
      {"parent_step", or_null(request.parent_step)},
      {"forked_from", or_null(request.forked_from)},
      {"forked_step", or_null(request.forked_step)},
      {"schedule", or_null(request.schedule)},
      {"agent", request.agent},
      {"prompt", request.prompt},
      {"checks", request.checks},
      {"permissions", std::string(to_string(request.permissions))},
      {"status", std::string(to_string(run.status))},
      {"attempt", run.attempt},
      {"waiting", run.waiting()},
      {"paused", run.paused},
      {"error", or_null(run.error)},
      {"isolation", or_null(run.isolation)},
      {"branch", request.branch},
      {"base_branch", run.base_branch.empty() ? request.base : run.base_branch},
      {"base_commit", or_null(run.base_commit)},
      {"commit", or_null(run.commit)},
      {"diff_stat", or_null(run.diff_stat)},
      {"cost_usd", run.cost.usd()},
      {"budget_usd", request.budget ? json::value(request.budget->usd()) : json::value(nullptr)},
      {"usage", domain::to_json(run.usage)},
      {"summary", or_null(run.summary)},
      {"approvals", std::move(approvals)},
      {"steps", std::move(steps)},
      {"created_by", run.created_by},
      {"created_at", to_rfc3339(run.created_at)},
      {"started_at", or_null(run.started_at)},
      {"finished_at", or_null(run.finished_at)},
      {"version", run.version},
  };
}

std::vector<ports::PutDocument> changed_documents(const domain::Run& before,
                                                  const domain::Run& after) {
  const std::string id = after.id.to_string();
  std::vector<ports::PutDocument> changes;
  changes.push_back({.document = {.kind = std::string(kRunKind),
                                  .id = id,
                                  .parent = after.request.project.to_string(),
                                  .state = std::string(to_string(after.status)),
                                  .body = run_json(after)}});
  for (const auto& approval : after.approvals) {
    const auto* old = before.find_approval(approval.id);
    if (old != nullptr && approval_state(*old) == approval_state(approval)) continue;
    changes.push_back({.document = {.kind = std::string(kApprovalKind),
                                    .id = approval.id,
                                    .parent = id,
                                    .state = std::string(approval_state(approval)),
                                    .body = approval_json(after, approval)}});
  }
  for (const auto& artifact : after.artifacts) {
    const bool known = std::ranges::any_of(before.artifacts, [&](const auto& old) {
      return old.name == artifact.name && old.hash == artifact.hash;
    });
    if (known) continue;
    changes.push_back(
        {.document = {.kind = std::string(kArtifactKind),
                      .id = id + "/" + artifact.name,
                      .parent = id,
                      .name = artifact.name,
                      .body = json::object{{"name", artifact.name},
                                           {"media_type", artifact.media_type},
                                           {"size_bytes", artifact.size_bytes},
                                           {"hash", artifact.hash},
                                           {"created_at", to_rfc3339(artifact.created_at)}}}});
  }
  return changes;
}

}  // namespace corral::engine
