#include "edge/http/static_files.h"

#include <algorithm>

#include "edge/http/negotiation.h"

namespace corral::edge {
namespace {

// The page loads nothing but its own files, and nobody may frame it.
constexpr std::string_view kPagePolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src "
    "'self'; connect-src 'self'; "
    "manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

constexpr std::string_view kNoPage =
    R"(<!doctype html><html lang="en"><meta charset="utf-8"><title>Corral</title>
<h1>Corral is running</h1>
<p>This program was built without its web page. Build it with <code>script/build</code>.</p>
<p>The API is at <a href="/api/v1/openapi.json">/api/v1/openapi.json</a>; the command line is <code>corral --help</code>.</p>
</html>
)";

const WebAsset* find_asset(std::span<const WebAsset> assets, std::string_view path) {
  const auto at = std::ranges::lower_bound(assets, path, {}, &WebAsset::path);
  return at != assets.end() && at->path == path ? &*at : nullptr;
}

// Addresses that the page itself makes sense of.
bool is_page_address(std::string_view path) {
  for (const std::string_view known : {"/runs", "/sessions", "/s", "/workflows", "/schedules",
                                       "/queue", "/projects", "/about", "/login"})
    if (path == known || (path.starts_with(known) && path[known.size()] == '/')) return true;
  return path == "/";
}

Task<Result<void>> send_asset(const WebAsset& asset, int status, const Request& request,
                              Responder& out) {
  const auto accepted = request.header("accept-encoding");
  std::string_view bytes = asset.plain, coding;
  if (!asset.brotli.empty() && accepts_encoding(accepted, "br")) {
    bytes = asset.brotli;
    coding = "br";
  } else if (!asset.gzip.empty() && accepts_encoding(accepted, "gzip")) {
    bytes = asset.gzip;
    coding = "gzip";
  }
  // A strong tag is of the bytes sent, so each coding has its own.
  const std::string tag = fmt::format("\"{}{}{}\"", asset.etag, coding.empty() ? "" : "-", coding);
  Headers headers{{"ETag", tag}, {"Vary", "Accept-Encoding"}};
  // Names below /assets carry a hash of the content: they never change.
  headers.emplace_back("Cache-Control", asset.path.starts_with("/assets/")
                                            ? "public, max-age=31536000, immutable"
                                            : "no-cache");
  if (asset.media_type.starts_with("text/html"))
    headers.emplace_back("Content-Security-Policy", kPagePolicy);
  if (status == 200 && etag_matches(request.header("if-none-match"), tag))
    co_return co_await out.send(304, std::move(headers), {});
  headers.emplace_back("Content-Type", asset.media_type);
  if (!coding.empty()) headers.emplace_back("Content-Encoding", coding);
  co_return co_await out.send(status, std::move(headers), std::string(bytes));
}

}  // namespace

Task<Result<void>> serve_static(std::span<const WebAsset> assets, const Request& request,
                                Responder& out) {
  if (assets.empty() && request.path == "/")
    co_return co_await out.send(200,
                                {{"Content-Type", "text/html; charset=utf-8"},
                                 {"Cache-Control", "no-cache"},
                                 {"Content-Security-Policy", std::string(kPagePolicy)}},
                                std::string(kNoPage));
  if (const auto* asset = find_asset(assets, request.path))
    co_return co_await send_asset(*asset, 200, request, out);
  const auto* page = find_asset(assets, "/index.html");
  const bool known = is_page_address(request.path);
  // A person who mistypes gets the page, which says so; a program gets a problem.
  if (page != nullptr &&
      (known || choose_media_type(request.header("accept"), {"application/json", "text/html"}) ==
                    "text/html"))
    co_return co_await send_asset(*page, known ? 200 : 404, request, out);
  co_return fail(ErrorCode::not_found, "there is nothing at this address");
}

}  // namespace corral::edge
