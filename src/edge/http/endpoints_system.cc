#include "edge/http/endpoints.h"

namespace corral::edge::endpoints {

json::object items(std::vector<json::value> values) {
  json::array array;
  array.reserve(values.size());
  for (auto& value : values) array.push_back(std::move(value));
  return {{"items", std::move(array)}};
}

json::object items(engine::Page page) {
  json::object result = items(std::move(page.items));
  if (page.next_cursor.empty()) {
    result["next_cursor"] = nullptr;
  } else {
    result["next_cursor"] = page.next_cursor;
  }
  return result;
}

Task<Result<void>> get_openapi(Api& api, Call& call) {
  return call.content("application/json", api.document());
}

Task<Result<void>> get_info(Api& api, Call& call) {
  json::value info = api.deps().info();
  CORRAL_CO_TRY(auto agents, co_await api.deps().agents());
  info.as_object()["agents"] = std::move(agents);
  co_return co_await call.document(info);
}

Task<Result<void>> list_agents(Api& api, Call& call) {
  CORRAL_CO_TRY(auto agents, co_await api.deps().agents());
  co_return co_await call.document(json::object{{"items", std::move(agents)}});
}

Task<Result<void>> login(Api& api, Call& call) {
  const Auth& auth = api.auth();
  Headers headers{{"Cache-Control", "no-store"}};
  if (auth.required()) {
    CORRAL_CO_CHECK(api.check_token_guesses(call.request.peer));
    if (!auth.token_is(call.text("token"))) {
      api.count_wrong_token(call.request.peer);
      co_return fail(ErrorCode::unauthenticated, "the token is wrong");
    }
    headers.emplace_back("Set-Cookie",
                         auth.login_cookie(call.request.header("x-forwarded-proto") == "https"));
  }
  co_return co_await call.out.send(204, std::move(headers), {});
}

Task<Result<void>> logout(Api&, Call& call) {
  co_return co_await call.out.send(
      204, {{"Cache-Control", "no-store"}, {"Set-Cookie", Auth::logout_cookie()}}, {});
}

Task<Result<void>> healthz(Api&, Call& call) {
  co_return co_await call.out.send(
      200, {{"Content-Type", "text/plain; charset=utf-8"}, {"Cache-Control", "no-store"}}, "ok\n");
}

Task<Result<void>> readyz(Api& api, Call& call) {
  CORRAL_CO_CHECK(co_await api.deps().ready());
  co_return co_await healthz(api, call);
}

Task<Result<void>> metrics(Api& api, Call& call) {
  CORRAL_CO_TRY(auto text, co_await api.service().metrics());
  if (!text.empty() && !text.ends_with('\n')) text += '\n';
  text += api.metrics().exposition();
  co_return co_await call.out.send(
      200,
      {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}, {"Cache-Control", "no-store"}},
      std::move(text));
}

}  // namespace corral::edge::endpoints
