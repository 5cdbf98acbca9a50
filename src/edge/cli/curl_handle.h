// libcurl's handles, owned. For the sources of this room's clients only.
#pragma once

#include <memory>
#include <string>

#include <curl/curl.h>

#include "base/error.h"
#include "edge/cli/http_client.h"

namespace corral::edge::cli {

// CURL and CURLM are both void: the deleters keep them apart.
struct CurlEasyFree {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct CurlMultiFree {
  void operator()(CURLM* handle) const { curl_multi_cleanup(handle); }
};
struct CurlListFree {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using CurlEasy = std::unique_ptr<CURL, CurlEasyFree>;
using CurlMulti = std::unique_ptr<CURLM, CurlMultiFree>;
using CurlList = std::unique_ptr<curl_slist, CurlListFree>;

void append(CurlList& list, const std::string& line);

// A handle with what every request to a server has: URL, bounds, no redirects, no proxy for
// loopback; `headers` gets the login. Both outlive the transfer.
CurlEasy make_easy();
void prepare(CURL* easy, const Endpoint& endpoint, const std::string& path, CurlList& headers);

// The Error for a transfer that failed before an answer was complete.
Error transfer_error(CURLcode code, const char* words, const Endpoint& endpoint);

}  // namespace corral::edge::cli
