// The port that makes workspaces exist (local sandbox, Docker, Kubernetes) and the handle to a live
// one.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/id.h"
#include "base/task.h"

namespace corral::ports {

struct Limits {
  std::uint64_t memory_bytes = 2ull << 30;  // 512 MB is the default for commands, 2 GB for agents
  double cpus = 2.0;
  std::uint32_t processes = 512;
  std::uint64_t file_size_bytes = 4ull << 30;
  std::uint64_t disk_bytes = 10ull << 30;  // workspace, home and tmp together
  std::uint64_t files = 1'000'000;         // inodes, likewise
  std::chrono::seconds time{6 * 3600};     // of the workspace's whole life
};

// A folder or file of the host that is visible inside, read-only (an installed agent).
struct ReadOnlyMount {
  std::string source;
  std::string target;  // absolute, inside
};

struct WorkspaceSpec {
  WorkspaceId id;
  Limits limits;
  std::vector<ReadOnlyMount> mounts;
};

// How strongly a launcher isolates; every run shows it.
enum class Isolation { sandbox, reduced, none };
std::string_view to_string(Isolation isolation);

struct LauncherStatus {
  Isolation isolation = Isolation::sandbox;
  std::vector<std::string> warnings;  // limits that cannot be set here, and why; for `corral
                                      // doctor` and the start-up log
};

struct TerminalSize {
  std::uint16_t columns = 80;
  std::uint16_t rows = 24;
};

struct ProcessSpec {
  std::string id;                 // unique in the workspace: [a-z0-9._-]{1,64}
  std::vector<std::string> argv;  // argv[0] is looked up on the workspace's PATH
  std::map<std::string, std::string>
      env;  // added to the runner's base environment (PATH, HOME, LANG, TERM, USER)
  std::string cwd = "/workspace";
  std::optional<TerminalSize> terminal;  // a PTY instead of pipes
  bool input = false;        // keep stdin open for Workspace::input; otherwise /dev/null
  bool merge_errors = true;  // stderr into the same output channel; otherwise into "<id>.err"
  std::chrono::milliseconds timeout{
      0};  // 0: none. Then SIGTERM to the process tree, SIGKILL 5 s later
};

struct ProcessExit {
  int exit_code = 0;  // 128 + signal when killed
  bool timed_out = false;
  bool out_of_memory = false;
};

// What a folder of a workspace holds. All of it is what programs inside made it: names are UTF-8
// and without a slash, times lie in the years 1970 to 9999, and that is all that is promised.
struct FolderEntry {
  enum class Type { file, folder, link, other };
  std::string name;
  Type type = Type::other;
  std::uint64_t size_bytes = 0;
  Time modified{};
  std::string target;  // of a link: where it says it leads, made valid UTF-8
};
std::string_view to_string(FolderEntry::Type type);

struct FolderListing {
  std::vector<FolderEntry> entries;  // in no order
  bool truncated = false;            // there are more
  std::uint64_t left_out = 0;        // of those looked at: names that are not UTF-8
};

// Receives the output of a channel, in order, without gap or repeat: `offset` is where `bytes`
// begin. It returns once the bytes are durable (the runner may then forget them); an error stops
// delivery, and what was not taken is sent again to the next sink.
using OutputSink = std::function<Task<Result<void>>(std::uint64_t offset, std::string bytes)>;

// A live workspace, seen through its runner. Survives the loss of the link: calls wait (up to their
// deadline) for the runner to come back, and fail with `unavailable` only when it is gone for good
// (gone() is then true). Lives on the server's executor.
class Workspace {
 public:
  virtual ~Workspace() = default;
  virtual WorkspaceId id() const = 0;
  virtual Isolation isolation() const = 0;
  virtual bool gone() const = 0;

  // Where the door's two kinds are reached from inside. Differs from these where a workspace has no
  // network of its own.
  virtual std::string gateway_url() const { return "http://127.0.0.1:8377"; }
  virtual std::string git_url() const { return "git://127.0.0.1:9418/project"; }

