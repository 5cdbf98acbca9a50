#include "engine/run_token.h"

#include "engine/digest.h"

namespace corral::engine {
namespace {

constexpr std::string_view kPrefix = "crl_";
constexpr std::size_t kUuidSize = 36, kMacSize = 64;

}  // namespace

std::string make_run_token(RunId run, const Secret& key) {
  const std::string id = run.to_string();
  return fmt::format("{}{}_{}", kPrefix, id, hmac_sha256_hex(key.expose(), "run-token:" + id));
}

std::optional<RunId> verify_run_token(std::string_view token, const Secret& key) {
  if (token.size() != kPrefix.size() + kUuidSize + 1 + kMacSize || !token.starts_with(kPrefix))
    return std::nullopt;
  const auto run = RunId::parse(token.substr(kPrefix.size(), kUuidSize));
  if (!run || !Secret(make_run_token(*run, key)).equals(token)) return std::nullopt;
  return run;
}

}  // namespace corral::engine
