// Text in logs.
#include <charconv>

#include "edge/http/endpoints.h"
#include "session/search.h"

namespace corral::edge::endpoints {
namespace {

Result<session::Search> search_of(const Call& call) {
  session::Search search{
      .text = call.query("q"),
      .letters = call.query("ignore_case") == "true" ? session::Case::ignore : session::Case::exact,
      .limit = limit_of(call)};
  const auto cursor = call.query("cursor");
  if (cursor.empty()) return search;
  const auto* const end = cursor.data() + cursor.size();
  auto read = std::from_chars(cursor.data(), end, search.from.offset);
  if (read.ec == std::errc() && read.ptr != end && *read.ptr == '.')
    read = std::from_chars(read.ptr + 1, end, search.from.known);
  if (read.ec != std::errc() || read.ptr != end)
    return fail(ErrorCode::invalid, "parameter \"cursor\": \"{}\" is none that a page gave",
                cursor);
  return search;
}

json::value match_json(session::Match match, std::optional<Time> time) {
  return json::object{{"offset", match.offset},
                      {"time", time ? json::value(to_rfc3339(*time)) : json::value(nullptr)},
                      {"text", std::move(match.line)}};
}

Task<Result<void>> answer(Call& call, json::array items, std::optional<session::Place> next) {
  const auto cursor = next ? fmt::format("{}.{}", next->offset, next->known) : std::string();
  co_return co_await call.json_reply(
      200, {{"Cache-Control", "no-store"}},
      json::object{{"items", std::move(items)},
                   {"next_cursor", next ? json::value(cursor) : json::value(nullptr)}});
}

}  // namespace

Task<Result<void>> search_log(Api& api, Call& call) {
  CORRAL_CO_TRY(const auto id, run_of(call));
  CORRAL_CO_TRY(auto search, search_of(call));
  CORRAL_CO_TRY(const auto log, co_await api.service().run_log(id));
  CORRAL_CO_TRY(auto page, co_await session::search_log(*log, std::move(search)));
  json::array items;
  for (auto& match : page.matches) {
    const auto time = log->time_of(match.offset);
    items.push_back(match_json(std::move(match), time));
  }
  co_return co_await answer(call, std::move(items), page.next);
}

Task<Result<void>> search_session_log(Api& api, Call& call) {
  CORRAL_CO_TRY(const auto id, session_of(call));
  CORRAL_CO_TRY(auto search, search_of(call));
  CORRAL_CO_TRY(const auto live, co_await api.sessions().open_session(id));
  CORRAL_CO_TRY(auto page, co_await session::search_log(live->output(), std::move(search)));
  json::array items;
  for (auto& match : page.matches) {
    CORRAL_CO_TRY(const auto time, co_await live->time_of(match.offset));
    items.push_back(match_json(std::move(match), time));
  }
  co_return co_await answer(call, std::move(items), page.next);
}

}  // namespace corral::edge::endpoints
