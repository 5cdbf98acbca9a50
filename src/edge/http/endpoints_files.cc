#include "edge/http/endpoints.h"

namespace corral::edge::endpoints {

std::string as_attachment(std::string_view name) {
  std::string encoded;
  for (const char c : name) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       c == '.' || c == '-' || c == '_';
    if (plain) {
      encoded.push_back(c);
    } else {
      fmt::format_to(std::back_inserter(encoded), "%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return fmt::format("attachment; filename*=UTF-8''{}", encoded);
}

Task<Result<void>> list_files(Api& api, Call& call) {
  CORRAL_CO_TRY(const auto run, run_of(call));
  CORRAL_CO_TRY(const auto listing, co_await api.files().list(run, call.query("path")));
  co_return co_await call.document(listing);
}

Task<Result<void>> get_file(Api& api, Call& call) {
  CORRAL_CO_TRY(const auto run, run_of(call));
  const auto path = call.query("path");
  CORRAL_CO_TRY(auto content, co_await api.files().read(run, path));
  // Made by an agent, as artifacts are: to be kept, never to be run by the browser in this server's
  // name. What type it would have is nobody's business here.
  co_return co_await call.content(
      "application/octet-stream", std::move(content),
      {{"Content-Disposition", as_attachment(path.substr(path.rfind('/') + 1))}});
}

Task<Result<void>> put_file(Api& api, Call& call) {
  CORRAL_CO_TRY(const auto run, run_of(call));
  CORRAL_CO_CHECK(co_await api.files().write(run, call.query("path"), std::move(call.request.body),
                                             call.caller()));
  co_return co_await call.out.send(204, {}, {});
}

}  // namespace corral::edge::endpoints
