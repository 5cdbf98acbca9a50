// The route table: every address of the API, what it takes and what it answers. Its parts are in
// routes_*.cc.
#include "edge/http/api_impl.h"

namespace corral::edge {

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
