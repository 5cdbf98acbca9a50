#include "edge/http/components.h"

namespace corral::edge {

// Requests refuse unknown fields, so that a typing error never passes silently; answers may grow
// new ones.
json::object component_schemas() {
  static constexpr std::string_view kText = R"json({
"Problem": {"type": "object", "description": "What went wrong (RFC 9457).", "required": ["type", "title", "status", "code", "detail"],
  "properties": {
    "type": {"type": "string"},
    "title": {"type": "string", "description": "The status in words."},
    "status": {"type": "integer"},
    "code": {"type": "string", "description": "The kind of error, for programs: invalid, not_found, conflict, unauthenticated, forbidden, exhausted, unavailable, deadline, cancelled, unsupported, corrupt, internal, or one that HTTP itself gives: method_not_allowed, not_acceptable, unsupported_media_type, too_large."},
    "detail": {"type": "string", "description": "What was wrong, with the value and the place, and what to do."},
    "request_id": {"type": "string", "description": "Finds the request in the server's log."}}},
"Failure": {"type": "object", "required": ["code", "message"],
  "properties": {"code": {"type": "string"}, "message": {"type": "string"}}},
"Agent": {"type": "object", "required": ["name", "version", "wanted_version", "problem"],
  "properties": {
    "name": {"type": "string"},
    "version": {"type": "string", "description": "Installed; empty when it is not."},
    "wanted_version": {"type": "string", "description": "The pinned one; empty when nothing is to be installed."},
    "problem": {"type": "string", "description": "Why it cannot run, and what to do; empty when it can."}}},
"Info": {"type": "object", "required": ["version", "isolation", "warnings", "model_source", "agents"],
  "properties": {
    "version": {"type": "string"},
    "isolation": {"type": "string", "enum": ["sandbox", "reduced", "none"]},
    "warnings": {"type": "array", "items": {"type": "string"}},
    "model_source": {"type": "string", "enum": ["live", "record", "replay"]},
    "agents": {"type": "array", "items": {"$ref": "#/components/schemas/Agent"}}}},
"Group": {"type": "object", "required": ["id", "name", "created_at"],
  "properties": {
    "id": {"type": "string", "format": "uuid"}, "name": {"type": "string"},
    "created_at": {"type": "string", "format": "date-time"}}},
"Project": {"type": "object", "required": ["id", "name", "git_url", "group", "default_branch", "created_at"],
  "properties": {
    "id": {"type": "string", "format": "uuid"}, "name": {"type": "string"}, "git_url": {"type": "string"},
    "group": {"type": "string"},
    "default_branch": {"type": ["string", "null"], "description": "Null until the repository has been fetched."},
    "created_at": {"type": "string", "format": "date-time"}}},
"WorkflowStep": {"type": "object", "required": ["name", "kind", "needs"],
  "properties": {"name": {"type": "string"}, "kind": {"type": "string"}, "needs": {"type": "array", "items": {"type": "string"}}}},
"Workflow": {"type": "object", "required": ["name", "version", "steps", "source"],
  "properties": {
    "name": {"type": "string"}, "version": {"type": ["integer", "string"]},
    "steps": {"type": "array", "items": {"$ref": "#/components/schemas/WorkflowStep"}},
    "source": {"type": "string", "description": "The definition, as YAML."}}},
"Usage": {"type": "object", "required": ["calls", "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"],
  "properties": {
    "calls": {"type": "integer"}, "input_tokens": {"type": "integer"}, "output_tokens": {"type": "integer"},
    "cache_read_tokens": {"type": "integer"}, "cache_write_tokens": {"type": "integer"}}},
"DiffStat": {"type": "object", "required": ["files", "insertions", "deletions"],
  "properties": {"files": {"type": "integer"}, "insertions": {"type": "integer"}, "deletions": {"type": "integer"}}},
"Approval": {"type": "object", "description": "A tool call that waits for a person.",
  "required": ["id", "run", "step", "tool", "input", "text", "requested_at"],
  "properties": {
    "id": {"type": "string"}, "run": {"type": "string", "format": "uuid"}, "step": {"type": "string"},
    "tool": {"type": "string"}, "input": {"description": "What the agent gives the tool."}, "text": {"type": "string"},
    "requested_at": {"type": "string", "format": "date-time"}}},
"Step": {"type": "object", "required": ["name", "kind", "status", "attempt", "started_at", "finished_at", "error"],
  "properties": {
    "name": {"type": "string"}, "kind": {"type": "string"},
    "status": {"type": "string", "enum": ["pending", "running", "waiting", "completed", "failed", "cancelled", "skipped"]},
    "attempt": {"type": "integer"},
    "started_at": {"type": ["string", "null"], "format": "date-time"},
    "finished_at": {"type": ["string", "null"], "format": "date-time"},
    "error": {"anyOf": [{"$ref": "#/components/schemas/Failure"}, {"type": "null"}]}}},
"RunProject": {"type": "object", "required": ["id", "name"],
  "properties": {"id": {"type": "string", "format": "uuid"}, "name": {"type": "string"}}},
"Run": {"type": "object",
  "required": ["id", "project", "workflow", "agent", "prompt", "checks", "permissions", "status", "attempt", "waiting", "error",
    "isolation", "branch", "base_branch", "base_commit", "commit", "diff_stat", "cost_usd", "budget_usd", "usage", "summary",
    "approvals", "steps", "created_by", "created_at", "started_at", "finished_at", "version"],
  "properties": {
    "id": {"type": "string", "format": "uuid"},
    "project": {"$ref": "#/components/schemas/RunProject"},
    "workflow": {"type": "string"}, "agent": {"type": "string"}, "prompt": {"type": "string"}, "checks": {"type": "string"},
    "permissions": {"type": "string"},
    "status": {"type": "string", "enum": ["pending", "running", "completed", "failed", "cancelled"]},
    "attempt": {"type": "integer"},
    "waiting": {"type": "boolean", "description": "True while an approval is open."},
    "error": {"anyOf": [{"$ref": "#/components/schemas/Failure"}, {"type": "null"}]},
    "isolation": {"type": ["string", "null"], "enum": ["sandbox", "reduced", "none", null]},
    "branch": {"type": "string"}, "base_branch": {"type": "string"},
    "base_commit": {"type": ["string", "null"]}, "commit": {"type": ["string", "null"]},
    "diff_stat": {"anyOf": [{"$ref": "#/components/schemas/DiffStat"}, {"type": "null"}]},
    "cost_usd": {"type": "number"}, "budget_usd": {"type": ["number", "null"]},
    "usage": {"$ref": "#/components/schemas/Usage"},
    "summary": {"type": ["string", "null"], "description": "The agent's last words."},
    "approvals": {"type": "array", "description": "The open ones.", "items": {"$ref": "#/components/schemas/Approval"}},
    "steps": {"type": "array", "items": {"$ref": "#/components/schemas/Step"}},
    "created_by": {"type": "string"},
    "created_at": {"type": "string", "format": "date-time"},
    "started_at": {"type": ["string", "null"], "format": "date-time"},
    "finished_at": {"type": ["string", "null"], "format": "date-time"},
    "version": {"type": "integer"}}},
"Event": {"type": "object", "required": ["version", "type", "time", "actor", "data"],
  "properties": {
    "version": {"type": "integer"}, "type": {"type": "string"}, "time": {"type": "string", "format": "date-time"},
    "actor": {"type": "string"}, "data": {"description": "What happened; its shape depends on the type."},
    "position": {"type": "integer", "description": "In the order of all events; only in /events."},
    "stream": {"type": "string", "description": "Only in /events."}}},
"Artifact": {"type": "object", "required": ["name", "media_type", "size_bytes", "hash", "created_at"],
  "properties": {
    "name": {"type": "string"}, "media_type": {"type": "string"}, "size_bytes": {"type": "integer"}, "hash": {"type": "string"},
    "created_at": {"type": "string", "format": "date-time"}}},
"Login": {"type": "object", "additionalProperties": false, "required": ["token"],
  "properties": {"token": {"type": "string", "maxLength": 1024}}},
"NewGroup": {"type": "object", "additionalProperties": false, "required": ["name"],
  "properties": {"name": {"type": "string", "minLength": 1, "maxLength": 100}}},
"NewProject": {"type": "object", "additionalProperties": false, "required": ["name", "git_url"],
  "properties": {
    "name": {"type": "string", "minLength": 1, "maxLength": 100},
    "git_url": {"type": "string", "minLength": 1, "maxLength": 2048, "description": "A URL, or the absolute path of a local repository."},
    "group": {"type": "string", "minLength": 1, "maxLength": 100, "description": "A group's id or name."}}},
"Author": {"type": "object", "additionalProperties": false, "description": "Whom the commits name as their author.",
  "properties": {"name": {"type": "string", "maxLength": 200}, "email": {"type": "string", "maxLength": 320}}},
"StartRun": {"type": "object", "additionalProperties": false, "required": ["prompt"],
  "description": "Exactly one of project and git_url; at most one of workflow and definition.",
  "properties": {
    "project": {"type": "string", "minLength": 1, "maxLength": 200, "description": "A project's id or name."},
    "git_url": {"type": "string", "minLength": 1, "maxLength": 2048, "description": "A URL, or the absolute path of a local repository; its project is found or made."},
    "workflow": {"type": "string", "minLength": 1, "maxLength": 100, "description": "A built-in workflow's name.", "default": "task"},
    "definition": {"type": "string", "minLength": 1, "maxLength": 262144, "description": "Or a workflow as YAML."},
    "agent": {"type": "string", "enum": ["claude", "command"], "default": "claude"},
    "prompt": {"type": "string", "maxLength": 16777216},
    "command": {"type": "array", "maxItems": 1000, "items": {"type": "string", "maxLength": 131072}, "description": "For the agent \"command\": the program and its arguments; the prompt goes to its stdin."},
    "checks": {"type": "string", "maxLength": 65536, "description": "A shell command, run in the workspace after the agent."},
    "model": {"type": "string", "maxLength": 200},
    "base": {"type": "string", "maxLength": 250, "description": "The branch to start from; the project's default when absent."},
    "permissions": {"type": "string", "enum": ["workspace", "ask"], "default": "workspace"},
    "budget_usd": {"type": "number", "exclusiveMinimum": 0, "maximum": 1000000},
    "timeout_s": {"type": "integer", "minimum": 1, "maximum": 2592000},
    "priority": {"type": "integer", "minimum": -1000, "maximum": 1000, "default": 0},
    "author": {"$ref": "#/components/schemas/Author"}}},
"CancelRun": {"type": "object", "additionalProperties": false, "properties": {"reason": {"type": "string", "maxLength": 1000}}},
"RetryRun": {"type": "object", "additionalProperties": false, "description": "Nothing to say yet."},
"Decision": {"type": "object", "additionalProperties": false, "required": ["decision"],
  "properties": {
    "decision": {"type": "string", "enum": ["allow", "deny"]},
    "message": {"type": "string", "maxLength": 10000, "description": "What the agent is told."}}},
"Definition": {"type": "object", "additionalProperties": false, "required": ["definition"],
  "properties": {"definition": {"type": "string", "maxLength": 262144, "description": "A workflow as YAML."}}}
})json";
  return json::parse({kText.data(), kText.size()}).as_object();
}

}  // namespace corral::edge
