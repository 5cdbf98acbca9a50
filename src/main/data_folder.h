// The embedded server's data folder: made, owned by one server at a time, with the keys that live in it.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/fd.h"
#include "base/random.h"
#include "base/secret.h"

namespace corral {

// While it lives, no other server uses the folder (flock on <folder>/lock: released by the kernel when the process dies).
class DataFolder {
 public:
  // Makes the folder (0700) if need be. `conflict` names the process that holds it; `forbidden`, `exhausted` as the
  // file system says.
  static Result<DataFolder> open(std::filesystem::path path);

  const std::filesystem::path& path() const { return path_; }

  // The key that signs run tokens: 32 random bytes as hex, made once, kept in <folder>/server.key (0600).
  Result<Secret> run_token_key(Random& random) const;

  // Tells command lines on this machine where the server is: <folder>/run/server.json (0600).
  Result<void> announce(std::string_view url, std::string_view local_token) const;
  void withdraw() const;

 private:
  DataFolder(std::filesystem::path path, Fd lock) : path_(std::move(path)), lock_(std::move(lock)) {}
  std::filesystem::path path_;
  Fd lock_;
};

// Who may log in: the admin token, of which only the SHA-256 is kept (<folder>/admin-token.sha256), and the local token
// of this start, which only those who may read <folder>/run/server.json know.
class LoginTokens {
 public:
  // Makes the admin token when the folder has none yet, and returns it in `created`, to be shown once.
  static Result<LoginTokens> load_or_create(const DataFolder& folder, Random& random, std::optional<Secret>& created);
  // A token that the operator chose.
  static LoginTokens of(const Secret& token, Random& random);

  bool accepts(std::string_view token) const;  // constant time for equal lengths
  const Secret& local_token() const { return local_; }

 private:
  LoginTokens(std::string admin_sha256, Secret local) : admin_sha256_(std::move(admin_sha256)), local_(std::move(local)) {}
  std::string admin_sha256_;  // hex
  Secret local_;
};

}  // namespace corral
