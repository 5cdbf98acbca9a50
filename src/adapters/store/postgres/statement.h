// A statement on its way to the database, and the rows that come back. Everything travels in
// PostgreSQL's binary format: no escaping, no doubled size, and bytes that end a C string do not
// cut it short.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

struct pg_result;

namespace corral::adapters::store::postgres {

class Parameters {
 public:
  // In order: $1, $2, …
  Parameters& text(std::string_view value);
  Parameters& bytes(std::string value);
  Parameters& integer(std::int64_t value);
  Parameters& integer(std::uint64_t value) { return integer(static_cast<std::int64_t>(value)); }
  Parameters& integer(int value) { return integer(static_cast<std::int64_t>(value)); }
  Parameters& integer(std::uint32_t value) { return integer(static_cast<std::int64_t>(value)); }
  Parameters& optional_integer(std::optional<std::uint64_t> value);
  Parameters& boolean(bool value);
  Parameters& time(Time value) { return integer(value.time_since_epoch().count()); }

  std::size_t size() const { return values_.size(); }
  std::size_t size_bytes() const;

 private:
  friend class Connection;
  struct Value {
    unsigned int type;  // its OID
    std::string bytes;
    bool null = false;
  };
  std::vector<Value> values_;
};

struct Statement {
  std::string sql;
  Parameters parameters;
  bool prepared =
      true;  // kept by the connection under its text. False: planned for these values alone
};

class Rows {
 public:
  explicit Rows(pg_result* result);
  Rows(Rows&&) noexcept;
  Rows& operator=(Rows&&) noexcept;
  ~Rows();

  int size() const;
  // How many rows an INSERT, UPDATE or DELETE touched; of a SELECT, how many it returned.
  std::uint64_t affected() const;

  // Columns count from 0. A NULL is 0, or empty.
  bool is_null(int row, int column) const;
  std::int64_t integer(int row, int column) const;  // of any width; booleans too
  std::uint64_t number(int row, int column) const {
    return static_cast<std::uint64_t>(integer(row, column));
  }
  std::string_view view(int row, int column) const;  // as long as the rows live
  std::string text(int row, int column) const { return std::string(view(row, column)); }
  Time time(int row, int column) const { return Time{Duration{integer(row, column)}}; }

 private:
  struct Clear {
    void operator()(pg_result* result) const;
  };
  std::unique_ptr<pg_result, Clear> result_;
};

}  // namespace corral::adapters::store::postgres
