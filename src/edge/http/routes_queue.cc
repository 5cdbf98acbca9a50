// The part of the route table that is about the queue.
#include "edge/http/route_parts.h"

namespace corral::edge {

using namespace route_parts;

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

}  // namespace corral::edge
