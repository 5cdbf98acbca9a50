// Which model requests a sandbox may make.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "ports/llm_api.h"

namespace corral::edge {

struct CheckedRequest {
  std::string model;
  std::string body;  // what is to be sent on
};

// Refuses (`forbidden`) a request that would have the provider reach the network for a sandbox that
// has none: tools that run at the provider, MCP servers, images and documents by URL. `invalid`
// when the body is not a JSON object. A streamed chat is made to tell what it used.
Result<CheckedRequest> check_model_request(const ports::LlmRoute& route, std::string body);

// Replaces every occurrence of the run's token: a program in the sandbox may have printed its
// environment, and the token must reach neither the provider nor a cassette.
void take_out_token(std::string& body, std::string_view token);

}  // namespace corral::edge
