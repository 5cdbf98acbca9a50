#include <algorithm>

#include "adapters/llm/cassette.h"
#include "adapters/llm/normal_request.h"
#include "adapters/llm/providers.h"
#include "base/files.h"
#include "ports/llm_api.h"

namespace corral::adapters::llm {
namespace {

using ports::LlmRequest;
using ports::LlmSink;

class ReplayProvider final : public ports::LlmProvider {
 public:
  ReplayProvider(Cassette cassette, ReplayOptions options, Clock& clock)
      : cassette_(std::move(cassette)), options_(options), clock_(clock) {}

  Task<Result<void>> exchange(LlmRequest request, LlmSink& sink) override {
    CORRAL_CO_TRY(const auto normal, normal_request(request.path, request.body));
    const RecordedExchange* recorded = matching(normal);
    if (recorded == nullptr) {
      if (const auto route = ports::llm_route(request.path);
          route && route->use == ports::LlmRoute::Use::count_tokens)
        co_return co_await estimate(route->api, request.body.size(), sink);
      co_return explain(normal);
    }
    CORRAL_CO_CHECK(co_await sink.head(recorded->response.head));
    for (const auto& chunk : recorded->response.chunks) {
      const auto delay =
          std::min(options_.max_delay, std::chrono::milliseconds(static_cast<std::int64_t>(
                                           static_cast<double>(chunk.after_ms) / options_.speed)));
      if (delay.count() > 0) co_await clock_.sleep(delay);
      CORRAL_CO_CHECK(co_await sink.body(chunk.text));
    }
    co_return Result<void>{};
  }

 private:
  // The last answer to the same request, and rather one that succeeded: a recording that met an
  // overloaded provider holds the failure and then the answer.
  const RecordedExchange* matching(const json::value& normal) const {
    const RecordedExchange* best = nullptr;
    for (const auto& exchange : cassette_.exchanges) {
      if (exchange.request != normal) continue;
      if (best == nullptr || exchange.response.head.status < 300 ||
          best->response.head.status >= 300)
        best = &exchange;
    }
    return best;
  }

  Task<Result<void>> estimate(ports::LlmApi api, std::size_t body_bytes, LlmSink& sink) const {
    const std::string_view name = api == ports::LlmApi::gemini ? "totalTokens" : "input_tokens";
    CORRAL_CO_CHECK(
        co_await sink.head({.status = 200, .headers = {{"content-type", "application/json"}}}));
    co_return co_await sink.body(json::serialize(json::object{{name, body_bytes / 4}}));
  }

  // Names what parts this request from the recorded one that it follows the furthest.
  Result<void> explain(const json::value& normal) const {
    const RecordedExchange* nearest = nullptr;
    std::pair<std::size_t, bool> best{};
    for (const auto& exchange : cassette_.exchanges) {
      if (find_string(exchange.request, {"path"}) != find_string(normal, {"path"})) continue;
      const std::pair likeness{common_messages(exchange.request, normal),
                               turn_of(exchange.request) == turn_of(normal)};
      if (nearest != nullptr && likeness <= best) continue;
      nearest = &exchange;
      best = likeness;
    }
    const auto turn = turn_of(normal);
    if (nearest == nullptr)
      return fail(ErrorCode::invalid,
                  "the cassette does not fit at turn {}: it holds no request to {}", turn,
                  find_string(normal, {"path"}));
    const auto difference = first_difference(nearest->request, normal);
    CORRAL_ASSERT(difference);
    return fail(ErrorCode::invalid,
                "the cassette does not fit at turn {}: {} is recorded as \"{}\", and came as "
                "\"{}\"; record the run again (--record)",
                turn, difference->path, difference->recorded, difference->got);
  }

  Cassette cassette_;
  ReplayOptions options_;
  Clock& clock_;
};

}  // namespace

Result<std::unique_ptr<ports::LlmProvider>> make_replay_provider(const std::filesystem::path& file,
                                                                 ReplayOptions options,
                                                                 Clock& clock) {
  if (!(options.speed > 0))
    return fail(ErrorCode::invalid, "the replay's speed must be more than 0, not {}",
                options.speed);
  auto text = read_file(file);
  if (!text) return wrap(text.error(), fmt::format("cannot read the cassette {}", file.string()));
  auto cassette = parse_cassette(*text);
  if (!cassette) return wrap(cassette.error(), fmt::format("cannot replay {}", file.string()));
  return std::make_unique<ReplayProvider>(*std::move(cassette), options, clock);
}

}  // namespace corral::adapters::llm
