// Model providers: live over HTTP, and recording to and replaying from a cassette
// (docs/gateway.md).
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/blocking.h"
#include "base/clock.h"
#include "base/secret.h"
#include "ports/llm.h"
#include "ports/llm_api.h"

namespace corral::adapters::llm {

// Where a vendor's protocols are spoken, and the key for it.
struct Upstream {
  ports::LlmVendor vendor = ports::LlmVendor::anthropic;
  std::string base_url;  // http or https, no user and password in it; a path is kept, but for a
                         // version at its end, which requests name too. Empty: the vendor's own
  Secret key;
};

struct HttpProviderOptions {
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::seconds idle_timeout{600};  // without a single byte; a model may think for minutes
  std::size_t max_buffered_bytes =
      256u << 10;  // of one answer that its reader has not taken: then it waits
};

// Calls the vendor that a request's path names through libcurl, on one thread for all. Proxy
// variables are respected, certificates are checked, redirects are not followed. The key is sent
// with every request, in the vendor's own header; an empty one is an `unauthenticated` error at the
// vendor itself, and is left out for any other URL. `invalid` when a URL does not do, `not_found`
// for a path of no protocol, or of a vendor that is not among the upstreams. exchange() may be
// called from any single-threaded executor.
Result<std::unique_ptr<ports::LlmProvider>> make_http_provider(std::vector<Upstream> upstreams,
                                                               HttpProviderOptions options = {});

// Passes everything to `inner` and appends each exchange that came to its end to the cassette
// `file` (made when absent, continued when present), synced before the exchange returns. Never
// writes a header of the request. `pool` and `clock` outlive the provider. `corrupt` when the file
// exists and is no cassette.
Result<std::unique_ptr<ports::LlmProvider>> make_recording_provider(
    std::unique_ptr<ports::LlmProvider> inner, std::filesystem::path file, std::string note,
    BlockingPool& pool, Clock& clock);

struct ReplayOptions {
  double speed = 1.0;                       // recorded delays are divided by it
  std::chrono::milliseconds max_delay{50};  // and cut at this; 0: as fast as it goes
};

// Answers from a cassette, keeping no state: the recorded request that fits decides, so retries,
// resumed and parallel runs all find their turn. `corrupt` with the line when the file does not
// parse.
Result<std::unique_ptr<ports::LlmProvider>> make_replay_provider(const std::filesystem::path& file,
                                                                 ReplayOptions options,
                                                                 Clock& clock);

}  // namespace corral::adapters::llm
