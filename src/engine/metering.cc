// What the gateway asks and tells, and the engine's figures.
#include "engine/metering.h"

#include "engine/engine_impl.h"
#include "engine/projection.h"
#include "engine/run_token.h"

namespace corral::engine {
namespace {

void figure(std::string& out, std::string_view name, std::string_view type, std::string_view help) {
  out += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
}

template <class Map>
void by_status(std::string& out, std::string_view name, const Map& values) {
  for (const auto& [status, count] : values)
    out += fmt::format("{}{{status=\"{}\"}} {}\n", name, status, count);
}

}  // namespace

Task<Result<RunId>> EngineImpl::authenticate_run_token(std::string token) {
  const auto id = verify_run_token(token, core_.deps.token_key);
  if (!id) co_return fail(ErrorCode::unauthenticated, "this is no token of a run");
  const auto run = co_await core_.runs.load(*id);
  if (!run && run.error().code == ErrorCode::not_found)
    co_return fail(ErrorCode::unauthenticated, "this is no token of a run");
  CORRAL_CO_CHECK(run);
  if (domain::has_ended(run->status))
    co_return fail(ErrorCode::forbidden, "the run of this token is {}", to_string(run->status));
  co_return *id;
}

Task<Result<void>> admit_model_call(Core& core, RunId id, std::string by) {
  CORRAL_CO_TRY(const auto run, co_await core.runs.load(id));
  auto admitted = domain::check_budget(run.request.budget, run.cost);
  if (!admitted) CORRAL_CO_CHECK(co_await core.tell(id, domain::StopForBudget{}, by));
  co_return admitted;
}

Task<Result<void>> record_model_call(Core& core, RunId id, ModelCall call, std::string by) {
  domain::RecordModelCall command{.model = std::move(call.model),
                                  .usage = {.calls = 1,
                                            .input_tokens = call.input_tokens,
                                            .output_tokens = call.output_tokens,
                                            .cache_read_tokens = call.cache_read_tokens,
                                            .cache_write_tokens = call.cache_write_tokens},
                                  .duration_ms = call.duration_ms,
                                  .status = call.status,
                                  .retry_at = call.retry_at};
  const auto usage = command.usage;
  const auto cost = domain::cost_of(command.model, usage);
  CORRAL_CO_CHECK(co_await core.tell(id, std::move(command), by));
  auto& counters = core.counters;
  ++counters.model_calls;
  if (call.status >= 400) ++counters.model_errors;
  counters.usage += usage;
  counters.cost += cost;
  co_return Result<void>{};
}

Task<Result<void>> EngineImpl::admit_model_call(RunId id) {
  co_return co_await engine::admit_model_call(core_, id, "gateway");
}

Task<Result<void>> EngineImpl::record_model_call(RunId id, ModelCall call) {
  co_return co_await engine::record_model_call(core_, id, std::move(call), "gateway");
}

Task<Result<std::string>> EngineImpl::metrics() {
  CORRAL_CO_TRY(const auto queue, co_await core_.deps.store.queue_counts(core_.deps.clock.now()));
  const auto& counters = core_.counters;
  std::string out;
  figure(out, "corral_runs_ended_total", "counter",
         "Runs that ended since this process started, by status.");
  by_status(out, "corral_runs_ended_total", counters.runs_ended);
  figure(out, "corral_steps_ended_total", "counter",
         "Attempts at steps that ended since this process started, by status.");
  by_status(out, "corral_steps_ended_total", counters.steps_ended);
  figure(out, "corral_runs", "gauge", "Runs alive, by status.");
  for (const char* state : {"pending", "running"}) {
    CORRAL_CO_TRY(const auto alive,
                  co_await core_.deps.store.list(
                      {.kind = std::string(kRunKind), .state = state, .limit = 500}));
    out += fmt::format("corral_runs{{status=\"{}\"}} {}\n", state, alive.size());
  }
  figure(out, "corral_queue_jobs", "gauge", "Jobs in the queue, by state.");
  const std::initializer_list<std::pair<std::string_view, std::uint64_t>> states{
      {"ready", queue.ready},
      {"delayed", queue.delayed},
      {"claimed", queue.claimed},
      {"completed", queue.completed},
      {"failed", queue.failed}};
  for (const auto& [state, count] : states)
    out += fmt::format("corral_queue_jobs{{state=\"{}\"}} {}\n", state, count);
  figure(out, "corral_queue_oldest_ready_seconds", "gauge",
         "How long the job that has waited longest has been due.");
  const auto waits = queue.oldest_due ? std::max<std::int64_t>(
                                            0, (core_.deps.clock.now() - *queue.oldest_due).count())
                                      : 0;
  out += fmt::format("corral_queue_oldest_ready_seconds {}\n", static_cast<double>(waits) / 1000);
  figure(out, "corral_cache_hits_total", "counter",
         "Runs read from the cache since this process started.");
  out += fmt::format("corral_cache_hits_total {}\n", core_.documents.hits());
  figure(out, "corral_cache_misses_total", "counter",
         "Runs read from the store, since the cache had none that is good.");
  out += fmt::format("corral_cache_misses_total {}\n", core_.documents.misses());
  out += core_.figures.exposition();
  figure(out, "corral_model_calls_total", "counter", "Model calls since this process started.");
  out += fmt::format("corral_model_calls_total {}\n", counters.model_calls);
  figure(out, "corral_model_errors_total", "counter",
         "Model calls that were answered with an error.");
  out += fmt::format("corral_model_errors_total {}\n", counters.model_errors);
  figure(out, "corral_model_tokens_total", "counter", "Tokens of model calls, by kind.");
  const std::initializer_list<std::pair<std::string_view, std::int64_t>> kinds{
      {"input", counters.usage.input_tokens},
      {"output", counters.usage.output_tokens},
      {"cache_read", counters.usage.cache_read_tokens},
      {"cache_write", counters.usage.cache_write_tokens}};
  for (const auto& [kind, count] : kinds)
    out += fmt::format("corral_model_tokens_total{{kind=\"{}\"}} {}\n", kind, count);
  figure(out, "corral_model_cost_usd_total", "counter",
         "Cost of model calls at list prices, in US dollars.");
  out += fmt::format("corral_model_cost_usd_total {:.6f}\n", counters.cost.usd());
  co_return out;
}

}  // namespace corral::engine
