// libcurl's handles, owned. For the sources of this room's clients only.
#pragma once

#include <memory>
#include <string>

#include <curl/curl.h>

#include "base/error.h"
#include "base/freed.h"
#include "edge/cli/http_client.h"

namespace corral::edge::cli {

// CURL and CURLM are both void: the deleters keep them apart.
using CurlEasy = std::unique_ptr<CURL, Freed<curl_easy_cleanup>>;
using CurlMulti = std::unique_ptr<CURLM, Freed<curl_multi_cleanup>>;
using CurlList = std::unique_ptr<curl_slist, Freed<curl_slist_free_all>>;

void append(CurlList& list, const std::string& line);

// A handle with what every request to a server has: URL, bounds, no redirects, no proxy for
// loopback; `headers` gets the login. Both outlive the transfer.
CurlEasy make_easy();
void prepare(CURL* easy, const Endpoint& endpoint, const std::string& path, CurlList& headers);

// The Error for a transfer that failed before an answer was complete.
Error transfer_error(CURLcode code, const char* words, const Endpoint& endpoint);

}  // namespace corral::edge::cli
