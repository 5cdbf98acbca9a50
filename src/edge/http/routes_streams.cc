// The part of the route table that is about logs, timelines and events.
#include "edge/http/route_parts.h"

namespace corral::edge {

using namespace route_parts;

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

}  // namespace corral::edge
