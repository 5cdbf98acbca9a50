// Repositories of this machine: whose they are, and how git opens one as its owner.
#pragma once

#include <string>

#include <sys/types.h>

#include "base/error.h"

namespace corral::adapters::git {

struct LocalRepository {
  std::string path;  // as given
  uid_t owner = 0;
};

// Looks at the folder without opening the repository. `not_found`, `forbidden`, `invalid` (not a
// folder). Blocking, but a stat only.
Result<LocalRepository> inspect_local(const std::string& path);

// The command line (for git's --upload-pack and --receive-pack, which hand it to a shell; it holds
// no text from outside) of git's `service` for that repository. When Corral runs as root and
// someone else owns the repository, it runs as the owner: nothing that the repository's files say
// reaches further than their owner could, and new files are the owner's. The repository's hooks and
// configured programs stay off whatever its configuration says.
enum class Service { upload_pack, receive_pack };
std::string service_command(const LocalRepository& repository, Service service);

// Whether it looks like a repository to Corral, which is root, but belongs to someone else: so that
// "not a repository" in their eyes means that they cannot get there.
bool closed_to_owner(const LocalRepository& repository);

}  // namespace corral::adapters::git
