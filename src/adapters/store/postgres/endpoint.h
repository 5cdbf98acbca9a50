// Which database, and as whom: the URL that the operator gave.
#pragma once

#include <string>

#include "base/error.h"
#include "base/secret.h"

namespace corral::adapters::store::postgres {

// Everything that libpq understands is passed on to it: several hosts, sslmode and sslrootcert,
// target_session_attrs, …
class Endpoint {
 public:
  // `invalid` when libpq cannot read the URL. The message never repeats any of it: where the
  // password ends is just what is unclear then.
  static Result<Endpoint> parse(Secret url);

  // For libpq alone: it holds the password.
  const char* url() const { return url_.expose().data(); }
  // "PostgreSQL at db.internal:5432, database corral": for people.
  const std::string& name() const { return name_; }

 private:
  Endpoint(Secret url, std::string name) : url_(std::move(url)), name_(std::move(name)) {}
  Secret url_;
  std::string name_;
};

}  // namespace corral::adapters::store::postgres
