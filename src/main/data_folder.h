// The embedded server's data folder: made, owned by one server at a time, with the keys that live
// in it.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/fd.h"
#include "base/random.h"
#include "base/secret.h"

namespace corral {

// While it lives, no other server uses the folder (flock on <folder>/lock: released by the kernel
// when the process dies).
class DataFolder {
 public:
  // Makes the folder (0700) if need be. `conflict` names the process that holds it; `forbidden`,
  // `exhausted` as the file system says.
  static Result<DataFolder> open(std::filesystem::path path);

  const std::filesystem::path& path() const { return path_; }

  // The key that signs run tokens: 32 random bytes as hex, made once, kept in <folder>/server.key
  // (0600).
  Result<Secret> run_token_key(Random& random) const;

  // What the key follows from that browsers subscribe to push messages with: made once, kept in
  // <folder>/push.key (0600). With another one nobody who has subscribed can be told any more.
  Result<Secret> push_key(Random& random) const;

  // Names the folder, and so its server, among those that share a store: made once, kept in
  // <folder>/server.id. A copy of the folder must not have it.
  Result<std::string> server_id(Random& random) const;

  // The token that a server which others can reach asks for: made once and kept in
  // <folder>/admin-token (0600).
  struct LoginToken {
    Secret token;
    bool created = false;  // just now: show it, once
  };
  Result<LoginToken> login_token(Random& random) const;

  // Tells command lines on this machine where the server is: <folder>/run/server.json (0600).
  Result<void> announce(std::string_view url, std::string_view token) const;
  void withdraw() const;

 private:
  DataFolder(std::filesystem::path path, Fd lock)
      : path_(std::move(path)), lock_(std::move(lock)) {}
  std::filesystem::path path_;
  Fd lock_;
};

}  // namespace corral
