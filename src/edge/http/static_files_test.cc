#include "edge/http/static_files.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

namespace corral::edge {
namespace {

constexpr WebAsset kAssets[] = {
    {"/assets/app-1.js", "text/javascript; charset=utf-8", "js", "plain js", "zipped js",
     "brotli js"},
    {"/favicon.svg", "image/svg+xml", "svg", "<svg/>", "zipped", ""},
    {"/index.html", "text/html; charset=utf-8", "page", "<html>", "", ""},
};

class Recorder final : public Responder {
 public:
  Task<Result<void>> send(int s, Headers h, std::string b) override {
    status = s;
    for (auto& [name, value] : h) headers[name] = value;
    body = std::move(b);
    co_return Result<void>{};
  }
  Task<Result<void>> start(int, Headers) override { co_return Result<void>{}; }
  Task<Result<void>> write(std::string) override { co_return Result<void>{}; }
  bool started() const override { return status != 0; }
  bool gone() const override { return false; }
  int status = 0;
  std::map<std::string, std::string> headers;
  std::string body;
};

Task<void> serve_into(std::span<const WebAsset> assets, Request request, Recorder& out) {
  auto result = co_await serve_static(assets, request, out);
  if (!result) out.status = http_status(result.error());
}

Recorder get(std::span<const WebAsset> assets, std::string path,
             std::map<std::string, std::string> headers = {}) {
  Recorder out;
  Request request;
  request.method = "GET";
  request.path = std::move(path);
  request.headers = std::move(headers);
  asio::io_context context;
  asio::co_spawn(context, serve_into(assets, std::move(request), out),
                 [](std::exception_ptr thrown) {
                   if (thrown) std::rethrow_exception(thrown);
                 });
  context.run();
  return out;
}

TEST(StaticFiles, SendTheBestCodingWithItsOwnTag) {
  const auto plain = get(kAssets, "/assets/app-1.js");
  EXPECT_EQ(plain.body, "plain js");
  EXPECT_EQ(plain.headers.at("ETag"), "\"js\"");
  EXPECT_EQ(plain.headers.at("Cache-Control"), "public, max-age=31536000, immutable");
  const auto brotli = get(kAssets, "/assets/app-1.js", {{"accept-encoding", "gzip, br"}});
  EXPECT_EQ(brotli.body, "brotli js");
  EXPECT_EQ(brotli.headers.at("Content-Encoding"), "br");
  EXPECT_EQ(brotli.headers.at("ETag"), "\"js-br\"");
  EXPECT_EQ(get(kAssets, "/favicon.svg", {{"accept-encoding", "gzip, br"}})
                .headers.at("Content-Encoding"),
            "gzip");
  EXPECT_EQ(get(kAssets, "/assets/app-1.js",
                {{"accept-encoding", "gzip"}, {"if-none-match", "\"js-gzip\""}})
                .status,
            304);
  EXPECT_EQ(
      get(kAssets, "/assets/app-1.js", {{"accept-encoding", "gzip"}, {"if-none-match", "\"js\""}})
          .status,
      200);
}

TEST(StaticFiles, GiveThePageForItsOwnAddresses) {
  for (const char* path : {"/", "/index.html", "/runs", "/runs/0193", "/sessions", "/s/token",
                           "/workflows", "/schedules", "/queue", "/projects", "/projects/x/y"}) {
    const auto page = get(kAssets, path);
    EXPECT_EQ(page.status, 200) << path;
    EXPECT_EQ(page.body, "<html>") << path;
    EXPECT_EQ(page.headers.at("Cache-Control"), "no-cache") << path;
    EXPECT_NE(page.headers.at("Content-Security-Policy").find("frame-ancestors 'none'"),
              std::string::npos)
        << path;
  }
}

TEST(StaticFiles, TellPeopleAndProgramsApartWhenThereIsNothing) {
  EXPECT_EQ(get(kAssets, "/nothing", {{"accept", "text/html,*/*;q=0.8"}}).status, 404);
  EXPECT_EQ(get(kAssets, "/nothing", {{"accept", "text/html,*/*;q=0.8"}}).body, "<html>");
  EXPECT_EQ(get(kAssets, "/nothing", {{"accept", "*/*"}}).body, "");
  EXPECT_EQ(get(kAssets, "/runsx").status, 404);
  EXPECT_EQ(get(kAssets, "/assets/../index.html").status, 404);
}

TEST(StaticFiles, SayHowToBuildThePageWhenItIsMissing) {
  const auto page = get({}, "/");
  EXPECT_EQ(page.status, 200);
  EXPECT_NE(page.body.find("script/build"), std::string::npos);
  EXPECT_EQ(get({}, "/runs").status, 404);
}

TEST(StaticFiles, AreSortedAsTheSearchNeedsThem) {
  EXPECT_TRUE(std::ranges::is_sorted(web_assets(), {}, &WebAsset::path));
}

}  // namespace
}  // namespace corral::edge
