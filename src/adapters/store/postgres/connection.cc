#include "adapters/store/postgres/connection.h"

#include <array>

#include <fcntl.h>
#include <libpq-fe.h>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

namespace corral::adapters::store::postgres {
namespace {

using Result = std::unique_ptr<PGresult, void (*)(PGresult*)>;

// What every session needs, whatever the server's or the role's defaults are. Acknowledged means on
// disk: a configured `off` is raised, a stronger setting (remote_apply) stays. The server gives up
// on a client that vanished without a word, so that its locks are free again.
const Statement kSession{.sql =
                             "SELECT set_config('search_path', 'corral, pg_catalog', false), "
                             "set_config('default_transaction_isolation', 'read committed', false),"
                             " set_config('bytea_output', 'hex', false), set_config('jit', 'off', "
                             "false), set_config('lock_timeout', '20s', false),"
                             " set_config('statement_timeout', '60s', false), "
                             "set_config('idle_in_transaction_session_timeout', '20s', false),"
                             " set_config('tcp_keepalives_idle', '10', false), "
                             "set_config('tcp_keepalives_interval', '5', false),"
                             " set_config('tcp_keepalives_count', '3', false), "
                             "set_config('client_min_messages', 'warning', false),"
                             " CASE WHEN current_setting('synchronous_commit') = 'off' THEN "
                             "set_config('synchronous_commit', 'on', false) END",
                         .parameters = {},
                         .prepared = false};

void forget_notice(void*, const PGresult*) {}

}  // namespace

struct Connection::Sent {
  std::size_t at;           // of the statement
  const std::string* text;  // of one that is being prepared
  std::string name;
};

void Connection::Close::operator()(pg_conn* connection) const { PQfinish(connection); }

// Asio watches a descriptor of its own for the same socket. libpq closes its one as soon as it sees
// the connection broken, and the number may at once be another connection's: forgetting the old one
// would then stop the watch on the new one.
asio::posix::stream_descriptor Connection::watched(const Executor& executor, pg_conn* connection) {
  const int descriptor = ::fcntl(PQsocket(connection), F_DUPFD_CLOEXEC, 0);
  return descriptor < 0 ? asio::posix::stream_descriptor(executor)
                        : asio::posix::stream_descriptor(executor, descriptor);
}

Connection::Connection(const Executor& executor, std::unique_ptr<pg_conn, Close> connection)
    : connection_(std::move(connection)), socket_(watched(executor, connection_.get())) {}

Connection::~Connection() = default;

// Ready when the socket is; both directions are watched at once, because a server that waits for us
// to read does not read.
Task<Connection::Ready> Connection::wait(asio::posix::stream_descriptor& socket, bool readable,
                                         bool writable, Deadline deadline) {
  struct State {
    asio::steady_timer timer;
    bool ready = false;
  };
  auto state = std::make_shared<State>(State{asio::steady_timer(socket.get_executor(), deadline)});
  const auto watch = [&](asio::posix::descriptor_base::wait_type what) {
    socket.async_wait(what, [state](const boost::system::error_code& error) {
      if (error == asio::error::operation_aborted) return;
      state->ready = true;  // an error too: libpq finds it
      state->timer.cancel();
    });
  };
  if (readable) watch(asio::posix::descriptor_base::wait_read);
  if (writable) watch(asio::posix::descriptor_base::wait_write);
  boost::system::error_code woken;
  co_await state->timer.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  if (readable && writable)
    socket.cancel();
  else if (!state->ready)
    socket.cancel();
  const auto cancellation = co_await asio::this_coro::cancellation_state;
  if (cancellation.cancelled() != asio::cancellation_type::none)
    throw boost::system::system_error(asio::error::operation_aborted);
  co_return state->ready ? Ready::yes : Ready::timed_out;
}

Task<std::expected<std::unique_ptr<Connection>, Failure>> Connection::open(const Endpoint& endpoint,
                                                                           Deadline deadline) {
  const auto executor = co_await asio::this_coro::executor;
  // What comes before the URL is a default that it may change; what comes after it is not.
  const std::array keywords{"fallback_application_name", "keepalives_idle",
                            "tcp_user_timeout",          "dbname",
                            "client_encoding",           static_cast<const char*>(nullptr)};
  const std::array values{"corral",       "10",   "20000",
                          endpoint.url(), "UTF8", static_cast<const char*>(nullptr)};
  std::unique_ptr<pg_conn, Close> connection(
      PQconnectStartParams(keywords.data(), values.data(), 1));
  const auto failed = [&](std::string_view why) {
    auto failure = connect_failure(why);
    failure.error.message = fmt::format("{}: {}", endpoint.name(), failure.error.message);
    return std::unexpected(std::move(failure));
  };
  if (!connection) co_return failed("no memory for a connection");
  PQsetErrorVerbosity(connection.get(), PQERRORS_VERBOSE);
  PQsetNoticeReceiver(connection.get(), forget_notice, nullptr);
  for (auto next = PGRES_POLLING_WRITING;
       PQstatus(connection.get()) != CONNECTION_BAD && next != PGRES_POLLING_OK;) {
    if (next == PGRES_POLLING_FAILED) break;
    // libpq may try one address after another, each with a socket of its own.
    auto socket = watched(executor, connection.get());
    if (!socket.is_open()) co_return failed("no file descriptor for a connection");
    const auto ready = co_await wait(socket, next == PGRES_POLLING_READING,
                                     next == PGRES_POLLING_WRITING, deadline);
    if (ready == Ready::timed_out) co_return failed("no answer in time");
    next = PQconnectPoll(connection.get());
  }
  if (PQstatus(connection.get()) != CONNECTION_OK)
    co_return failed(PQerrorMessage(connection.get()));
  PQsetErrorVerbosity(connection.get(), PQERRORS_DEFAULT);
  if (PQsetnonblocking(connection.get(), 1) != 0 || PQenterPipelineMode(connection.get()) != 1)
    co_return failed(PQerrorMessage(connection.get()));
  std::unique_ptr<Connection> opened(new Connection(executor, std::move(connection)));
  if (!opened->socket_.is_open()) co_return failed("no file descriptor for a connection");
  std::vector<const Statement*> settings{&kSession};
  auto set = co_await opened->run(std::move(settings), deadline);
  if (!set) co_return std::unexpected(std::move(set).error().failure);
  co_return opened;
}

Failure Connection::lost(std::string_view doing) const {
  const std::string why = one_line(PQerrorMessage(connection_.get()));
  return {Failure::Kind::lost,
          {ErrorCode::unavailable,
           fmt::format("{}: {}", doing, why.empty() ? "the server closed it" : why), nullptr}};
}

bool Connection::send(const Statement& statement, std::size_t at, std::vector<Sent>& sent) {
  const auto& values = statement.parameters.values_;
  const int count = static_cast<int>(values.size());
  std::vector<unsigned int> types;
  std::vector<const char*> pointers;
  std::vector<int> lengths, formats(values.size(), 1);
  for (const auto& value : values) {
    types.push_back(value.type);
    pointers.push_back(value.null ? nullptr : value.bytes.data());
    lengths.push_back(static_cast<int>(value.bytes.size()));
  }
  if (!statement.prepared) {
    sent.push_back({at, nullptr, ""});
    return PQsendQueryParams(connection_.get(), statement.sql.c_str(), count, types.data(),
                             pointers.data(), lengths.data(), formats.data(), 1) == 1;
  }
  std::string name;
  if (const auto known = prepared_.find(statement.sql); known != prepared_.end()) {
    name = known->second;
  } else {
    const auto same = std::ranges::find_if(sent, [&](const Sent& before) {
      return before.text != nullptr && *before.text == statement.sql;
    });
    if (same != sent.end()) {
      name = same->name;
    } else {
      name = fmt::format("s{}", ++last_name_);
      sent.push_back({at, &statement.sql, name});
      if (PQsendPrepare(connection_.get(), name.c_str(), statement.sql.c_str(), count,
                        types.data()) != 1)
        return false;
    }
  }
  sent.push_back({at, nullptr, ""});
  return PQsendQueryPrepared(connection_.get(), name.c_str(), count, pointers.data(),
                             lengths.data(), formats.data(), 1) == 1;
}

Task<bool> Connection::flush(Deadline deadline) {
  for (;;) {
    const int left = PQflush(connection_.get());
    if (left <= 0) co_return left == 0;
    if (co_await wait(socket_, true, true, deadline) == Ready::timed_out) co_return false;
    if (PQconsumeInput(connection_.get()) != 1) co_return false;
  }
}

// The next result of any kind, or null between the results of two commands.
Task<std::expected<pg_result*, Failure>> Connection::next_result(Deadline deadline) {
  while (PQisBusy(connection_.get()) != 0) {
    if (co_await wait(socket_, true, false, deadline) == Ready::timed_out)
      co_return std::unexpected(Failure{
          Failure::Kind::lost, {ErrorCode::unavailable, "the database does not answer", nullptr}});
    if (PQconsumeInput(connection_.get()) != 1)
      co_return std::unexpected(lost("the connection to the database is lost"));
  }
  co_return PQgetResult(connection_.get());
}

Task<std::expected<std::vector<Rows>, Connection::Refusal>> Connection::run(
    std::vector<const Statement*> statements, Deadline deadline) {
  // No BEGIN, no COMMIT: what stands before a Sync is one transaction, which the Sync commits.
  std::vector<Sent> sent;
  bool taken = true;
  for (std::size_t at = 0; at < statements.size() && taken; ++at)
    taken = send(*statements[at], at, sent);
  taken = taken && PQpipelineSync(connection_.get()) == 1;
  if (!taken) co_return std::unexpected(Refusal{lost("sending to the database"), 0});
  if (!co_await flush(deadline))
    co_return std::unexpected(Refusal{lost("sending to the database"), 0});

  std::vector<Rows> rows;
  std::optional<Refusal> refusal;
  const auto note = [&](const PGresult* result, std::size_t at) {
    if (refusal) return;
    const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char* text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    // Without a SQLSTATE it is libpq's own word: the connection broke.
    if (state == nullptr || text == nullptr)
      refusal = Refusal{lost("the connection to the database is lost"), at};
    else
      refusal = Refusal{failure_of(state, text), at};
  };
  for (const auto& command : sent) {
    auto got = co_await next_result(deadline);
    if (!got)
      co_return std::unexpected(refusal.value_or(Refusal{std::move(got).error(), command.at}));
    Result result(*got, PQclear);
    const auto status = PQresultStatus(result.get());
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
      if (command.text != nullptr)
        prepared_[*command.text] = command.name;
      else
        rows.emplace_back(result.release());
    } else if (status != PGRES_PIPELINE_ABORTED) {
      note(result.get(), command.at);
      if (refusal->failure.kind == Failure::Kind::lost)
        co_return std::unexpected(*std::move(refusal));
    }
    // The null after each command's result.
    got = co_await next_result(deadline);
    if (!got)
      co_return std::unexpected(refusal.value_or(Refusal{std::move(got).error(), command.at}));
    if (*got != nullptr) {
      const Result unexpected(*got, PQclear);
      note(unexpected.get(), command.at);
      co_return std::unexpected(*std::move(refusal));
    }
  }
  // The commit's own failure comes before the Sync's result.
  for (;;) {
    auto got = co_await next_result(deadline);
    if (!got)
      co_return std::unexpected(
          refusal.value_or(Refusal{std::move(got).error(), statements.size()}));
    if (*got == nullptr) {
      if (PQstatus(connection_.get()) == CONNECTION_OK) continue;
      co_return std::unexpected(refusal.value_or(
          Refusal{lost("the connection to the database is lost"), statements.size()}));
    }
    const Result result(*got, PQclear);
    if (PQresultStatus(result.get()) == PGRES_PIPELINE_SYNC) break;
    note(result.get(), statements.size());
    if (refusal->failure.kind == Failure::Kind::lost)
      co_return std::unexpected(*std::move(refusal));
  }
  if (refusal) co_return std::unexpected(*std::move(refusal));
  co_return rows;
}

Task<std::expected<std::vector<std::string>, Failure>> Connection::notifications(
    Deadline deadline) {
  std::vector<std::string> payloads;
  for (;;) {
    while (auto* notified = PQnotifies(connection_.get())) {
      payloads.emplace_back(notified->extra);
      PQfreemem(notified);
    }
    if (!payloads.empty() || co_await wait(socket_, true, false, deadline) == Ready::timed_out)
      co_return payloads;
    if (PQconsumeInput(connection_.get()) != 1)
      co_return std::unexpected(lost("the connection to the database is lost"));
  }
}

}  // namespace corral::adapters::store::postgres
