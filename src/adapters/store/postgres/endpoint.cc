#include "adapters/store/postgres/endpoint.h"

#include <memory>
#include <string_view>

#include <libpq-fe.h>

namespace corral::adapters::store::postgres {

Result<Endpoint> Endpoint::parse(Secret url) {
  if (!url.expose().starts_with("postgres://") && !url.expose().starts_with("postgresql://"))
    return fail(ErrorCode::invalid,
                "a PostgreSQL store is named by a URL that begins with postgres://");
  char* ignored = nullptr;
  const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> options(
      PQconninfoParse(url.expose().data(), &ignored), PQconninfoFree);
  PQfreemem(ignored);
  if (!options)
    return fail(ErrorCode::invalid,
                "the store's URL cannot be read. It looks like "
                "postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=require; special "
                "characters in the password are written as %XX");
  const auto value = [&](std::string_view keyword) -> std::string {
    for (const auto* option = options.get(); option->keyword != nullptr; ++option)
      if (option->keyword == keyword) return option->val == nullptr ? "" : option->val;
    return "";
  };
  std::string name =
      "PostgreSQL at " + (value("host").empty() ? "the default host" : value("host"));
  if (!value("port").empty()) name += ":" + value("port");
  if (!value("dbname").empty()) name += ", database " + value("dbname");
  return Endpoint(std::move(url), std::move(name));
}

}  // namespace corral::adapters::store::postgres
