// A real PostgreSQL server of the test's own.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include <sys/types.h>

#include "adapters/store/postgres/postgres_store.h"

namespace corral::adapters::store::postgres::testing {

// In a new folder, reachable over a Unix socket (trusted) and on loopback with TLS if asked for
// (user and password). It does not sync to disk, which the tests' crashes do not need: they end the
// server, not the machine. Blocks; throws std::runtime_error when something does not work.
class TestServer {
 public:
  // Where PostgreSQL's server programs are; empty when it is not installed.
  static std::filesystem::path programs();

  TestServer();
  ~TestServer();
  TestServer(const TestServer&) = delete;
  TestServer& operator=(const TestServer&) = delete;

  // As `pg_ctl restart -m immediate`: every server process dies at once, and the next start
  // recovers from the log.
  void crash();
  void start();

  // Makes an empty database of this name.
  void create_database(const std::string& name);
  // Drops it, whoever uses it.
  void drop_database(const std::string& name);
  // Runs one statement there.
  void execute(const std::string& database, const std::string& sql);

  std::string url(const std::string& database) const;  // over the Unix socket
  std::string loopback_url(const std::string& database, const std::string& password,
                           const std::string& parameters = "") const;
  static constexpr const char* kPassword = "a-Password/that%must@not:leak";
  static std::string encoded_password();
  std::filesystem::path socket() const { return folder_ / (".s.PGSQL." + std::to_string(port_)); }
  // What the server shows to those who ask for TLS; its own root.
  std::filesystem::path certificate() const { return folder_ / "data/server.crt"; }

 private:
  std::filesystem::path folder_;
  pid_t process_ = -1;
  int port_ = 0;
};

// The server that all tests of this program share, ended at its exit. Null when PostgreSQL is not
// installed.
TestServer* shared_server();

// An empty database for one test.
class TestDatabase {
 public:
  explicit TestDatabase(TestServer& server);
  ~TestDatabase();
  TestDatabase(const TestDatabase&) = delete;
  TestDatabase& operator=(const TestDatabase&) = delete;

  std::unique_ptr<ports::Store> open(PostgresStoreOptions options = {}) const;
  std::string url() const { return server_.url(name_); }
  const std::string& name() const { return name_; }
  TestServer& server() const { return server_; }

 private:
  TestServer& server_;
  std::string name_;
};

}  // namespace corral::adapters::store::postgres::testing
