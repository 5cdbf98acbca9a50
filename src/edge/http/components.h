// The documents of the API, as JSON Schema: the components of the OpenAPI document.
#pragma once

#include "base/json.h"

namespace corral::edge {

json::object component_schemas();

}  // namespace corral::edge