  // Starts a process, once: the same id again is success and changes nothing, whether it still runs
  // or has ended.
  virtual Task<Result<void>> start(ProcessSpec spec) = 0;
  // Waits for its end. May be called again, also after a restart of the server. not_found: no such
  // process.
  virtual Task<Result<ProcessExit>> wait(std::string process) = 0;
  // Delivers a channel ("<process>" or "<process>.err") from `from` on to `sink` until the process
  // has ended and all its output was taken, then returns the channel's total size. One reader a
  // channel at a time.
  virtual Task<Result<std::uint64_t>> read_output(std::string channel, std::uint64_t from,
                                                  OutputSink sink) = 0;
  // Writes to stdin. `input_id` makes it idempotent: the runner drops an id it has seen. At most 16
  // MiB.
  virtual Task<Result<void>> input(std::string process, std::string input_id,
                                   std::string bytes) = 0;
  // The same for a stream of keys: `bytes` begin at `offset` of all that `source` types into the
  // process, and what it has of them already is cut, however often it comes. Returns how many bytes
  // of the source the process has by then; no bytes: asks for just that. `invalid` for a gap. The
  // last 1,000 sources are known.
  virtual Task<Result<std::uint64_t>> type(std::string process, std::string source,
                                           std::uint64_t offset, std::string bytes) = 0;
  virtual Task<Result<void>> close_input(std::string process) = 0;
  virtual Task<Result<void>> resize(std::string process, TerminalSize size) = 0;
  // To the process and all its descendants. Success when it has already ended.
  virtual Task<Result<void>> signal(std::string process, int number) = 0;

  // Files, by the runner, never following a link out of the given root. Paths are absolute, below
  // /workspace or /home/agent (HOME): these names hold in every isolation, the runner knows where
  // they are. At most 16 MiB; regular files only. write_file makes missing parent folders and
  // replaces the file as a whole; without a mode it keeps that of the file it replaces, and a new
  // one is 0644.
  virtual Task<Result<std::string>> read_file(std::string path, std::size_t max_bytes) = 0;
  virtual Task<Result<void>> write_file(std::string path, std::string bytes,
                                        std::optional<unsigned> mode) = 0;
  // What a folder holds (the two roots count too), at most `max_entries` of it, in one look that is
  // no snapshot: what changes meanwhile is there or not. `invalid` when it is not a folder.
  virtual Task<Result<FolderListing>> list_folder(std::string path, std::size_t max_entries) = 0;

  // As read_output, for a sink that uses bytes before they are durable: it is called with the next
  // ones while earlier calls still wait. Every call begins in order, up to where it first waits;
  // the runner forgets what every call up to there has returned for.
  virtual Task<Result<std::uint64_t>> read_output_ahead(std::string channel, std::uint64_t from,
                                                        OutputSink sink) {
    return read_output(std::move(channel), from, std::move(sink));
  }
};

// What a workspace may reach: the runner accepts on a loopback port inside and each connection
// comes out here.
enum class DoorKind {
  gateway,  // HTTP to the LLM gateway; port 8377 inside
  git,      // git:// protocol to the project's mirror; port 9418 inside
};

// Implemented by the composition root. `connection` is one end of a stream socket pair: owned by
// the callee, who reads and writes it as it would a client's. Called on the server's executor; must
// not block.
using Door = std::function<void(WorkspaceId workspace, DoorKind kind, Fd connection)>;

class Launcher {
 public:
  virtual ~Launcher() = default;

  // Checks once what this machine allows. `unsupported` with the reason when the wanted isolation
  // cannot be had.
  virtual Task<Result<LauncherStatus>> check() = 0;

  // Makes the workspace and waits until its runner is linked. The same id again attaches to the
  // living one, or fails with `conflict` when it existed and is gone. `exhausted` when the machine
  // has no room.
  virtual Task<Result<std::shared_ptr<Workspace>>> create(WorkspaceSpec spec) = 0;

  // The living workspace of an earlier create (also by a server process that has since died).
  // `not_found` when its runner is gone or never was.
  virtual Task<Result<std::shared_ptr<Workspace>>> attach(WorkspaceId id) = 0;

  // Ends every process of it and removes its files, mounts, cgroups. Idempotent.
  virtual Task<Result<void>> destroy(WorkspaceId id) = 0;

  // All that exist here, living or dead: for removing what no run needs any more.
  virtual Task<Result<std::vector<WorkspaceId>>> list() = 0;
};

}  // namespace corral::ports
