#include "adapters/store/sqlite/database.h"

#include <cerrno>
#include <mutex>

#include <sqlite3.h>

#include "adapters/store/sqlite/log_vfs.h"

namespace corral::adapters::store::sqlite {
namespace {

Error error_of(int code, int system_errno, std::string_view words,
               const std::filesystem::path& path, std::string_view doing) {
  const auto message = [&](std::string_view remedy) {
    return fmt::format("database {}: {}: {}{}", path.string(), doing, words, remedy);
  };
  const bool no_room = system_errno == ENOSPC || system_errno == EDQUOT || system_errno == EFBIG;
  switch (code & 0xff) {
    case SQLITE_FULL:
      return {ErrorCode::exhausted, message("; free some disk space"), nullptr, true};
    case SQLITE_IOERR:
      if (no_room) return {ErrorCode::exhausted, message("; free some disk space"), nullptr, true};
      return {ErrorCode::unavailable, message("; see the system's log for errors of the disk"),
              nullptr};
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return {ErrorCode::corrupt,
              message("; the file is damaged or is no Corral database: restore it from a backup, "
                      "or move it away and "
                      "recover what is readable with: sqlite3 FILE .recover"),
              nullptr};
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {ErrorCode::unavailable, message("; another program holds the database"), nullptr};
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return {ErrorCode::forbidden, message("; the file and its folder must be writable"), nullptr};
    case SQLITE_CANTOPEN: {
      if (system_errno == 0) return {ErrorCode::unavailable, message(""), nullptr};
      return errno_error(system_errno, fmt::format("database {}: {}", path.string(), doing));
    }
    case SQLITE_NOMEM: return {ErrorCode::exhausted, message(""), nullptr};
    case SQLITE_TOOBIG:
      return {ErrorCode::invalid, message("; a value is larger than SQLite can hold"), nullptr};
    default: return {ErrorCode::internal, message(""), nullptr};
  }
}

constexpr int kLookasideBytes = 4096, kLookasideSlots = 128;

// No statistics of allocations: they cost a global lock.
void configure_once() {
  static std::once_flag once;
  std::call_once(once, [] { sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); });
}

}  // namespace

Database::Database(std::filesystem::path path, Mode mode, Duration busy_timeout)
    : path_(std::move(path)) {
  configure_once();
  const int flags =
      SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
      (mode == Mode::read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  if (const int code = sqlite3_open_v2(path_.c_str(), &handle_, flags,
                                       mode == Mode::read_write ? log_vfs() : nullptr);
      code != SQLITE_OK) {
    const Error error = error_of(code, handle_ ? sqlite3_system_errno(handle_) : 0,
                                 sqlite3_errstr(code), path_, "open");
    sqlite3_close_v2(handle_);
    throw SqliteFailure(error);
  }
  // Room for what a trigger needs while it runs, which SQLite would otherwise allocate each time.
  if (mode == Mode::read_write)
    sqlite3_db_config(handle_, SQLITE_DBCONFIG_LOOKASIDE, nullptr, kLookasideBytes,
                      kLookasideSlots);
  sqlite3_busy_timeout(handle_, static_cast<int>(busy_timeout.count()));
}

Database::~Database() {
  statements_.clear();
  sqlite3_close_v2(handle_);
}

void Database::CloseStatement::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

void Database::fail_now(int code, std::string_view doing) const {
  throw SqliteFailure(
      error_of(code, sqlite3_system_errno(handle_), sqlite3_errmsg(handle_), path_, doing));
}

void Database::execute(const char* sql) {
  if (const int code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr); code != SQLITE_OK)
    fail_now(code, sql);
}

bool Database::in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }
std::int64_t Database::last_insert_id() const { return sqlite3_last_insert_rowid(handle_); }
std::int64_t Database::changes() const { return sqlite3_changes64(handle_); }

void Database::rollback() noexcept {
  if (in_transaction()) sqlite3_exec(handle_, "ROLLBACK", nullptr, nullptr, nullptr);
}

sqlite3_stmt* Database::statement(std::string_view sql) {
  if (const auto found = statements_.find(sql); found != statements_.end())
    return found->second.get();
  sqlite3_stmt* made = nullptr;
  const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &made, nullptr);
  if (code != SQLITE_OK) fail_now(code, sql);
  statements_.emplace(sql, made);
  return made;
}

Query::Query(Database& database, std::string_view sql, std::nullptr_t)
    : database_(database), statement_(database.statement(sql)) {}

Query::~Query() {
  // What step() returned was reported; reset repeats it.
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

bool Query::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) database_.fail_now(code, sqlite3_sql(statement_));
  return false;
}

void Query::run() {
  while (step()) {
  }
}

void Query::bind(std::string_view text) {
  // A null pointer would bind NULL.
  const char* data = text.data() == nullptr ? "" : text.data();
  const int code =
      sqlite3_bind_text64(statement_, ++bound_, data, text.size(), SQLITE_STATIC, SQLITE_UTF8);
  if (code != SQLITE_OK) database_.fail_now(code, "bind");
}

void Query::bind(OrNull value) {
  if (!value.text.empty()) return bind(value.text);
  if (const int code = sqlite3_bind_null(statement_, ++bound_); code != SQLITE_OK)
    database_.fail_now(code, "bind");
}

void Query::bind_integer(std::int64_t number) {
  if (const int code = sqlite3_bind_int64(statement_, ++bound_, number); code != SQLITE_OK)
    database_.fail_now(code, "bind");
}

std::int64_t Query::integer(int column) const { return sqlite3_column_int64(statement_, column); }
bool Query::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

std::string_view Query::view(int column) const {
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  if (data == nullptr) return {};
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

}  // namespace corral::adapters::store::sqlite
