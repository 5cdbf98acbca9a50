// Finds the route of a request and checks the request against what the route declares, before its
// endpoint sees it.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "edge/http/route.h"
#include "edge/http/schema.h"

namespace corral::edge {

// What the router refuses with; `status` is HTTP's own where the error codes have none for it.
struct Refusal {
  int status;
  std::string detail;
  Headers headers = {};
};

class Router {
 public:
  // `routes` outlive the router. Aborts when the table contradicts itself.
  Router(std::span<const Route> routes, const Schemas& schemas);

  struct Match {
    const Route* route = nullptr;  // null: nothing, or another method
    std::map<std::string, std::string> params;
    std::string allow;  // the methods of this path; empty: no such path
  };
  // HEAD finds the GET route. Takes the raw target, so that an escaped slash stays within its
  // segment.
  Match find(std::string_view method, std::string_view target) const;

  // Path, query and header parameters against their schemas.
  std::expected<void, Refusal> check_parameters(const Route& route, const Request& request) const;
  // Chooses among the route's media types.
  std::expected<std::string_view, Refusal> choose_reply(const Route& route,
                                                        const Request& request) const;
  // Content-Type, JSON and schema. An empty object when there is none and none is needed.
  std::expected<json::value, Refusal> read_body(const Route& route, const Request& request) const;

 private:
  struct Entry {
    const Route* route;
    std::vector<std::string_view> segments;
    std::vector<json::value> parameter_schemas;
  };
  const Entry& entry(const Route& route) const {
    return entries_[static_cast<std::size_t>(&route - routes_.data())];
  }

  std::span<const Route> routes_;
  const Schemas& schemas_;
  std::vector<Entry> entries_;
};

}  // namespace corral::edge
