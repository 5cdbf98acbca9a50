// The route table's types: one table both serves and describes the API (OpenAPI), so that they
// cannot differ.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/task.h"
#include "edge/http/server.h"
#include "engine/service.h"

namespace corral::edge {

class Api;
struct Route;

// Who may call: anyone who reaches the server, or only who holds the token (when one is set).
enum class Access { open, token };

struct Parameter {
  enum class In { path, query, header };
  std::string_view name;
  In in;
  std::string_view schema;  // JSON
  std::string_view description;
};

// One possible success. Two with the same status and different media types: the client's Accept
// chooses.
struct Reply {
  int status;
  std::string_view description;
  std::string_view media_type = {};  // empty: no body. "*/*": whatever the thing is
  std::string_view schema = {};      // JSON
  std::vector<std::pair<std::string_view, std::string_view>> headers = {};  // name, description
};

// One request on its way through an endpoint.
struct Call {
  Request request;  // params are set and checked
  Responder& out;
  const Route& route;
  json::value body;  // checked against the route's schema; an empty object when there was none
  std::string_view media_type;  // which of the route's replies the client prefers
  std::string request_id;
  std::string actor;  // "user:admin", "user:local"
  std::string trace;  // the request's traceparent, when it is one

  // Who gives a command: with the request's Idempotency-Key and trace.
  engine::Caller caller() const;

  std::string param(const std::string& name) const;                 // of the path
  std::string query(std::string_view name) const;                   // empty when absent
  std::optional<std::int64_t> number(std::string_view name) const;  // of the query
  // A field of the body; empty / absent when it is not there.
  std::string text(std::string_view name) const;
  std::optional<std::int64_t> integer(std::string_view name) const;
  std::optional<double> decimal(std::string_view name) const;

  // A JSON document with its ETag: 304 when the client has it already.
  Task<Result<void>> document(const json::value& value);
  Task<Result<void>> json_reply(int status, Headers headers, const json::value& value);
  // The same for text; `headers` without Content-Type.
  Task<Result<void>> content(std::string media_type, std::string bytes, Headers headers = {});
};

// An error that it returns before it has answered becomes a problem.
using Endpoint = Task<Result<void>> (*)(Api& api, Call& call);

struct Route {
  std::string_view method;
  std::string_view path;  // "/api/v1/runs/{run}"
  std::string_view operation_id;
  std::string_view tag;
  std::string_view summary;
  std::string_view description = {};
  std::vector<Parameter> parameters = {};
  std::string_view body = {};  // the request's schema, by its name in the components; empty: none
  bool body_required = true;
  std::size_t upload_bytes = 0;  // instead: the request's body is a file of at most so many bytes
  std::vector<Reply> replies;
  std::vector<int> refusals = {};  // problems' statuses, beyond what every route of its form has
  Access access = Access::token;
  Endpoint endpoint;
};

}  // namespace corral::edge
