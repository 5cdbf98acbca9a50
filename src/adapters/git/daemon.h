// git's own protocol on a connection from a workspace, as `git daemon` speaks it
// (gitprotocol-pack(5)), with a filter: a workspace reads the remote's branches, tags and its own
// branch, and writes its own branch only.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>

#include "adapters/git/git_command.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/task.h"

namespace corral::adapters::git {

struct DaemonRequest {
  bool push = false;
  int protocol_version = 0;
};

// The first pkt-line's content: "git-upload-pack /project\0host=…\0\0version=2\0". `invalid` for
// any other service or path.
Result<DaemonRequest> parse_daemon_request(std::string_view line);

// One line of a push's command list: "<old> <new> <ref>[\0capabilities]" or "shallow <hash>".
// `forbidden` unless the ref is refs/heads/<branch> or below refs/corral/<branch>/. Push
// certificates are refused: they would hide the commands.
Result<void> check_push_command(std::string_view line, std::string_view branch);

struct DaemonSession {
  std::filesystem::path mirror;
  std::string branch;
  std::chrono::seconds idle_timeout{};
};

// Serves one connection to its end. A refused request is answered in the protocol and is an error
// here too. Cancelling kills git and closes the connection.
Task<Result<void>> serve_connection(const Git& git, DaemonSession session, Fd connection);

// Tells the client why it is not served, and closes.
Task<void> refuse_connection(Fd connection, std::string why);

}  // namespace corral::adapters::git
