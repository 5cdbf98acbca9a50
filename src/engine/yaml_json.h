// YAML as JSON values: plain scalars become numbers, booleans and null as in YAML 1.2's core
// schema, quoted ones stay texts. JSON is YAML, and so is read by the same.
#pragma once

#include <yaml-cpp/yaml.h>

#include "base/error.h"
#include "base/json.h"

namespace corral::engine {

// `invalid` with the line and column (from 1) in front, for what JSON cannot hold: keys that are no
// texts, repeated keys, anchors that refer to what is around them, more than 32 levels.
Result<json::value> json_of(const YAML::Node& node, int depth = 0);

}  // namespace corral::engine
