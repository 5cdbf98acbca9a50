#include "edge/http/http_metrics.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

namespace corral::edge {

void HttpMetrics::count(std::string_view method, std::string_view route, int status, double seconds,
                        bool streamed) {
  ++requests_[{std::string(method), std::string(route), status}];
  if (streamed) return;
  const auto bound = std::ranges::lower_bound(kBounds, seconds);
  ++buckets_[static_cast<std::size_t>(bound - kBounds.begin())];
  seconds_ += seconds;
}

std::string HttpMetrics::exposition() const {
  std::string text =
      "# HELP corral_http_requests_total Requests answered.\n# TYPE corral_http_requests_total "
      "counter\n";
  auto out = std::back_inserter(text);
  for (const auto& [labels, count] : requests_)
    fmt::format_to(out,
                   "corral_http_requests_total{{method=\"{}\",route=\"{}\",status=\"{}\"}} {}\n",
                   std::get<0>(labels), std::get<1>(labels), std::get<2>(labels), count);
  text +=
      "# HELP corral_http_request_duration_seconds Time to answer, streams left out.\n# TYPE "
      "corral_http_request_duration_seconds histogram\n";
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < kBounds.size(); ++i) {
    total += buckets_[i];
    fmt::format_to(out, "corral_http_request_duration_seconds_bucket{{le=\"{}\"}} {}\n", kBounds[i],
                   total);
  }
  total += buckets_.back();
  fmt::format_to(out, "corral_http_request_duration_seconds_bucket{{le=\"+Inf\"}} {}\n", total);
  fmt::format_to(out,
                 "corral_http_request_duration_seconds_sum "
                 "{}\ncorral_http_request_duration_seconds_count {}\n",
                 seconds_, total);
  text += "# HELP corral_http_streams Event streams open now.\n# TYPE corral_http_streams gauge\n";
  fmt::format_to(out, "corral_http_streams {}\n", streams_);
  return text;
}

}  // namespace corral::edge
