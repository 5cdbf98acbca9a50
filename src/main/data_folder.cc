#include "main/data_folder.h"

#include <cerrno>

#include <fcntl.h>
#include <openssl/sha.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/files.h"
#include "base/json.h"

namespace corral {
namespace {

std::string sha256_hex(std::string_view text) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  std::string hex;
  for (const unsigned char byte : digest) hex += fmt::format("{:02x}", byte);
  return hex;
}

constexpr std::size_t kTokenBytes = 32;

}  // namespace

Result<DataFolder> DataFolder::open(std::filesystem::path path) {
  CORRAL_CHECK(make_directories(path));
  std::error_code error;
  path = std::filesystem::canonical(path, error);
  if (error) return std::unexpected(errno_error(error.value(), "cannot use data folder " + path.string()));
  Fd lock(::open((path / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock) return std::unexpected(errno_error(errno, "cannot write to data folder " + path.string()));
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    const auto holder = read_file(path / "lock", 64);
    return fail(ErrorCode::conflict, "another corral server (pid {}) uses data folder {}: stop it, talk to it with --server, or give another --data",
                holder.value_or("unknown"), path.string());
  }
  const std::string pid = std::to_string(::getpid());
  if (::ftruncate(lock.get(), 0) != 0) return std::unexpected(errno_error(errno, "cannot write " + (path / "lock").string()));
  CORRAL_CHECK(write_all(lock.get(), pid));
  return DataFolder(std::move(path), std::move(lock));
}

Result<Secret> DataFolder::run_token_key(Random& random) const {
  const auto file = path_ / "server.key";
  auto kept = read_file(file, 4096);
  if (kept && kept->size() >= 2 * kTokenBytes) return Secret(*std::move(kept));
  if (kept) return fail(ErrorCode::corrupt, "{} is too short to be a key: restore it, or remove it while no run is under way", file.string());
  if (kept.error().code != ErrorCode::not_found) return std::unexpected(std::move(kept).error());
  Secret key(random.hex(kTokenBytes));
  CORRAL_CHECK(write_file_atomically(file, key.expose()));
  return key;
}

Result<void> DataFolder::announce(std::string_view url, std::string_view local_token) const {
  CORRAL_CHECK(make_directories(path_ / "run"));
  json::object document{{"url", url}, {"pid", ::getpid()}};
  if (!local_token.empty()) document["token"] = local_token;
  return write_file_atomically(path_ / "run" / "server.json", json::serialize(document));
}

void DataFolder::withdraw() const {
  std::error_code ignored;
  std::filesystem::remove(path_ / "run" / "server.json", ignored);
}

Result<LoginTokens> LoginTokens::load_or_create(const DataFolder& folder, Random& random, std::optional<Secret>& created) {
  const auto file = folder.path() / "admin-token.sha256";
  auto kept = read_file(file, 4096);
  if (!kept && kept.error().code != ErrorCode::not_found) return std::unexpected(std::move(kept).error());
  if (!kept) {
    created.emplace("corral_" + random.hex(kTokenBytes));
    kept = sha256_hex(created->expose());
    CORRAL_CHECK(write_file_atomically(file, *kept));
  }
  if (kept->size() != 2 * SHA256_DIGEST_LENGTH)
    return fail(ErrorCode::corrupt, "{} does not hold a SHA-256: remove it to have a new admin token made", file.string());
  return LoginTokens(*std::move(kept), Secret(random.hex(kTokenBytes)));
}

LoginTokens LoginTokens::of(const Secret& token, Random& random) {
  return {sha256_hex(token.expose()), Secret(random.hex(kTokenBytes))};
}

bool LoginTokens::accepts(std::string_view token) const {
  return Secret(admin_sha256_).equals(sha256_hex(token)) || local_.equals(token);
}

}  // namespace corral
