// The OpenAPI 3.1 document, generated from the route table.
#pragma once

#include <span>
#include <string>

#include "edge/http/route.h"
#include "edge/http/schema.h"

namespace corral::edge {

json::object describe(std::span<const Route> routes, const Schemas& schemas,
                      std::string_view version);

}  // namespace corral::edge
