// The part of the route table that is about sessions.
#include "edge/http/route_parts.h"

namespace corral::edge {

using namespace route_parts;

namespace {

constexpr std::string_view kUuid = R"({"type":"string","format":"uuid"})";
constexpr std::string_view kText = R"({"type":"string"})";
constexpr std::string_view kSession = R"({"$ref":"#/components/schemas/Session"})";
constexpr std::string_view kSessions =
    R"({"type":"object","required":["items"],"properties":{"items":{"type":"array","items":{"$ref":"#/components/schemas/Session"}},"next_cursor":{"type":["string","null"]}}})";

const Parameter kId{"session", path, kUuid, "The session's id."};
const Parameter kShareToken{"share", query, R"({"type":"string","minLength":1,"maxLength":200})",
                            "A share link's token."};

}  // namespace

std::vector<Route> session_routes() {
  const Parameter of_run{"run", query, kUuid, "Only in this run's workspaces."};
  const Parameter with_status{"status", query,
                              R"({"type":"string","enum":["created","running","ended"]})",
                              "Only in this state."};
  const Parameter share{"share", path, R"({"type":"string","minLength":1,"maxLength":100})",
                        "The link's id."};
  const Parameter workspace{"workspace", path, kUuid, "The workspace's id."};
  return {
      {.method = "POST",
       .path = "/api/v1/sessions",
       .operation_id = "createSession",
       .tag = "sessions",
       .summary = "Open a session, in a workspace of its own or in a run's",
       .parameters = {kIdempotencyKey},
       .body = "NewSession",
       .replies = {{202,
                    "Accepted; it is running once its workspace is there.",
                    kJson,
                    kSession,
                    {kLocation}}},
       .endpoint = ep::create_session},
      {.method = "GET",
       .path = "/api/v1/sessions",
       .operation_id = "listSessions",
       .tag = "sessions",
       .summary = "The sessions, newest first",
       .parameters = {of_run, with_status, kLimit, kCursor, kIfNoneMatch},
       .replies = {document(kSessions)},
       .endpoint = ep::list_sessions},
      {.method = "GET",
       .path = "/api/v1/sessions/{session}",
       .operation_id = "getSession",
       .tag = "sessions",
       .summary = "One session",
       .parameters = {kId, kIfNoneMatch},
       .replies = {document(kSession)},
       .endpoint = ep::get_session},
      {.method = "POST",
       .path = "/api/v1/sessions/{session}/rename",
       .operation_id = "renameSession",
       .tag = "sessions",
       .summary = "Name it",
       .parameters = {kId},
       .body = "RenameSession",
       .replies = {{200, "Renamed.", kJson, kSession}},
       .endpoint = ep::rename_session},
      {.method = "POST",
       .path = "/api/v1/sessions/{session}/stop",
       .operation_id = "stopSession",
       .tag = "sessions",
       .summary = "End it",
       .description = "SIGHUP to all its processes, then SIGTERM, then SIGKILL.",
       .parameters = {kId},
       .body = "StopSession",
       .body_required = false,
       .replies = {{202, "Being ended.", kJson, kSession}},
       .endpoint = ep::stop_session},
      {.method = "POST",
       .path = "/api/v1/sessions/{session}/shares",
       .operation_id = "shareSession",
       .tag = "sessions",
       .summary = "Make a link that lets somebody in",
       .parameters = {kId},
       .body = "NewShare",
       .body_required = false,
       .replies = {{201, "The link; its token is shown this once.", kJson,
                    R"({"$ref":"#/components/schemas/ShareLink"})"}},
       .endpoint = ep::share_session},
      {.method = "DELETE",
       .path = "/api/v1/sessions/{session}/shares/{share}",
       .operation_id = "revokeShare",
       .tag = "sessions",
       .summary = "Revoke a link; who came by it is sent away",
       .parameters = {kId, share},
       .replies = {{204, "Revoked."}},
       .endpoint = ep::revoke_share},
      {.method = "GET",
       .path = "/api/v1/shared",
       .operation_id = "getShared",
       .tag = "sessions",
       .summary = "What a share link opens",
       .parameters = {kShareToken},
       .replies = {{200, "The session, and what may be done.", kJson,
                    R"({"$ref":"#/components/schemas/Shared"})"}},
       .refusals = {401},
       .access = Access::open,
       .endpoint = ep::get_shared},
      {.method = "GET",
       .path = "/api/v1/sessions/{session}/log",
       .operation_id = "getSessionLog",
       .tag = "sessions",
       .summary = "What it printed, from a byte on",
       .description = "As an event stream: events \"log\", each a JSON string, its id the offset "
                      "after it; then what comes; \"end\" when the session has ended.",
       .parameters = {kId, kOffset, kLastEventId},
       .replies = {{200, "The bytes until now.", "application/octet-stream", kText},
                   {200, "Live.", "text/event-stream", kText}},
       .endpoint = ep::get_session_log},
      {.method = "GET",
       .path = "/api/v1/sessions/{session}/log/search",
       .operation_id = "searchSessionLog",
       .tag = "sessions",
       .summary = "The lines it printed that hold a text",
       .description = "Lines are compared without their escape sequences. A page may hold few "
                      "matches, or none, and yet have a next_cursor: it looks through 32 MiB at "
                      "most.",
       .parameters = {kId, kSearched, kIgnoreCase, kLimit, kCursor},
       .replies = {{200, "Matches, first to last.", kJson,
                    R"({"$ref":"#/components/schemas/LogMatches"})"}},
       .endpoint = ep::search_session_log},
      {.method = "GET",
       .path = "/api/v1/sessions/{session}/screen",
       .operation_id = "getScreen",
       .tag = "sessions",
       .summary = "What its screen shows now",
       .parameters = {kId},
       .replies = {{200, "Rows with attributes.", kJson, R"({"type":"object"})"},
                   {200, "The rows as text.", "text/plain", kText}},
       .endpoint = ep::get_screen},
      {.method = "GET",
       .path = "/api/v1/sessions/{session}/recording",
       .operation_id = "getRecording",
       .tag = "sessions",
       .summary = "All of it as an asciicast (version 2), for replaying",
       .parameters = {kId},
       .replies = {{200, "An asciicast.", "application/x-asciicast", kText}},
       .endpoint = ep::get_recording},
      {.method = "GET",
       .path = "/ws/{workspace}",
       .operation_id = "openWebSocket",
       .tag = "sessions",
       .summary = "The workspace's sessions, live, over a WebSocket",
       .description = "docs/websocket.md says what goes over it. Needs the API's token, or a share "
                      "link's.",
       .parameters = {workspace, kShareToken},
       .replies = {{101, "A WebSocket from here on."}},
       .refusals = {401, 426},
       .access = Access::open,
       .endpoint = ep::open_socket},
  };
}

}  // namespace corral::edge
