#include "adapters/store/postgres/testing/test_server.h"

#include <csignal>
#include <stdexcept>

#include <arpa/inet.h>
#include <fcntl.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adapters/store/postgres/connection.h"
#include "adapters/store/postgres/retry.h"
#include "base/files.h"
#include "base/subprocess.h"
#include "ports/contract/run_task.h"

namespace corral::adapters::store::postgres::testing {
namespace {

using ports::contract::run_task;

template <class T>
T need(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().describe());
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

// initdb and postgres refuse to run as root.
std::vector<std::string> unprivileged(std::vector<std::string> command) {
  std::vector<std::string> full{"setpriv", "--pdeathsig", "QUIT"};
  if (::geteuid() == 0) {
    const auto* user = ::getpwnam("postgres");
    if (user == nullptr) user = ::getpwnam("nobody");
    if (user == nullptr) throw std::runtime_error("no unprivileged user to run PostgreSQL as");
    full.insert(full.end(), {"--reuid", std::to_string(user->pw_uid), "--regid",
                             std::to_string(user->pw_gid), "--clear-groups"});
  }
  full.insert(full.end(), command.begin(), command.end());
  return full;
}

int free_port() {
  const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{.sin_family = AF_INET,
                      .sin_port = 0,
                      .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)},
                      .sin_zero = {}};
  socklen_t length = sizeof address;
  if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), length) != 0 ||
      ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0)
    throw std::runtime_error("no free port");
  return ntohs(address.sin_port);
}

Task<Result<void>> execute_once(const std::string& url, const std::string& sql, Duration patience) {
  CORRAL_CO_TRY(const auto endpoint, Endpoint::parse(Secret(url)));
  const auto until = std::chrono::steady_clock::now() + patience;
  for (BackOff back_off;;) {
    auto connection = co_await Connection::open(endpoint, until);
    if (connection) {
      const Statement statement{.sql = sql, .parameters = {}, .prepared = false};
      std::vector<const Statement*> statements{&statement};
      auto done = co_await (*connection)->run(std::move(statements), until);
      if (!done) co_return std::unexpected(done.error().failure.error);
      co_return Result<void>{};
    }
    if (connection.error().kind == Failure::Kind::refused ||
        std::chrono::steady_clock::now() >= until)
      co_return std::unexpected(connection.error().error);
    co_await back_off.wait(until);
  }
}

}  // namespace

std::filesystem::path TestServer::programs() {
  for (const int version : {17, 16, 15}) {
    const std::filesystem::path folder = fmt::format("/usr/lib/postgresql/{}/bin", version);
    if (std::filesystem::exists(folder / "initdb") && std::filesystem::exists(folder / "postgres"))
      return folder;
  }
  return {};
}

TestServer::TestServer() {
  std::string name = (std::filesystem::temp_directory_path() / "corral-pg-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
  folder_ = name;
  if (::geteuid() == 0) {
    const auto* user = ::getpwnam("postgres");
    if (user == nullptr) user = ::getpwnam("nobody");
    if (user != nullptr && ::chown(name.c_str(), user->pw_uid, user->pw_gid) != 0)
      throw std::runtime_error("chown of " + name);
  }
  const auto run = [&](std::vector<std::string> command) {
    need(run_task(run_checked(
        {.argv = unprivileged(std::move(command)), .env = inherited_env(), .cwd = name})));
  };
  run({programs() / "initdb", "-D", name + "/data", "-U", "corral", "-A", "trust", "-E", "UTF8",
       "--locale=C", "--no-sync"});
  run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
       "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
       "subjectAltName=IP:127.0.0.1,DNS:localhost", "-keyout", name + "/data/server.key", "-out",
       name + "/data/server.crt"});
  need(write_file_atomically(folder_ / "data/pg_hba.conf",
                             "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n",
                             0644));
  start();
  execute("postgres", fmt::format("ALTER ROLE corral PASSWORD '{}'", kPassword));
}

TestServer::~TestServer() {
  if (process_ > 0) crash();
  (void)remove_tree(folder_);
}

void TestServer::start() {
  if (port_ == 0) port_ = free_port();
  const Fd log(::open((folder_ / "log").c_str(), O_CREAT | O_APPEND | O_WRONLY | O_CLOEXEC, 0644));
  process_ =
      need(spawn({.argv = unprivileged(
                      {programs() / "postgres", "-D", folder_ / "data", "-k", folder_, "-p",
                       std::to_string(port_), "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off",
                       "-c", "shared_buffers=32MB", "-c", "max_connections=200", "-c", "ssl=on"}),
                  .env = inherited_env(),
                  .cwd = folder_,
                  .stdout_fd = log.get(),
                  .stderr_fd = log.get()}));
  // Answers as soon as it takes connections.
  try {
    execute("postgres", "SELECT 1");
  } catch (const std::runtime_error& error) {
    const auto words = read_file(folder_ / "log");
    throw std::runtime_error(
        fmt::format("PostgreSQL did not start: {}\n{}", error.what(), words ? *words : ""));
  }
}

void TestServer::crash() {
  ::kill(process_, SIGQUIT);
  int status = 0;
  ::waitpid(process_, &status, 0);
  process_ = -1;
}

void TestServer::execute(const std::string& database, const std::string& sql) {
  need(run_task(execute_once(url(database), sql, Duration{30'000})));
}
void TestServer::create_database(const std::string& name) {
  execute("postgres", "CREATE DATABASE " + name);
}
void TestServer::drop_database(const std::string& name) {
  execute("postgres", "DROP DATABASE " + name + " WITH (FORCE)");
}

std::string TestServer::url(const std::string& database) const {
  std::string host = folder_.string();
  for (auto at = host.find('/'); at != std::string::npos; at = host.find('/', at + 3))
    host.replace(at, 1, "%2F");
  return fmt::format("postgres://corral@{}:{}/{}", host, port_, database);
}
std::string TestServer::loopback_url(const std::string& database, const std::string& password,
                                     const std::string& parameters) const {
  return fmt::format("postgres://corral:{}@127.0.0.1:{}/{}{}", password, port_, database,
                     parameters);
}
std::string TestServer::encoded_password() { return "a-Password%2Fthat%25must%40not%3Aleak"; }

TestServer* shared_server() {
  static const auto server =
      TestServer::programs().empty() ? nullptr : std::make_unique<TestServer>();
  return server.get();
}

TestDatabase::TestDatabase(TestServer& server) : server_(server) {
  static int count = 0;
  name_ = fmt::format("test_{}", ++count);
  server_.create_database(name_);
}
TestDatabase::~TestDatabase() { server_.drop_database(name_); }

std::unique_ptr<ports::Store> TestDatabase::open(PostgresStoreOptions options) const {
  return need(open_postgres_store(Secret(url()), options));
}

}  // namespace corral::adapters::store::postgres::testing
