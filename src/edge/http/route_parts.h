// What the parts of the route table share: parameters that many routes take, and how they answer.
#pragma once

#include "edge/http/endpoints.h"

namespace corral::edge::route_parts {

using enum Parameter::In;
namespace ep = endpoints;

inline constexpr std::string_view kJson = "application/json";
inline constexpr std::string_view kName = R"({"type":"string","maxLength":200})";

inline constexpr Parameter kStep{"step", path, R"({"type":"string","minLength":1,"maxLength":100})",
                                 "The step's name."};
inline constexpr Parameter kRun{"run", path, R"({"type":"string","format":"uuid"})",
                                "The run's id."};
inline constexpr Parameter kProject{"project", path, kName, "The project's id or name."};
inline constexpr Parameter kGroup{"group", path, kName, "The group's id or name."};
inline constexpr Parameter kLimit{"limit", query,
                                  R"({"type":"integer","minimum":1,"maximum":500,"default":50})",
                                  "At most so many."};
inline constexpr Parameter kCursor{"cursor", query,
                                   R"({"type":"string","minLength":1,"maxLength":1000})",
                                   "The next_cursor of the page before."};
inline constexpr Parameter kFrom{"from", query,
                                 R"({"type":"integer","minimum":0,"maximum":9007199254740991})",
                                 "The first one wanted."};
inline constexpr Parameter kSearched{"q", query,
                                     R"({"type":"string","minLength":1,"maxLength":1024})",
                                     "The text, as it is read on the screen."};
inline constexpr Parameter kIgnoreCase{"ignore_case", query,
                                       R"({"type":"string","enum":["true","false"]})",
                                       "Whether a is A, for the letters a to z."};
inline constexpr Parameter kOffset{"offset", query,
                                   R"({"type":"integer","minimum":0,"maximum":9007199254740991})",
                                   "The first byte wanted; at most the log's present size."};
inline constexpr Parameter kLastEventId{
    "Last-Event-ID", header, R"({"type":"string","maxLength":100})",
    "Event streams only: go on after this id; goes before the query."};
inline constexpr Parameter kIfNoneMatch{"If-None-Match", header,
                                        R"({"type":"string","maxLength":1000})",
                                        "The ETag of the copy at hand."};
inline constexpr Parameter kIdempotencyKey{
    "Idempotency-Key", header, R"({"type":"string","minLength":1,"maxLength":255})",
    "The same key and request again are carried out once; the same "
    "key with another request is a conflict."};

inline Reply document(std::string_view schema, std::string_view description = "It.") {
  return {200, description, kJson, schema, {{"ETag", "For If-None-Match."}}};
}
inline constexpr std::pair<std::string_view, std::string_view> kLocation{
    "Location", "Where it is found from now on."};

inline constexpr std::string_view kRunSchema = R"({"$ref":"#/components/schemas/Run"})";

}  // namespace corral::edge::route_parts
