#include "main/data_folder.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/files.h"
#include "base/json.h"

namespace corral {
namespace {

constexpr std::size_t kTokenBytes = 32, kIdBytes = 8;

// A server that is killed while it starts a program leaves its lock to that program's process,
// until that has begun.
constexpr int kLockPauseMs = 20;
constexpr int kLockTries = 250;

bool is_dead(const std::string& pid) {
  const int number = std::atoi(pid.c_str());
  // It writes its number after it has got the lock.
  return number <= 0 || (::kill(number, 0) != 0 && errno == ESRCH);
}

// The secret in `file`, made when there is none.
Result<DataFolder::LoginToken> kept_secret(const std::filesystem::path& file,
                                           std::string_view prefix, Random& random,
                                           std::size_t bytes = kTokenBytes) {
  auto kept = read_file(file, 4096);
  if (kept && kept->size() >= 2 * bytes)
    return DataFolder::LoginToken{Secret(*std::move(kept)), false};
  if (kept)
    return fail(
        ErrorCode::corrupt,
        "{} is too short to be what it should: restore it, or remove it to have a new one made",
        file.string());
  if (kept.error().code != ErrorCode::not_found) return std::unexpected(std::move(kept).error());
  Secret made(std::string(prefix) + random.hex(bytes));
  CORRAL_CHECK(write_file_atomically(file, made.expose()));
  return DataFolder::LoginToken{std::move(made), true};
}

}  // namespace

Result<DataFolder> DataFolder::open(std::filesystem::path path) {
  CORRAL_CHECK(make_directories(path));
  std::error_code error;
  path = std::filesystem::canonical(path, error);
  if (error)
    return std::unexpected(errno_error(error.value(), "cannot use data folder " + path.string()));
  Fd lock(::open((path / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock)
    return std::unexpected(errno_error(errno, "cannot write to data folder " + path.string()));
  for (int tries = 0; ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0; ++tries) {
    const auto holder = read_file(path / "lock", 64);
    if (tries < kLockTries && is_dead(holder.value_or(""))) {
      ::poll(nullptr, 0, kLockPauseMs);
      continue;
    }
    return fail(ErrorCode::conflict,
                "another corral server (pid {}) uses data folder {}: stop it, talk to it with "
                "--server, or give another --data",
                holder.value_or("unknown"), path.string());
  }
  const std::string pid = std::to_string(::getpid());
  if (::ftruncate(lock.get(), 0) != 0)
    return std::unexpected(errno_error(errno, "cannot write " + (path / "lock").string()));
  CORRAL_CHECK(write_all(lock.get(), pid));
  return DataFolder(std::move(path), std::move(lock));
}

Result<Secret> DataFolder::run_token_key(Random& random) const {
  CORRAL_TRY(auto key, kept_secret(path_ / "server.key", "", random));
  return std::move(key.token);
}

Result<Secret> DataFolder::push_key(Random& random) const {
  CORRAL_TRY(auto key, kept_secret(path_ / "push.key", "", random));
  return std::move(key.token);
}

Result<std::string> DataFolder::server_id(Random& random) const {
  CORRAL_TRY(const auto id, kept_secret(path_ / "server.id", "", random, kIdBytes));
  return std::string(id.token.expose());
}

Result<DataFolder::LoginToken> DataFolder::login_token(Random& random) const {
  return kept_secret(path_ / "admin-token", "corral_", random);
}

Result<void> DataFolder::announce(std::string_view url, std::string_view token) const {
  CORRAL_CHECK(make_directories(path_ / "run"));
  json::object document{{"url", url}, {"pid", ::getpid()}};
  if (!token.empty()) document["token"] = token;
  return write_file_atomically(path_ / "run" / "server.json", json::serialize(document));
}

void DataFolder::withdraw() const {
  std::error_code ignored;
  std::filesystem::remove(path_ / "run" / "server.json", ignored);
}

}  // namespace corral
