// One transfer as a coroutine: for adapters that speak HTTP.
#pragma once

#include <memory>
#include <string>

#include "adapters/http/curl_worker.h"

namespace corral::adapters::http {

// Receives the answer: head once, then the body in pieces. Awaited, so a slow reader slows the
// server down. An Error ends the transfer and is its outcome.
class TransferSink {
 public:
  virtual ~TransferSink() = default;
  virtual Task<Result<void>> head(TransferHead head) = 0;
  virtual Task<Result<void>> body(std::string bytes) = 0;
};

// Returns when the answer has ended. Certificates are checked, redirects are not followed, nothing
// is sent that the spec does not say. `forbidden` when no address may be connected to, `deadline`
// after the spec's timeout, `cancelled` when the worker stops, `unavailable` for any other failure.
// Cancelling it ends the transfer. Of `sink`'s owner nothing else is used: it may end before.
Task<Result<void>> run_transfer(std::shared_ptr<CurlWorker> worker, TransferSpec spec,
                                TransferSink& sink);

// "https://host:port" of a URL, for people: what follows may hold secrets.
std::string origin_of(std::string_view url);

}  // namespace corral::adapters::http
