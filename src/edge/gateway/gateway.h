// The LLM gateway: the only door from a sandbox to a model (docs/gateway.md).
#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "edge/http/server.h"
#include "engine/service.h"
#include "ports/llm.h"

namespace corral::edge {

struct GatewayOptions {
  std::size_t calls_at_once = 8;  // of one run; more are answered with 429
  // The run that a connection comes from, by Request::peer; nothing when that is not known. A token
  // is good only on the connections of its own run.
  std::function<std::optional<RunId>(std::string_view peer)> run_of_peer;
};

// How the HTTP server of the gateway is to be set up: bodies of at most 32 MiB, and time for a
// model to think.
ServerOptions gateway_server_options();

// The protocols of ports/llm_api.h for connections from workspaces, streamed or not, authenticated
// by a run's token in place of a key; anything else is a 404.
//
// Asks the engine whether the run may make the call, passes it to the provider without the token,
// and tells the engine what it used, also when the client goes away midway. Requests that would
// make the provider itself reach the network for the sandbox are refused. Bodies are never logged.
//
// The handler lives on the engine's executor; the references outlive it.
Handler make_gateway_handler(engine::Service& service, ports::LlmProvider& provider, Clock& clock,
                             GatewayOptions options = {});

}  // namespace corral::edge
