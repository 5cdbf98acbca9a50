// ports::Mirrors on the git program. See README.md for what a mirror's refs mean.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "ports/git.h"

namespace corral::adapters::git {

struct MirrorOptions {
  std::filesystem::path
      folder;  // <folder>/<project id>.git, and git's configuration; made when absent
  std::string
      askpass;  // program that git asks for a user or password (GIT_ASKPASS); empty: none is given
  std::map<std::string, std::string>
      env;                  // more of git's environment: SSH_AUTH_SOCK, SSL_CERT_FILE
  bool allow_local = true;  // paths and file:// of this machine
  std::chrono::seconds fetch_timeout{30 * 60};  // for one fetch of a remote
  std::chrono::seconds read_timeout{120};       // for a diff, a patch, a list of commits
  std::chrono::seconds idle_timeout{15 * 60};   // of a connection that serve() handles
  std::size_t max_diff_bytes = 32u << 20;
  std::uint64_t max_push_bytes = 1ull << 30;  // one push of a workspace
  std::size_t max_connections = 8;  // that serve() handles at once for one branch; more are refused
};

// For remotes, the person's own credential helpers, proxies and certificates (git config --global)
// are used, read anew for each fetch; an SSH key or agent likewise. Nothing else of their
// configuration is. Lives on the executor that its calls are awaited on. Fails when the folder
// cannot be written. Destroy it after every call has ended.
Result<std::unique_ptr<ports::Mirrors>> make_git_mirrors(MirrorOptions options);

}  // namespace corral::adapters::git
