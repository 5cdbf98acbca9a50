// The token a workspace gets instead of a key: "crl_<run id>_<HMAC-SHA256 of the run id, hex>". It
// follows from the run and the server's key, so that nothing has to be stored, and a restarted
// server knows it again. Good for that run alone and only while it lives; never logged, never in an
// event.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/id.h"
#include "base/secret.h"

namespace corral::engine {

std::string make_run_token(RunId run, const Secret& key);
// The run of a genuine token, compared in constant time. Whether the run still lives is the
// caller's question.
std::optional<RunId> verify_run_token(std::string_view token, const Secret& key);

}  // namespace corral::engine
