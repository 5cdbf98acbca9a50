// The route table: every address of the API, what it takes and what it answers.
#include "edge/http/endpoints.h"

namespace corral::edge {
namespace {

using enum Parameter::In;
namespace ep = endpoints;

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kName = R"({"type":"string","maxLength":200})";

const Parameter kStep{"step", path, R"({"type":"string","minLength":1,"maxLength":100})",
                      "The step's name."};
const Parameter kRun{"run", path, R"({"type":"string","format":"uuid"})", "The run's id."};
const Parameter kProject{"project", path, kName, "The project's id or name."};
const Parameter kGroup{"group", path, kName, "The group's id or name."};
const Parameter kLimit{"limit", query,
                       R"({"type":"integer","minimum":1,"maximum":500,"default":50})",
                       "At most so many."};
const Parameter kCursor{"cursor", query, R"({"type":"string","minLength":1,"maxLength":1000})",
                        "The next_cursor of the page before."};
const Parameter kFrom{"from", query, R"({"type":"integer","minimum":0,"maximum":9007199254740991})",
                      "The first one wanted."};
const Parameter kSearched{"q", query, R"({"type":"string","minLength":1,"maxLength":1024})",
                          "The text, as it is read on the screen."};
const Parameter kIgnoreCase{"ignore_case", query, R"({"type":"string","enum":["true","false"]})",
                            "Whether a is A, for the letters a to z."};
const Parameter kOffset{"offset", query,
                        R"({"type":"integer","minimum":0,"maximum":9007199254740991})",
                        "The first byte wanted; at most the log's present size."};
const Parameter kLastEventId{"Last-Event-ID", header, R"({"type":"string","maxLength":100})",
                             "Event streams only: go on after this id; goes before the query."};
const Parameter kIfNoneMatch{"If-None-Match", header, R"({"type":"string","maxLength":1000})",
                             "The ETag of the copy at hand."};
const Parameter kIdempotencyKey{"Idempotency-Key", header,
                                R"({"type":"string","minLength":1,"maxLength":255})",
                                "The same key and request again are carried out once; the same "
                                "key with another request is a conflict."};

Reply document(std::string_view schema, std::string_view description = "It.") {
  return {200, description, kJson, schema, {{"ETag", "For If-None-Match."}}};
}
const std::pair<std::string_view, std::string_view> kLocation{"Location",
                                                              "Where it is found from now on."};

constexpr std::string_view kRunSchema = R"({"$ref":"#/components/schemas/Run"})";

std::vector<Route> system_routes() {
  return {
      {.method = "GET",
       .path = "/api/v1/openapi.json",
       .operation_id = "getOpenApi",
       .tag = "system",
       .summary = "This document",
       .parameters = {kIfNoneMatch},
       .replies = {document(R"({"type":"object"})")},
       .access = Access::open,
       .endpoint = ep::get_openapi},
      {.method = "GET",
       .path = "/api/v1/info",
       .operation_id = "getInfo",
       .tag = "system",
       .summary = "What this server is and can do",
       .parameters = {kIfNoneMatch},
       .replies = {document(R"({"$ref":"#/components/schemas/Info"})")},
       .endpoint = ep::get_info},
      {.method = "GET",
       .path = "/api/v1/agents",
       .operation_id = "listAgents",
       .tag = "system",
       .summary = "The agents and whether they can run",
       .parameters = {kIfNoneMatch},
       .replies = {document(
           R"({"type":"object","required":["items"],"properties":{"items":{"type":"array","items":{"$ref":"#/components/schemas/Agent"}}}})")},
       .endpoint = ep::list_agents},
      {.method = "POST",
       .path = "/api/v1/login",
       .operation_id = "login",
       .tag = "system",
       .summary = "Trade the token for a cookie",
       .description = "The cookie is HttpOnly and SameSite=Strict. Where no token is set, any is "
                      "fine and no cookie is needed.",
       .body = "Login",
       .replies =
           {{204, "Logged in.", {}, {}, {{"Set-Cookie", "corral_session, when a token is set."}}}},
       .refusals = {401},
       .access = Access::open,
       .endpoint = ep::login},
      {.method = "POST",
       .path = "/api/v1/logout",
       .operation_id = "logout",
       .tag = "system",
       .summary = "Drop the cookie",
       .replies = {{204, "Logged out.", {}, {}, {{"Set-Cookie", "Empties corral_session."}}}},
       .access = Access::open,
       .endpoint = ep::logout},
      {.method = "GET",
       .path = "/healthz",
       .operation_id = "healthz",
       .tag = "system",
       .summary = "Whether the process lives",
       .replies = {{200, "It does.", "text/plain"}},
       .access = Access::open,
       .endpoint = ep::healthz},
      {.method = "GET",
       .path = "/readyz",
       .operation_id = "readyz",
       .tag = "system",
       .summary = "Whether it can serve",
       .replies = {{200, "It can.", "text/plain"}},
       .access = Access::open,
       .endpoint = ep::readyz},
      {.method = "GET",
       .path = "/metrics",
       .operation_id = "metrics",
       .tag = "system",
       .summary = "Figures for Prometheus",
       .replies = {{200, "Text exposition, version 0.0.4.", "text/plain"}},
       .endpoint = ep::metrics},
  };
}

std::vector<Route> project_routes() {
  constexpr std::string_view kGroups =
      R"({"type":"object","required":["items","next_cursor"],"properties":{"items":{"type":"array","items":{"$ref":"#/components/schemas/Group"}},"next_cursor":{"type":["string","null"]}}})";
  constexpr std::string_view kProjects =
      R"({"type":"object","required":["items","next_cursor"],"properties":{"items":{"type":"array","items":{"$ref":"#/components/schemas/Project"}},"next_cursor":{"type":["string","null"]}}})";
  return {
      {.method = "POST",
       .path = "/api/v1/groups",
       .operation_id = "createGroup",
       .tag = "projects",
       .summary = "Make a group",
       .parameters = {kIdempotencyKey},
       .body = "NewGroup",
       .replies = {{201, "Made.", kJson, R"({"$ref":"#/components/schemas/Group"})", {kLocation}}},
       .endpoint = ep::create_group},
      {.method = "GET",
       .path = "/api/v1/groups",
       .operation_id = "listGroups",
       .tag = "projects",
       .summary = "The groups",
       .parameters = {kLimit, kCursor, kIfNoneMatch},
       .replies = {document(kGroups)},
       .endpoint = ep::list_groups},
      {.method = "GET",
       .path = "/api/v1/groups/{group}",
       .operation_id = "getGroup",
       .tag = "projects",
       .summary = "One group",
       .parameters = {kGroup, kIfNoneMatch},
       .replies = {document(R"({"$ref":"#/components/schemas/Group"})")},
       .endpoint = ep::get_group},
      {.method = "POST",
       .path = "/api/v1/projects",
       .operation_id = "createProject",
       .tag = "projects",
       .summary = "Make a project",
       .parameters = {kIdempotencyKey},
       .body = "NewProject",
       .replies =
           {{201, "Made.", kJson, R"({"$ref":"#/components/schemas/Project"})", {kLocation}}},
       .endpoint = ep::create_project},
      {.method = "GET",
       .path = "/api/v1/projects",
       .operation_id = "listProjects",
       .tag = "projects",
       .summary = "The projects",
       .parameters = {kLimit, kCursor, kIfNoneMatch},
       .replies = {document(kProjects)},
       .endpoint = ep::list_projects},
      {.method = "GET",
       .path = "/api/v1/projects/{project}",
       .operation_id = "getProject",
       .tag = "projects",
       .summary = "One project",
       .parameters = {kProject, kIfNoneMatch},
       .replies = {document(R"({"$ref":"#/components/schemas/Project"})")},
       .endpoint = ep::get_project},
      {.method = "DELETE",
       .path = "/api/v1/projects/{project}",
       .operation_id = "deleteProject",
       .tag = "projects",
       .summary = "Delete a project",
       .parameters = {kProject, kIdempotencyKey},
       .replies = {{204, "Deleted."}},
       .endpoint = ep::delete_project},
  };
}

std::vector<Route> workflow_routes() {
  constexpr std::string_view kWorkflows =
      R"({"type":"object","required":["items"],"properties":{"items":{"type":"array","items":{"$ref":"#/components/schemas/Workflow"}}}})";
  constexpr std::string_view kSchedules =
      R"({"type":"object","required":["items"],"properties":{"items":{"type":"array","items":{"$ref":"#/components/schemas/Schedule"}}}})";
  constexpr std::string_view kWorkflow = R"({"$ref":"#/components/schemas/Workflow"})",
                             kSchedule = R"({"$ref":"#/components/schemas/Schedule"})";
  const Parameter name{"name", path, kName, "Its name, or name@version."};
  const Parameter schedule{"schedule", path, kName, "The schedule's id."};
  return {
      {.method = "GET",
       .path = "/api/v1/workflows",
       .operation_id = "listWorkflows",
       .tag = "workflows",
       .summary = "The workflows: built in, and kept",
       .parameters = {kIfNoneMatch},
       .replies = {document(kWorkflows)},
       .endpoint = ep::list_workflows},
      {.method = "POST",
       .path = "/api/v1/workflows",
       .operation_id = "saveWorkflow",
       .tag = "workflows",
       .summary = "Keep a definition by its name",
       .description = "A definition that is wrong is answered with 400 and the line and column. "
                      "Runs keep the version that they began with.",
       .parameters = {kIdempotencyKey},
       .body = "Definition",
       .replies = {{200, "It is the same as the last version.", kJson, kWorkflow, {kLocation}},
                   {201, "A version more.", kJson, kWorkflow, {kLocation}}},
       .endpoint = ep::save_workflow},
      {.method = "POST",
       .path = "/api/v1/workflows/validate",
       .operation_id = "validateWorkflow",
       .tag = "workflows",
       .summary = "Check a definition",
       .description = "A definition that is wrong is answered with 400 and the line and column.",
       .body = "Definition",
       .replies = {{200, "It is right; this is how it was understood.", kJson, kWorkflow}},
       .endpoint = ep::validate_workflow},
      {.method = "GET",
       .path = "/api/v1/workflows/{name}",
       .operation_id = "getWorkflow",
       .tag = "workflows",
       .summary = "One workflow",
       .parameters = {name, kIfNoneMatch},
       .replies = {document(kWorkflow)},
       .endpoint = ep::get_workflow},
      {.method = "DELETE",
       .path = "/api/v1/workflows/{name}",
       .operation_id = "deleteWorkflow",
       .tag = "workflows",
       .summary = "Keep it no longer",
       .description = "Runs of it go on, and its versions can still be read.",
       .parameters = {name, kIdempotencyKey},
       .replies = {{204, "Deleted."}},
       .endpoint = ep::delete_workflow},
      {.method = "GET",
       .path = "/api/v1/workflow-schema",
       .operation_id = "getWorkflowSchema",
       .tag = "workflows",
       .summary = "The JSON Schema of definitions, for editors",
       .parameters = {kIfNoneMatch},
       .replies = {document(R"({"type":"object"})")},
       .endpoint = ep::get_workflow_schema},
      {.method = "GET",
       .path = "/api/v1/schedules",
       .operation_id = "listSchedules",
       .tag = "workflows",
       .summary = "What is started by the clock",
       .parameters = {kIfNoneMatch},
       .replies = {document(kSchedules)},
       .endpoint = ep::list_schedules},
      {.method = "POST",
       .path = "/api/v1/schedules",
       .operation_id = "createSchedule",
       .tag = "workflows",
       .summary = "Start runs by the clock",
       .parameters = {kIdempotencyKey},
       .body = "NewSchedule",
       .replies = {{201, "Made.", kJson, kSchedule, {kLocation}}},
       .endpoint = ep::create_schedule},
      {.method = "GET",
       .path = "/api/v1/schedules/{schedule}",
       .operation_id = "getSchedule",
       .tag = "workflows",
       .summary = "One schedule",
       .parameters = {schedule, kIfNoneMatch},
       .replies = {document(kSchedule)},
       .endpoint = ep::get_schedule},
      {.method = "DELETE",
       .path = "/api/v1/schedules/{schedule}",
       .operation_id = "deleteSchedule",
       .tag = "workflows",
       .summary = "Delete a schedule",
       .parameters = {schedule, kIdempotencyKey},
       .replies = {{204, "Deleted; the runs that it started stay."}},
       .endpoint = ep::delete_schedule},
      {.method = "POST",
       .path = "/api/v1/schedules/{schedule}/pause",
       .operation_id = "pauseSchedule",
       .tag = "workflows",
       .summary = "Start nothing more for now",
       .parameters = {schedule, kIdempotencyKey},
       .replies = {{200, "Paused.", kJson, kSchedule}},
       .endpoint = ep::pause_schedule},
      {.method = "POST",
       .path = "/api/v1/schedules/{schedule}/resume",
       .operation_id = "resumeSchedule",
       .tag = "workflows",
       .summary = "Go on from its next time",
       .parameters = {schedule, kIdempotencyKey},
       .replies = {{200, "Going on.", kJson, kSchedule}},
       .endpoint = ep::resume_schedule},
  };
}

std::vector<Route> queue_routes() {
  constexpr std::string_view kQueue = R"({"$ref":"#/components/schemas/Queue"})";
  constexpr std::string_view kJobs =
      R"({"type":"object","required":["items","next_cursor"],"properties":{"items":{"type":"array","items":{"$ref":"#/components/schemas/Job"}},"next_cursor":{"type":["string","null"]}}})";
  constexpr std::string_view kWord = R"({"type":"string","minLength":1,"maxLength":200})";
  const Parameter job{"job", path, R"({"type":"integer","minimum":1,"maximum":9007199254740991})",
                      "The job's id."};
  const Parameter state{
      "state", query,
      R"({"type":"string","enum":["ready","delayed","claimed","completed","failed"]})",
      "Only in this state; failed ones are the dead letters."};
  return {
      {.method = "GET",
       .path = "/api/v1/queue",
       .operation_id = "getQueue",
       .tag = "queue",
       .summary = "Counts by state, how long the oldest waits, what is paused",
       .parameters = {kIfNoneMatch},
       .replies = {document(kQueue)},
       .endpoint = ep::get_queue},
      {.method = "POST",
       .path = "/api/v1/queue/pause",
       .operation_id = "pauseQueue",
       .tag = "queue",
       .summary = "Let nothing begin; what is at work goes on",
       .parameters = {kIdempotencyKey},
       .body = "QueueGroup",
       .body_required = false,
       .replies = {{200, "Paused.", kJson, kQueue}},
       .endpoint = ep::pause_queue},
      {.method = "POST",
       .path = "/api/v1/queue/resume",
       .operation_id = "resumeQueue",
       .tag = "queue",
       .summary = "Let it begin again",
       .parameters = {kIdempotencyKey},
       .body = "QueueGroup",
       .body_required = false,
       .replies = {{200, "Going on.", kJson, kQueue}},
       .endpoint = ep::resume_queue},
      {.method = "GET",
       .path = "/api/v1/jobs",
       .operation_id = "listJobs",
       .tag = "queue",
       .summary = "The jobs, newest first",
       .parameters = {state,
                      {"kind", query, kWord, "Only of this kind."},
                      {"group", query, kWord, "Only of this group (a project's id)."},
                      kLimit,
                      kCursor,
                      kIfNoneMatch},
       .replies = {document(kJobs)},
       .endpoint = ep::list_jobs},
      {.method = "POST",
       .path = "/api/v1/jobs/{job}/retry",
       .operation_id = "retryJob",
       .tag = "queue",
       .summary = "Try a dead letter again",
       .parameters = {job, kIdempotencyKey},
       .replies = {{204, "It is ready."}},
       .endpoint = ep::retry_job},
      {.method = "DELETE",
       .path = "/api/v1/jobs/{job}",
       .operation_id = "discardJob",
       .tag = "queue",
       .summary = "Forget a dead letter",
       .parameters = {job, kIdempotencyKey},
       .replies = {{204, "Forgotten."}},
       .endpoint = ep::discard_job},
  };
}

std::vector<Route> run_routes() {
  constexpr std::string_view kRuns =
      R"({"type":"object","required":["items","next_cursor"],"properties":{"items":{"type":"array","items":{"$ref":"#/components/schemas/Run"}},"next_cursor":{"type":["string","null"]}}})";
  constexpr std::string_view kSteps =
      R"({"type":"object","required":["items"],"properties":{"items":{"type":"array","items":{"$ref":"#/components/schemas/Step"}}}})";
  constexpr std::string_view kArtifacts =
      R"({"type":"object","required":["items"],"properties":{"items":{"type":"array","items":{"$ref":"#/components/schemas/Artifact"}}}})";
  constexpr std::string_view kApprovals =
      R"({"type":"object","required":["items"],"properties":{"items":{"type":"array","items":{"$ref":"#/components/schemas/Approval"}}}})";
  const Parameter of_project{"project", query, R"({"type":"string","minLength":1,"maxLength":200})",
                             "Only of this project (id or name)."};
  const Parameter with_status{
      "status", query,
      R"({"type":"string","enum":["pending","running","completed","failed","cancelled"]})",
      "Only in this state."};
  const Parameter of_run{"run", query, R"({"type":"string","format":"uuid"})", "Only of this run."};
  const Parameter at_version{"version", query,
                             R"({"type":"integer","minimum":1,"maximum":9007199254740991})",
                             "As it was after so many events."};
  const Parameter artifact{"name", path, R"({"type":"string","maxLength":500})",
                           "The artifact's name; a slash in it is sent as %2F."};
  const Parameter approval{"approval", path, kName, "The approval's id."};
  return {
      {.method = "POST",
       .path = "/api/v1/runs",
       .operation_id = "startRun",
       .tag = "runs",
       .summary = "Start a run",
       .parameters = {kIdempotencyKey},
       .body = "StartRun",
       .replies =
           {{202, "Accepted; it runs, or waits for its turn.", kJson, kRunSchema, {kLocation}}},
       .endpoint = ep::start_run},
      {.method = "GET",
       .path = "/api/v1/runs",
       .operation_id = "listRuns",
       .tag = "runs",
       .summary = "The runs, newest first",
       .parameters = {of_project, with_status, kLimit, kCursor, kIfNoneMatch},
       .replies = {document(kRuns)},
       .endpoint = ep::list_runs},
      {.method = "GET",
       .path = "/api/v1/runs/{run}",
       .operation_id = "getRun",
       .tag = "runs",
       .summary = "One run",
       .parameters = {kRun, at_version, kIfNoneMatch},
       .replies = {document(kRunSchema)},
       .endpoint = ep::get_run},
      {.method = "GET",
       .path = "/api/v1/runs/{run}/steps",
       .operation_id = "listSteps",
       .tag = "runs",
       .summary = "Its steps",
       .parameters = {kRun, kIfNoneMatch},
       .replies = {document(kSteps)},
       .endpoint = ep::list_steps},
      {.method = "POST",
       .path = "/api/v1/runs/{run}/cancel",
       .operation_id = "cancelRun",
       .tag = "runs",
       .summary = "Cancel it",
       .description = "It ends in the state cancelled once its processes are gone.",
       .parameters = {kRun, kIdempotencyKey},
       .body = "CancelRun",
       .body_required = false,
       .replies = {{202, "Accepted.", kJson, kRunSchema, {kLocation}}},
       .endpoint = ep::cancel_run},
      {.method = "POST",
       .path = "/api/v1/runs/{run}/retry",
       .operation_id = "retryRun",
       .tag = "runs",
       .summary = "Run a failed one again, or any from a step on",
       .parameters = {kRun, kIdempotencyKey},
       .body = "RetryRun",
       .body_required = false,
       .replies = {{202, "Accepted.", kJson, kRunSchema, {kLocation}}},
       .endpoint = ep::retry_run},
      {.method = "POST",
       .path = "/api/v1/runs/{run}/steps/{step}/prompt",
       .operation_id = "promptStep",
       .tag = "runs",
       .summary = "Give the agent at work a further task",
       .description = "It is told once its turn has ended, in the same session.",
       .parameters = {kRun, kStep, kIdempotencyKey},
       .body = "PromptStep",
       .replies = {{202, "Accepted.", kJson, kRunSchema, {kLocation}}},
       .endpoint = ep::prompt_step},
      {.method = "POST",
       .path = "/api/v1/runs/{run}/steps/{step}/interrupt",
       .operation_id = "interruptStep",
       .tag = "runs",
       .summary = "Have the agent at work leave off",
       .description =
           "It goes on with further prompts, if there are any; otherwise its step fails.",
       .parameters = {kRun, kStep, kIdempotencyKey},
       .replies = {{202, "Accepted.", kJson, kRunSchema, {kLocation}}},
       .endpoint = ep::interrupt_step},
      {.method = "POST",
       .path = "/api/v1/runs/{run}/steps/{step}/mode",
       .operation_id = "setStepMode",
       .tag = "runs",
       .summary = "Change who decides what the agent at work may do",
       .parameters = {kRun, kStep, kIdempotencyKey},
       .body = "StepMode",
       .replies = {{202, "Accepted.", kJson, kRunSchema, {kLocation}}},
       .endpoint = ep::set_step_mode},
      {.method = "POST",
       .path = "/api/v1/runs/{run}/pause",
       .operation_id = "pauseRun",
       .tag = "runs",
       .summary = "Let no further step begin; what is under way goes on",
       .parameters = {kRun, kIdempotencyKey},
       .body = "PauseRun",
       .body_required = false,
       .replies = {{200, "Paused.", kJson, kRunSchema}},
       .endpoint = ep::pause_run},
      {.method = "POST",
       .path = "/api/v1/runs/{run}/resume",
       .operation_id = "resumeRun",
       .tag = "runs",
       .summary = "Go on",
       .parameters = {kRun, kIdempotencyKey},
       .replies = {{200, "Going on.", kJson, kRunSchema}},
       .endpoint = ep::resume_run},
      {.method = "POST",
       .path = "/api/v1/runs/{run}/fork",
       .operation_id = "forkRun",
       .tag = "runs",
       .summary = "A new run of the same, which keeps the results up to a step",
       .parameters = {kRun, kIdempotencyKey},
       .body = "ForkRun",
       .body_required = false,
       .replies = {{201, "The new run.", kJson, kRunSchema, {kLocation}}},
       .endpoint = ep::fork_run},
      {.method = "GET",
       .path = "/api/v1/runs/{run}/diff",
       .operation_id = "getDiff",
       .tag = "runs",
       .summary = "What it changed",
       .parameters = {kRun, kIfNoneMatch},
       .replies = {{200,
                    "A unified diff; empty when nothing has changed yet.",
                    "text/x-diff",
                    R"({"type":"string"})",
                    {{"ETag", "For If-None-Match."}}}},
       .endpoint = ep::get_diff},
      {.method = "GET",
       .path = "/api/v1/runs/{run}/artifacts",
       .operation_id = "listArtifacts",
       .tag = "runs",
       .summary = "The files it keeps",
       .parameters = {kRun, kIfNoneMatch},
       .replies = {document(kArtifacts)},
       .endpoint = ep::list_artifacts},
      {.method = "GET",
       .path = "/api/v1/runs/{run}/artifacts/{name}",
       .operation_id = "getArtifact",
       .tag = "runs",
       .summary = "One of them",
       .parameters = {kRun, artifact, kIfNoneMatch},
       .replies = {{200, "The file.", "*/*", {}, {{"ETag", "For If-None-Match."}}}},
       .endpoint = ep::get_artifact},
      {.method = "GET",
       .path = "/api/v1/approvals",
       .operation_id = "listApprovals",
       .tag = "runs",
       .summary = "What waits for a person: agents' tool calls and approval steps",
       .parameters = {of_run, kIfNoneMatch},
       .replies = {document(kApprovals)},
       .endpoint = ep::list_approvals},
      {.method = "POST",
       .path = "/api/v1/approvals/{approval}",
       .operation_id = "decideApproval",
       .tag = "runs",
       .summary = "Allow or deny one",
       .parameters = {approval, kIdempotencyKey},
       .body = "Decision",
       .replies = {{200, "Decided.", kJson, R"({"$ref":"#/components/schemas/Approval"})"}},
       .endpoint = ep::decide_approval},
  };
}

std::vector<Route> stream_routes() {
  constexpr std::string_view kEvents =
      R"({"type":"object","required":["items"],"properties":{"items":{"type":"array","items":{"$ref":"#/components/schemas/Event"}}}})";
  constexpr std::string_view kText = R"({"type":"string"})";
  const Reply live{200, "", "text/event-stream", kText};
  const Parameter after{
      "after", query,
      R"({"anyOf":[{"type":"integer","minimum":0,"maximum":9007199254740991},{"type":"string","enum":["latest"]}]})",
      "Those after this position; latest: only those that come."};
  const Parameter types{"type", query, R"({"type":"string","minLength":1,"maxLength":2000})",
                        "Only of these types, with commas between them."};
  const Parameter since{
      "from", query,
      R"({"anyOf":[{"type":"integer","minimum":0,"maximum":9007199254740991},{"type":"string","format":"date-time"}]})",
      "The first position wanted, or a time: those since then."};
  const Parameter until{"until", query, R"({"type":"string","format":"date-time"})",
                        "Those before this time."};
  return {
      {.method = "GET",
       .path = "/api/v1/runs/{run}/events",
       .operation_id = "listRunEvents",
       .tag = "streams",
       .summary = "A run's events from a version on",
       .description =
           "As an event stream: one event each, its id the version; then those that come.",
       .parameters = {kRun, kFrom, kLimit, kLastEventId, kIfNoneMatch},
       .replies = {document(kEvents), live},
       .endpoint = ep::get_run_events},
      {.method = "GET",
       .path = "/api/v1/events",
       .operation_id = "listEvents",
       .tag = "streams",
       .summary = "All events from a position on",
       .description =
           "As an event stream: one event each, its id the position; then those that come.",
       .parameters = {after, types, since, until, kLimit, kLastEventId, kIfNoneMatch},
       .replies = {document(kEvents), live},
       .endpoint = ep::get_all_events},
      {.method = "GET",
       .path = "/api/v1/runs/{run}/log",
       .operation_id = "getLog",
       .tag = "streams",
       .summary = "A run's log from a byte on",
       .description = "As an event stream: events \"log\", each a JSON string, its id the offset "
                      "after it; then what comes; \"end\" when the run is over.",
       .parameters = {kRun, kOffset, kLastEventId},
       .replies = {{200, "The log until now.", "text/plain", kText}, live},
       .endpoint = ep::get_log},
      {.method = "GET",
       .path = "/api/v1/runs/{run}/log/search",
       .operation_id = "searchLog",
       .tag = "streams",
       .summary = "The lines of a run's log that hold a text",
       .description = "As for a session's log; the times are those of the 64 KiB around.",
       .parameters = {kRun, kSearched, kIgnoreCase, kLimit, kCursor},
       .replies = {{200, "Matches, first to last.", kJson,
                    R"({"$ref":"#/components/schemas/LogMatches"})"}},
       .endpoint = ep::search_log},
      {.method = "GET",
       .path = "/api/v1/runs/{run}/timeline",
       .operation_id = "getTimeline",
       .tag = "streams",
       .summary = "What the agent did, from a byte on",
       .description = "As an event stream: events \"agent\", each one JSON object, its id the "
                      "offset after it; then what comes; \"end\" when the run is over.",
       .parameters = {kRun, kOffset, kLastEventId},
       .replies = {{200, "One JSON object a line.", "application/x-ndjson", kText}, live},
       .endpoint = ep::get_timeline},
  };
}

}  // namespace

std::span<const Route> api_routes() {
  static const std::vector<Route> routes = [] {
    std::vector<Route> all;
    for (auto part :
         {system_routes(), project_routes(), workflow_routes(), run_routes(), queue_routes(),
          session_routes(), file_routes(), push_routes(), stream_routes()})
      all.insert(all.end(), part.begin(), part.end());
    return all;
  }();
  return routes;
}

}  // namespace corral::edge
