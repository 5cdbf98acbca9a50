// One SQLite connection, its cached statements, and SQLite's failures as Errors. Blocking; used by
// one thread at a time.
#pragma once

#include <cstdint>
#include <exception>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"
#include "base/error.h"

struct sqlite3;
struct sqlite3_stmt;

namespace corral::adapters::store::sqlite {

// A failure of SQLite itself. Thrown inside this adapter only and caught where a call leaves it.
struct SqliteFailure : std::exception {
  explicit SqliteFailure(Error e) : error(std::move(e)) {}
  const char* what() const noexcept override { return error.message.c_str(); }
  Error error;
};

class Database {
 public:
  enum class Mode { read_write, read_only };
  // Throws SqliteFailure, as everything here does.
  Database(std::filesystem::path path, Mode mode, Duration busy_timeout);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Any number of statements without parameters or rows.
  void execute(const char* sql);
  // False after SQLite rolled a transaction back by itself, as it does on some failures.
  bool in_transaction() const;
  std::int64_t last_insert_id() const;
  std::int64_t changes() const;
  // Begins afresh whatever state a failure left.
  void rollback() noexcept;

 private:
  friend class Query;
  struct CloseStatement {
    void operator()(sqlite3_stmt* statement) const;
  };
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };

  sqlite3_stmt* statement(std::string_view sql);
  [[noreturn]] void fail_now(int code, std::string_view doing) const;

  std::filesystem::path path_;
  sqlite3* handle_ = nullptr;
  std::unordered_map<std::string, std::unique_ptr<sqlite3_stmt, CloseStatement>, TextHash,
                     std::equal_to<>>
      statements_;
};

// One use of a cached statement; two uses of the same text must not overlap. Text arguments are not
// copied: they outlive the query.
class Query {
 public:
  template <class... Args>
  Query(Database& database, std::string_view sql, Args&&... args) : Query(database, sql, nullptr) {
    (bind(std::forward<Args>(args)), ...);
  }
  ~Query();
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  // The next row, or false at the end.
  bool step();
  // To the end, for statements without rows.
  void run();

  // Parameters are bound in order.
  void bind(std::string_view text);
  void bind(std::string&& temporary) = delete;
  template <std::integral Number>
  void bind(Number number) {
    bind_integer(static_cast<std::int64_t>(number));
  }
  void bind(Time time) { bind_integer(time.time_since_epoch().count()); }
  // NULL when it is empty.
  struct OrNull {
    std::string_view text;
  };
  void bind(OrNull value);

  // Columns count from 0.
  std::int64_t integer(int column) const;
  std::uint64_t number(int column) const { return static_cast<std::uint64_t>(integer(column)); }
  std::string_view view(int column) const;  // until the next step
  std::string text(int column) const { return std::string(view(column)); }
  Time time(int column) const { return Time{Duration{integer(column)}}; }
  bool is_null(int column) const;

 private:
  Query(Database& database, std::string_view sql, std::nullptr_t);
  void bind_integer(std::int64_t number);

  Database& database_;
  sqlite3_stmt* statement_;
  int bound_ = 0;
};

}  // namespace corral::adapters::store::sqlite
