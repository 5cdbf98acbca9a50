#include "edge/http/endpoints.h"

namespace corral::edge::endpoints {
namespace {

std::uint64_t job_of(const Call& call) { return std::stoull(call.param("job")); }

Task<Result<void>> set_paused(Api& api, Call& call, bool paused) {
  CORRAL_CO_TRY(auto queue,
                co_await api.service().pause_queue(call.text("group"), paused, call.caller()));
  co_return co_await call.json_reply(200, {}, queue);
}

}  // namespace

Task<Result<void>> get_queue(Api& api, Call& call) {
  CORRAL_CO_TRY(auto queue, co_await api.service().queue_state());
  co_return co_await call.document(queue);
}

Task<Result<void>> pause_queue(Api& api, Call& call) { return set_paused(api, call, true); }

Task<Result<void>> resume_queue(Api& api, Call& call) { return set_paused(api, call, false); }

Task<Result<void>> list_jobs(Api& api, Call& call) {
  engine::JobFilter filter{.state = call.query("state"),
                           .kind = call.query("kind"),
                           .group = call.query("group"),
                           .cursor = call.query("cursor"),
                           .limit = limit_of(call)};
  CORRAL_CO_TRY(auto page, co_await api.service().list_jobs(std::move(filter)));
  co_return co_await call.document(items(std::move(page)));
}

Task<Result<void>> retry_job(Api& api, Call& call) {
  CORRAL_CO_CHECK(co_await api.service().retry_job(job_of(call), call.caller()));
  co_return co_await call.out.send(204, {}, {});
}

Task<Result<void>> discard_job(Api& api, Call& call) {
  CORRAL_CO_CHECK(co_await api.service().discard_job(job_of(call), call.caller()));
  co_return co_await call.out.send(204, {}, {});
}

}  // namespace corral::edge::endpoints
